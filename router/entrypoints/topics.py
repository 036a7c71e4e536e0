"""
`router topics`: lists what the router needs of a broker, makes what is missing, tells what differs.

A topic that is there is never changed: what an operator set on purpose stays,
and the report gives the command that would mend it. The replication factor is
the broker's default (`default.replication.factor`), which knows how many
brokers there are.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from router.adapters.kafka.admin import KafkaAdmin, TopicSpec, TopicState
from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.first_contact import first_contact
from router.errors import DependencyDown
from router.events.catalogue import Topic, catalogue
from router.settings import Settings

SHOWN_WITHIN = 15.0
LOOKED_AGAIN = 0.1  # seconds; a broker needs some milliseconds to hear from its controller
EMBEDDED = "ROUTER_KAFKA is not set: the embedded log makes its topics itself, so nothing is to be made or checked."


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing about a topic on the broker that is not as described, and the command that mends it."""

    topic: str
    what: str
    expected: str
    actual: str
    mend: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Every topic that the router uses, under its full name."""

    prefix: str
    topics: tuple[Topic, ...]

    def as_json(self) -> list[dict[str, object]]:
        """Return the topics for programs."""
        return [
            {
                "name": self.prefix + topic.name,
                "description": topic.description,
                "direction": list(topic.direction),
                "key": topic.key,
                "partitions": topic.partitions,
                "cleanup": topic.cleanup,
                "retention_ms": topic.retention_ms,
                "max_message_bytes": topic.max_message_bytes,
                "producers": list(topic.producers),
                "consumers": list(topic.consumers),
                "personal_data": topic.personal_data,
                "types": list(topic.types),
            }
            for topic in self.topics
        ]

    def lines(self) -> list[str]:
        """Return the topics as a table for people."""
        head = ("TOPIC", "IN/OUT", "KEY", "PARTITIONS", "RETENTION", "PERSONAL DATA", "TYPES")
        rows = (
            (
                self.prefix + topic.name,
                "/".join(topic.direction),
                topic.key or "any",
                str(topic.partitions),
                f"{topic.cleanup} {topic.retention.days} d",
                "yes" if topic.personal_data else "no",
                " ".join(topic.types),
            )
            for topic in self.topics
        )
        return list(_table([head, *rows]))


@dataclass(frozen=True, slots=True)
class Creation:
    """What `create` made and what was there before; `embedded` where there is no broker to ask."""

    embedded: bool
    made: tuple[str, ...] = ()
    present: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the outcome for programs."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the outcome for people."""
        if self.embedded:
            return [EMBEDDED]
        return [*(f"made {name}" for name in self.made), f"{len(self.made)} made, {len(self.present)} there already"]


@dataclass(frozen=True, slots=True)
class Drift:
    """What differs between the topics as described and as they stand; `embedded` where there is no broker to ask."""

    embedded: bool
    checked: int = 0
    differences: tuple[Difference, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything is as described."""
        return not self.differences

    def as_json(self) -> dict[str, object]:
        """Return the report for programs."""
        return {"ok": self.ok, **asdict(self)}

    def lines(self) -> list[str]:
        """Return the report for people: a table of what differs, then each command that mends once."""
        if self.embedded:
            return [EMBEDDED]
        if self.ok:
            return [f"{self.checked} topics are as described"]
        head = ("TOPIC", "WHAT", "EXPECTED", "ACTUAL")
        rows = ((each.topic, each.what, each.expected, each.actual) for each in self.differences)
        return [*_table([head, *rows]), "", "To mend:", *dict.fromkeys(f"  {each.mend}" for each in self.differences)]


def list_topics(settings: Settings) -> Listing:
    """Return every topic that the router uses; touches no server."""
    return Listing(settings.topic_prefix, tuple(catalogue().values()))


async def create(settings: Settings) -> Creation:
    """
    Make the topics that are missing, leave the others as they are, and return when the broker shows them all.

    Raises `DependencyDown` without a broker.
    """
    if settings.kafka is None:
        return Creation(embedded=True)
    specs = {settings.topic_prefix + topic.name: _spec(settings.topic_prefix, topic) for topic in catalogue().values()}
    kafka = KafkaConnection(settings.kafka, settings.kafka_options())
    admin = KafkaAdmin(kafka)
    with first_contact(kafka):
        made = await admin.create(list(specs.values()))
    await _shown(admin, made)
    return Creation(embedded=False, made=tuple(made), present=tuple(name for name in specs if name not in made))


async def check(settings: Settings) -> Drift:
    """Compare the topics on the broker with their description; raises `DependencyDown` without a broker."""
    if settings.kafka is None:
        return Drift(embedded=True)
    specs = [_spec(settings.topic_prefix, topic) for topic in catalogue().values()]
    kafka = KafkaConnection(settings.kafka, settings.kafka_options())
    with first_contact(kafka):
        states = await KafkaAdmin(kafka).describe([spec.name for spec in specs])
    found = (each for spec in specs for each in differences(spec, states.get(spec.name), settings.kafka))
    return Drift(embedded=False, checked=len(specs), differences=tuple(found))


def differences(spec: TopicSpec, state: TopicState | None, bootstrap: str) -> Iterator[Difference]:
    """Yield what differs between a topic as described and as it stands; *state* is None where it does not stand."""
    if state is None:
        yield Difference(spec.name, "topic", "there", "missing", "router topics create")
        return
    at = f"--bootstrap-server {shlex.quote(bootstrap)}"
    if (count := len(state.partitions)) != spec.partitions:
        fewer = f"kafka-topics.sh {at} --alter --topic {spec.name} --partitions {spec.partitions}"
        more = f"# {spec.name}: Kafka takes no partitions away; more than described do no harm"
        mend = fewer if count < spec.partitions else more
        yield Difference(spec.name, "partitions", str(spec.partitions), str(count), mend)
    wrong = {key: value for key, value in spec.configs.items() if state.configs.get(key) != value}
    added = ",".join(f"{key}={value}" for key, value in wrong.items())
    mend = f"kafka-configs.sh {at} --alter --entity-type topics --entity-name {spec.name} --add-config {added}"
    for key, value in wrong.items():
        yield Difference(spec.name, key, value, state.configs.get(key, "not set"), mend)


async def _shown(admin: KafkaAdmin, names: Sequence[str]) -> None:
    """Wait until the broker shows what its controller has made, so that whoever comes next finds it."""
    try:
        async with asyncio.timeout(SHOWN_WITHIN):
            while len(await admin.partitions(names)) < len(names):  # noqa: ASYNC110 - a broker sends no news of it
                await asyncio.sleep(LOOKED_AGAIN)
    except TimeoutError:
        raise DependencyDown("Kafka made the topics and does not show them yet. Try router topics check.") from None


def _spec(prefix: str, topic: Topic) -> TopicSpec:
    return TopicSpec(
        prefix + topic.name,
        topic.partitions,
        {
            "cleanup.policy": topic.cleanup,
            "retention.ms": str(topic.retention_ms),
            "max.message.bytes": str(topic.max_message_bytes),
        },
    )


def _table(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    kept = list(rows)
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    for row in kept:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
