"""Our envelope against the official CloudEvents SDK, in both directions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import (
    KafkaMessage,
    from_kafka_event,
    to_binary_event,
    to_structured_event,
)
from cloudevents.core.v1.event import CloudEvent

from router.events import INPUT_TOPICS, TOPIC_OF_TYPE, TOPICS
from router.events.envelope import dead_letter, decode, encode
from router.ports import Outgoing, Received

NOW = datetime(2026, 3, 2, 14, 5, 9, 123000, tzinfo=UTC)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "topics" / "examples").glob("*/*.json"))
IDS = [f"{path.parent.name}-{path.stem}" for path in EXAMPLES]


def read_by_sdk(sent: Outgoing) -> CloudEvent:
    """Return the event that the SDK finds in a record of ours."""
    assert sent.value is not None
    event = from_kafka_event(KafkaMessage(headers=dict(sent.headers), key=sent.key, value=sent.value))
    assert isinstance(event, CloudEvent)
    return event


def received(topic: str, message: KafkaMessage) -> Received:
    """Return a record of the SDK as our log would give it."""
    key = message.key.encode() if isinstance(message.key, str) else message.key
    return Received(topic, 0, 0, key, message.value, message.headers, NOW)


@pytest.mark.parametrize("path", EXAMPLES, ids=IDS)
def test_the_sdk_reads_what_we_write(path: Path) -> None:
    """Every attribute and the data of an event that we encode are found by the SDK."""
    ce_type, value = path.parent.name, path.read_bytes()
    sent = encode(
        TOPIC_OF_TYPE[ce_type],
        "key-ü",
        ce_type,
        "f-1",
        1772460309123,
        "lead-ü",
        value,
        workspace="a b",
        traceparent=TRACE,
    )
    event = read_by_sdk(sent)
    assert event.get_specversion() == "1.0"
    assert (event.get_id(), event.get_type(), event.get_source()) == ("f-1", ce_type, "/router/a%20b")
    assert (event.get_time(), event.get_subject()) == (NOW, "lead-ü")
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data() == json.loads(value)


def test_the_sdk_reads_a_dead_letter() -> None:
    """A dead letter is a CloudEvent like any other."""
    bad = Received("rep-presence", 3, 7, None, b"{", {"ce_type": b"x"}, NOW)
    event = read_by_sdk(dead_letter(bad, "malformed_json", "no JSON", NOW, "default", "rep-presence"))
    assert event.get_type() == "event.rejected.v1"
    data: Any = event.get_data()
    assert data["source_offset"] == 7


@pytest.mark.parametrize("path", EXAMPLES, ids=IDS)
@pytest.mark.parametrize("write", [to_binary_event, to_structured_event], ids=["binary", "structured"])
def test_we_read_what_the_sdk_writes(path: Path, write: Any) -> None:  # noqa: ANN401 - the SDK's own signature
    """Binary and structured records of the SDK give the same data as the bare example."""
    ce_type, content = path.parent.name, json.loads(path.read_bytes())
    topic = TOPIC_OF_TYPE[ce_type]
    attributes = {
        "id": "e-1",
        "source": "/crm",
        "type": ce_type,
        "specversion": "1.0",
        "time": NOW,
        "datacontenttype": "application/json",
        "traceparent": TRACE,
    }
    event = decode(received(topic, write(CloudEvent(attributes, content))))
    assert (event.ce_type, event.ce_id, event.traceparent) == (ce_type, "e-1", TRACE)
    assert event.data == TOPICS[topic][ce_type].model_validate(content)


@pytest.mark.parametrize("topic", INPUT_TOPICS)
def test_we_read_binary_data_in_a_structured_event(topic: str) -> None:
    """Data that the SDK carries as bytes travels as `data_base64` and is read all the same."""
    ((ce_type, model),) = TOPICS[topic].items()
    value = next(path for path in EXAMPLES if path.parent.name == ce_type).read_bytes()
    attributes = {"id": "e-1", "source": "/crm", "type": ce_type, "specversion": "1.0"}
    message = to_structured_event(CloudEvent(attributes, value))
    assert b"data_base64" in message.value
    assert decode(received(topic, message)).data == model.model_validate_json(value)
