"""Every input topic, every mode: whatever bytes come, they are an event or are refused in words."""

from __future__ import annotations

import time

import orjson
import pytest
from hypothesis import HealthCheck, given, settings

from router.events import INPUT_TOPICS
from router.events.envelope import MAX_VALUE_BYTES
from router.ports import Received
from tests.fuzz import targets
from tests.fuzz.drawing import ODD_JSON, records

TAKES = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@TAKES
@given(records())
def test_any_record_is_an_event_or_is_refused(one: Received) -> None:
    """With a code of the contract, and one dead letter that fits its topic and holds the record whole."""
    targets.event(one)


@pytest.mark.parametrize("topic", INPUT_TOPICS)
def test_the_examples_are_events(topic: str) -> None:
    """What is mangled here is good as it stands: else nothing would be tested but refusals."""
    for example in targets.examples(topic):
        assert targets.event(targets.record(topic, orjson.dumps(example)))


@pytest.mark.parametrize("topic", INPUT_TOPICS)
@pytest.mark.parametrize("odd", ODD_JSON)
def test_odd_json_is_no_trap(topic: str, odd: str) -> None:
    """In the place of each field of the model, and as the whole of an event."""
    [example, *_] = targets.examples(topic)
    for name in example:
        rest = orjson.dumps({key: value for key, value in example.items() if key != name}).decode()
        targets.event(targets.record(topic, f'{{"{name}":{odd},{rest[1:]}'.encode()))
    targets.event(targets.record(topic, odd.encode()))
    targets.event(targets.record(topic, b'{"specversion":"1.0","data":%s}' % odd.encode()))


@pytest.mark.parametrize(
    "opening", [b"[", b'{"a":', b'{"specversion":"1.0","data":', b'"', b"\\", b"\xf0\x9f", b"9", b"[1,"]
)
def test_a_quarter_of_a_megabyte_of_one_thing_is_over_soon(opening: bytes) -> None:
    """No depth, no length of a number or of a text costs more than its bytes."""
    value = opening * (MAX_VALUE_BYTES // len(opening))
    begun = time.process_time()
    for topic in INPUT_TOPICS:
        assert not targets.event(targets.record(topic, value))
        assert not targets.event(targets.record(topic, value, {"content-type": b"application/cloudevents+json"}))
    assert time.process_time() - begun < targets.LONGEST
