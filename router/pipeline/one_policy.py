"""
Each batch goes to its end under one policy: the one in force when it came.

Another one may come in force while a step waits for a server. A decision that was begun under the first is finished
under it; that the ledger is at the next by then is for `router.pipeline.transitions.place` to notice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

from router.domain.policy import Policy
from router.pipeline import PIPELINE
from router.pipeline.runner import handlers
from router.pipeline.work import InForce
from router.ports import BatchHandler, Received


class OnePolicy:
    """The handlers of all input topics; *ports* gives what their steps may ask for under one policy."""

    def __init__(self, in_force: InForce, ports: Callable[[InForce], Mapping[str, object]]) -> None:
        self._in_force = in_force
        self._ports = ports
        self._bound: tuple[Policy, Mapping[str, BatchHandler]] | None = None

    def handlers(self) -> dict[str, BatchHandler]:
        """Return the handler of each input topic."""
        return {topic: functools.partial(self._handle, topic) for topic in PIPELINE}

    async def _handle(self, topic: str, records: Sequence[Received]) -> None:
        await self._now()[topic](records)

    def _now(self) -> Mapping[str, BatchHandler]:
        """Return the handlers under the policy in force, bound once for each policy."""
        if self._bound is None or self._bound[0] is not self._in_force.policy:
            self._bound = self._in_force.policy, handlers(self._ports(self._in_force.at_this_moment()))
        return self._bound[1]
