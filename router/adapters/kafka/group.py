"""The workers' group as its coordinator knows it."""

from __future__ import annotations

from collections.abc import Callable

from router.adapters.kafka.admin import KafkaAdmin
from router.adapters.kafka.connection import KafkaConnection


class KafkaGroup:
    """
    Implements `router.ports.Group`.

    * **member** - asks what this process is called in the group *name* at the moment.
    """

    def __init__(self, connection: KafkaConnection, name: str, member: Callable[[], str | None]) -> None:
        self._admin = KafkaAdmin(connection)
        self._name = name
        self._member = member

    @property
    def member(self) -> str | None:
        """What the coordinator calls this process; None before it has."""
        return self._member()

    async def remove(self, member: str) -> None:
        """Say in its stead that *member* leaves; one that has left already is no error."""
        await self._admin.remove_member(self._name, member)
