"""Lists, describes and creates topics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]  # the package ships no types
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType  # type: ignore[import-untyped]  # as above
from aiokafka.errors import (  # type: ignore[import-untyped]  # as above
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NoError,
    NotControllerError,
    TopicAlreadyExistsError,
    UnknownMemberIdError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.group import LeaveGroupRequest  # type: ignore[import-untyped]  # as above

from router.adapters.kafka.connection import KafkaConnection
from router.errors import BadInput, DependencyDown

ANSWERS_WITHIN = 10.0
ASKS_AGAIN_AFTER = 0.2
DEFAULT_REPLICATION = -1  # the broker's `default.replication.factor`


_NO_COORDINATOR_YET = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError)


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic to be made: its full name, and what differs from the broker's defaults."""

    name: str
    partitions: int
    configs: Mapping[str, str]
    replication: int = DEFAULT_REPLICATION


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it stands: partitions in order, and every config with its value."""

    partitions: Sequence[int]
    configs: Mapping[str, str]


class KafkaAdmin:
    """Each call is one connection; raises `DependencyDown` when no broker answers."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection

    async def partitions(self, names: Sequence[str]) -> Mapping[str, Sequence[int]]:
        """Return the partitions of those of *names* that exist."""
        async with self._client() as client:
            return await _partitions(client, names)

    async def describe(self, names: Sequence[str]) -> Mapping[str, TopicState]:
        """Return the state of those of *names* that exist."""
        async with self._client() as client:
            found = await _partitions(client, names)
            if not found:
                return {}
            wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in found]
            configs: dict[str, dict[str, str]] = {}
            for response in await client.describe_configs(wanted):
                for resource in response.to_object()["resources"]:
                    entries = resource["config_entries"]
                    configs[resource["resource_name"]] = {
                        each["config_names"]: each["config_value"] for each in entries
                    }
            return {name: TopicState(partitions, configs[name]) for name, partitions in found.items()}

    async def create(self, specs: Sequence[TopicSpec]) -> Sequence[str]:
        """
        Make the topics that are not there and return their names; others stay as they are.

        Raises `BadInput` with the broker's reason for one that it refuses.
        """
        topics = [
            NewTopic(spec.name, spec.partitions, spec.replication, replica_assignments={}, topic_configs=spec.configs)
            for spec in specs
        ]
        async with self._client() as client:
            response = (await client.create_topics(topics)).to_object()
        made = []
        for answer in response["topic_errors"]:
            error = for_code(answer["error_code"])
            if error is NotControllerError:
                raise DependencyDown("Kafka's controller has just changed. Try again.")
            if answer["error_code"] == 0:
                made.append(answer["topic"])
            elif error is not TopicAlreadyExistsError:
                raise BadInput(f"{answer['topic']}: {answer.get('error_message') or error.__name__}")
        return made

    async def committed(self, group: str) -> Mapping[tuple[str, int], int]:
        """Return the offset that *group* would read next, by topic and partition, where it has committed any."""
        async with self._client() as client:
            while True:
                try:
                    offsets = await client.list_consumer_group_offsets(group)
                except _NO_COORDINATOR_YET:  # a broker that has just started; `_client` bounds the waiting
                    await asyncio.sleep(ASKS_AGAIN_AFTER)
                    continue
                return {(each.topic, each.partition): kept.offset for each, kept in offsets.items() if kept.offset >= 0}

    async def remove_member(self, group: str, member: str) -> None:
        """Say in its stead that *member* leaves *group*; one that is not in it is no error."""
        async with self._client() as client:
            coordinator = await client.find_coordinator(group)
            answer = await client._client.send(coordinator, LeaveGroupRequest(group, member))  # noqa: SLF001 - has no other name
            error = for_code(answer.error_code)
            if error not in (NoError, UnknownMemberIdError):
                raise error

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[AIOKafkaAdminClient]:
        client = AIOKafkaAdminClient(
            request_timeout_ms=int(ANSWERS_WITHIN * 1000), **self._connection.client_arguments()
        )
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                await client.start()
                yield client
        except (KafkaError, OSError, TimeoutError) as error:
            raise DependencyDown(
                f"Kafka at {self._connection.bootstrap} does not answer: {str(error) or type(error).__name__}."
            ) from error
        finally:
            await client.close()


async def _partitions(client: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, list[int]]:
    found = {}
    for topic in await client.describe_topics(list(names)):
        if for_code(topic["error_code"]) is UnknownTopicOrPartitionError:
            continue
        if topic["error_code"]:
            raise DependencyDown(f"{topic['topic']}: {for_code(topic['error_code']).__name__}. Try again.")
        found[topic["topic"]] = sorted(each["partition"] for each in topic["partitions"])
    return found
