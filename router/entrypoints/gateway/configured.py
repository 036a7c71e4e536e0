"""The configuration's directory as the gateway and the notifier need it, read again when its files change."""

from __future__ import annotations

from collections.abc import Mapping

from router.policy.load import Loaded
from router.policy.shapes import NotifyShape, SourceShape


class Configured:
    """What the directory says of the world outside; `loaded` is what checked last."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded

    @property
    def sources(self) -> Mapping[str, SourceShape]:
        """The form platforms, by name."""
        return self.loaded.sources

    @property
    def notify(self) -> NotifyShape:
        """Channels and rules of the notifier."""
        return self.loaded.notify
