"""The configuration's directory as gateway and notifier need it, read again when its files change."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from router.policy.directory import Directory
from router.policy.load import Loaded
from router.policy.problems import PolicyInvalid
from router.policy.shapes import NotifyShape, SourceShape

LOOKS_EVERY = 0.5  # seconds; files that change between two looks are still being written

log = structlog.get_logger()


class Configured:
    """What the directory says of the world outside. Installs nothing: that is a worker's part."""

    def __init__(self, directory: Directory, loaded: Loaded | None = None) -> None:
        """Take what *directory* holds, or what was *loaded* of it; raises `PolicyInvalid`."""
        self._directory = directory
        self.loaded = loaded or directory.load()
        directory.seen = directory.seen or directory.look()

    @property
    def sources(self) -> Mapping[str, SourceShape]:
        """The form platforms, by name."""
        return self.loaded.sources

    @property
    def notify(self) -> NotifyShape:
        """Channels and rules of the notifier."""
        return self.loaded.notify

    async def watch(self) -> None:
        """Take over what the files say whenever they have changed and check, for ever."""
        while True:
            await asyncio.sleep(LOOKS_EVERY)
            look = await asyncio.to_thread(self._directory.look)
            if look == self._directory.seen:
                continue
            await asyncio.sleep(LOOKS_EVERY)
            if look != await asyncio.to_thread(self._directory.look):
                continue
            try:
                self.loaded = await asyncio.to_thread(self._directory.load)
            except PolicyInvalid as refusal:
                log.warning("directory.refused", errors=len(refusal.problems), advice="router check")
            else:
                log.info("directory.read", sources=len(self.sources), channels=len(self.notify.channels))
