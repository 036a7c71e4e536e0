"""`router topics` without a broker: what it lists, and what counts as a difference."""

from __future__ import annotations

import json

import pytest

from router.adapters.kafka.admin import TopicSpec, TopicState
from router.cli import run
from router.entrypoints.topics import Drift, differences
from router.events.catalogue import catalogue

SPEC = TopicSpec("acme.sla-events", 12, {"cleanup.policy": "delete", "retention.ms": "5"})


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROUTER_KAFKA", raising=False)
    monkeypatch.setenv("ROUTER_TOPIC_PREFIX", "acme.")


def found(partitions: int, **configs: str) -> list[tuple[str, str, str]]:
    """Return what differs where the topic stands with these."""
    named = {name.replace("_", "."): value for name, value in configs.items()}
    state = TopicState(range(partitions), named)
    return [(each.what, each.expected, each.actual) for each in differences(SPEC, state, "b:9092")]


def test_a_topic_as_described_differs_in_nothing() -> None:
    """Settings that the description does not name are the operator's."""
    assert found(12, cleanup_policy="delete", retention_ms="5", segment_ms="7") == []


def test_each_difference_is_told() -> None:
    """Partitions, a changed setting and one that is not set are three differences."""
    assert found(1, cleanup_policy="compact") == [
        ("partitions", "12", "1"),
        ("cleanup.policy", "delete", "compact"),
        ("retention.ms", "5", "not set"),
    ]


def test_a_missing_topic_is_one_difference() -> None:
    """What is not there is mended by making it."""
    (missing,) = differences(SPEC, None, "b:9092")
    assert (missing.actual, missing.mend) == ("missing", "router topics create")


def test_more_partitions_have_no_command() -> None:
    """Kafka takes no partitions away, so the report says that they do no harm."""
    state = TopicState(range(13), SPEC.configs)
    (more,) = differences(SPEC, state, "b:9092")
    assert more.mend.startswith("# acme.sla-events: Kafka takes no partitions away")


def test_a_report_names_each_command_once() -> None:
    """Two settings of one topic are mended by one command."""
    drift = Drift(embedded=False, checked=1, differences=tuple(differences(SPEC, TopicState(range(12), {}), "b:9092")))
    assert not drift.ok
    assert sum("kafka-configs.sh" in line for line in drift.lines()) == 1
    assert drift.lines()[0].split() == ["TOPIC", "WHAT", "EXPECTED", "ACTUAL"]


def test_list_names_every_topic_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    """The list holds every topic with its prefix, for people and for programs."""
    assert run(["topics", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [f"acme.{name}" for name in catalogue()]
    assert [line.split()[0] for line in lines[1:]] == names
    assert run(["topics", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in listed] == names
    assert listed[0]["retention_ms"] == 2_592_000_000


@pytest.mark.parametrize("command", ["create", "check"])
def test_the_embedded_log_needs_no_topics(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without `ROUTER_KAFKA` there is nothing to make or to check, and that is said."""
    assert run(["topics", command]) == 0
    assert "ROUTER_KAFKA is not set" in capsys.readouterr().out
    assert run(["topics", command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["embedded"] is True
