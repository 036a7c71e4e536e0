"""`router topics` against a real broker: made once, told when they drift, mended by what is told."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest

from router.adapters.kafka.admin import KafkaAdmin, TopicSpec
from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.consumer import KafkaTail
from router.adapters.kafka.producer import KafkaPublisher
from router.cli import run
from router.events.catalogue import catalogue
from router.events.envelope import MAX_KEPT_VALUE_BYTES, dead_letter, decode
from router.events.rejection import EventRejected
from router.ports import Received

pytestmark = pytest.mark.kafka


@pytest.fixture
def connection(kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> KafkaConnection:
    """Point the settings at the broker, under names that no other test uses."""
    monkeypatch.setenv("ROUTER_KAFKA", kafka)
    monkeypatch.setenv("ROUTER_TOPIC_PREFIX", prefix)
    return KafkaConnection(kafka)


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run `router topics` and return its exit code and what it printed."""
    code = run(["topics", *arguments])
    return code, capsys.readouterr().out


def ran_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    """Run `router topics` with `--json` and return its exit code and answer."""
    code, out = ran(capsys, *arguments, "--json")
    return code, json.loads(out)


def test_topics_are_made_once(connection: KafkaConnection, prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The first run makes every topic as described, the second makes none, and the check finds all in order."""
    names = [prefix + name for name in catalogue()]
    code, missing = ran_json(capsys, "check")
    assert (code, {each["actual"] for each in missing["differences"]}) == (1, {"missing"})
    assert [each["topic"] for each in missing["differences"]] == names

    code, first = ran_json(capsys, "create")
    assert (code, sorted(first["made"]), first["present"]) == (0, sorted(names), [])
    code, second = ran_json(capsys, "create")
    assert (code, second["made"], second["present"]) == (0, [], names)

    assert ran(capsys, "check") == (0, "10 topics are as described\n")
    states = asyncio.run(KafkaAdmin(connection).describe(names))
    assert {len(state.partitions) for state in states.values()} == {12}
    assert states[prefix + "rep-presence"].configs["retention.ms"] == str(7 * 86_400_000)


def test_drift_is_told_with_what_mends_it(
    connection: KafkaConnection, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Partitions and settings that differ are listed, left as they are, and named with a command each."""
    made = {
        "cleanup.policy": "compact",
        "retention.ms": "-1",
        "max.message.bytes": "1048576",
    }
    odd = [
        TopicSpec(prefix + "sla-events", 3, made),
        TopicSpec(prefix + "rep-actions", 13, {"max.message.bytes": "1048576", "retention.ms": str(30 * 86_400_000)}),
    ]
    asyncio.run(KafkaAdmin(connection).create(odd))
    code, out = ran(capsys, "create")
    assert (code, out.splitlines()[-1]) == (0, "8 made, 2 there already")

    code, drift = ran_json(capsys, "check")
    assert code == 1
    found = {(each["topic"], each["what"]): (each["expected"], each["actual"]) for each in drift["differences"]}
    assert found == {
        (prefix + "rep-actions", "partitions"): ("12", "13"),
        (prefix + "sla-events", "partitions"): ("12", "3"),
        (prefix + "sla-events", "cleanup.policy"): ("delete", "compact"),
        (prefix + "sla-events", "retention.ms"): (str(400 * 86_400_000), "-1"),
    }
    code, out = ran(capsys, "check")
    address = os.environ["ROUTER_KAFKA"]
    topic = f"{prefix}sla-events"
    assert f"kafka-topics.sh --bootstrap-server {address} --alter --topic {topic} --partitions 12" in out
    settings = "--add-config cleanup.policy=delete,retention.ms=34560000000"
    mend = (
        f"kafka-configs.sh --bootstrap-server {address} --alter --entity-type topics --entity-name {topic} {settings}"
    )
    assert out.count(mend) == 1


async def test_the_largest_dead_letter_is_taken(
    connection: KafkaConnection, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The dead letter of the largest event that a broker lets in is published and read again whole."""
    code, _ = await asyncio.to_thread(ran, capsys, "create")
    assert code == 0
    now = datetime(2026, 3, 2, tzinfo=UTC)
    bad = Received("form-submissions", 0, 0, None, b"\xff" * MAX_KEPT_VALUE_BYTES, {}, now)
    publisher = KafkaPublisher(connection, prefix)
    try:
        await publisher.publish([dead_letter(bad, "too_large", "too large", now, "w", prefix + "form-submissions")])
    finally:
        await publisher.aclose()
    letters = [
        record async for record in KafkaTail(connection, prefix, lambda: now).read(["dead-letters"], follow=False)
    ]
    (event,) = (decode(letter).data for letter in letters)
    assert isinstance(event, EventRejected)
    assert len(event.value_base64 or "") > MAX_KEPT_VALUE_BYTES


def test_without_a_broker(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A broker that does not answer is exit 3 and one line, whatever was asked of it."""
    monkeypatch.setenv("ROUTER_KAFKA", "127.0.0.1:1")
    for command in ("create", "check"):
        assert run(["topics", command]) == 3
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("error: Kafka at 127.0.0.1:1")
