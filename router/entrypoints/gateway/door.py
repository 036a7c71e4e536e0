"""All that a request handler may need: `request.app.state.door`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import Request
from redis.asyncio import Redis

from router.adapters.redis.keys import KeyStore
from router.adapters.redis.leads import RedisLeads
from router.bootstrap import Log
from router.entrypoints.gateway.configured import Configured
from router.entrypoints.gateway.sending import Sending
from router.pipeline.links import Signer
from router.pipeline.work import InForce
from router.ports import Clock
from router.settings import Settings


@dataclass(frozen=True, slots=True)
class Door:
    """
    What stands behind the gateway.

    * **in_force** - its `policy` is the one in force, followed while the gateway runs.
    * **directory** - `sources` and `notify` of the configuration's directory, read again when its files change.
    * **sending** - puts events onto the log; `send` and `submit` use it.
    """

    settings: Settings
    log: Log
    redis: Redis
    leads: RedisLeads
    keys: KeyStore
    in_force: InForce
    directory: Configured
    signer: Signer
    clock: Clock
    identity_key: bytes
    workspace: str
    sending: Sending

    async def send(self, topic: str, events: Sequence[Mapping[str, object]]) -> None:
        """
        Put the data of *events*, which its model has validated, onto an input *topic* as CloudEvents.

        Returns when the log has them. Raises `DependencyDown` where it has not, which becomes 503.
        """
        await self.sending.send(topic, events)


def door_of(request: Request) -> Door:
    """Return the door of the app that serves *request*."""
    door: Door = request.app.state.door
    return door
