"""CloudEvents to records and back: what is taken, what is refused and with which code."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import InvalidEvent
from router.events import INPUT_TOPICS, TOPICS
from router.events.envelope import (
    MAX_KEPT_VALUE_BYTES,
    MAX_VALUE_BYTES,
    dead_letter,
    decode,
    decode_value,
    encode,
)
from router.events.presence import RepPresence
from router.events.rejection import EventRejected
from router.events.submission import FormSubmitted
from router.ports import Received

NOW = datetime(2026, 3, 2, 14, 5, 9, 123456, tzinfo=UTC)
SUBMISSION: Mapping[str, Any] = {
    "submission_id": "s-1",
    "submitted_at": "2026-03-02T15:05:09+01:00",
    "form": "demo",
    "email": "joan@brightwell.example",
}
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def record(
    value: bytes | None, headers: Mapping[str, bytes] | None = None, topic: str = "form-submissions", offset: int = 7
) -> Received:
    """Return a record as the log gives it."""
    return Received(topic, 3, offset, None, value, headers or {}, NOW)


def data(**changes: object) -> bytes:
    """Return a submission as bare JSON, with *changes*."""
    return json.dumps({**SUBMISSION, **changes}).encode()


def structured(**changes: object) -> bytes:
    """Return a submission as a structured CloudEvent, with *changes* to the envelope; None takes a member away."""
    envelope = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/web",
        "type": "form.submitted.v1",
        "data": dict(SUBMISSION),
        **changes,
    }
    return json.dumps({name: value for name, value in envelope.items() if value is not None}).encode()


def refused(
    value: bytes | None, headers: Mapping[str, bytes] | None = None, topic: str = "form-submissions"
) -> tuple[str, str]:
    """Return code and detail of the refusal of a value."""
    with pytest.raises(InvalidEvent) as caught:
        decode(record(value, headers, topic))
    return caught.value.code, caught.value.detail


BINARY = {"ce_specversion": b"1.0", "ce_id": b"e-1", "ce_source": b"/web", "ce_type": b"form.submitted.v1"}
CLOUDEVENT = {"content-type": b"application/cloudevents+json; charset=utf-8"}


def test_encode_writes_every_header_of_the_contract() -> None:
    """An event goes out in binary mode: attributes as headers, the data alone as value, a UTF-8 key."""
    sent = encode("sla-events", "lead-ü", "sla.met.v1", "f-1", 1772460309123, "lead-ü", b'{"a":1}', workspace="emea")
    assert sent.topic == "sla-events"
    assert sent.key == "lead-ü".encode()
    assert sent.value == b'{"a":1}'
    assert dict(sent.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"f-1",
        "ce_source": b"/router/emea",
        "ce_type": b"sla.met.v1",
        "ce_time": b"2026-03-02T14:05:09.123Z",
        "ce_subject": "lead-ü".encode(),
        "content-type": b"application/json",
    }


def test_encode_passes_the_trace_on() -> None:
    """An event caused by a traced one carries its `traceparent`."""
    sent = encode("sla-events", "l", "sla.met.v1", "f", 0, "l", b"{}", workspace="w", traceparent=TRACE)
    assert sent.headers["traceparent"] == TRACE.encode()


def test_headers_of_two_records_are_apart() -> None:
    """What is changed in one record's headers does not show in the next one's."""
    first = encode("sla-events", "l", "sla.met.v1", "f", 0, "l", b"{}", workspace="w", traceparent=TRACE)
    second = encode("sla-events", "l", "sla.met.v1", "g", 0, "l", b"{}", workspace="w")
    assert "traceparent" not in second.headers
    assert first.headers["ce_id"] == b"f"


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (data(), {}),
        (data(), {"content-type": b"text/plain"}),
        (data(), BINARY),
        (data(), {name.upper(): value for name, value in BINARY.items()}),
        (data(), {**BINARY, "content-type": b"application/json"}),
        (structured(), CLOUDEVENT),
        (structured(), {"Content-Type": b"Application/CloudEvents+JSON"}),
        (structured(), {"ce_datacontenttype": b"application/cloudevents+json"}),
        (structured(data=None, data_base64=base64.b64encode(data()).decode()), CLOUDEVENT),
        (structured(), {}),
        (structured(), {**BINARY, **CLOUDEVENT}),
    ],
)
def test_every_mode_gives_the_same_data(value: bytes, headers: Mapping[str, bytes]) -> None:
    """Bare, binary and structured input of the same submission are the same data."""
    event = decode(record(value, headers))
    assert event.ce_type == "form.submitted.v1"
    assert event.data == FormSubmitted.model_validate(SUBMISSION)


def test_attributes_come_along() -> None:
    """Id and trace are read from headers, in structured mode also from the envelope; bare data has none."""
    assert decode(record(data(), {**BINARY, "traceparent": TRACE.encode()})).traceparent == TRACE
    assert decode(record(data(), BINARY)).ce_id == "e-1"
    within = decode(record(structured(traceparent=TRACE), CLOUDEVENT))
    assert (within.ce_id, within.traceparent) == ("e-1", TRACE)
    bare = decode(record(data()))
    assert (bare.ce_id, bare.traceparent) == (None, None)


def test_a_trace_that_is_none_is_dropped() -> None:
    """What does not have the form of a `traceparent` is not passed on."""
    assert decode(record(data(), {"traceparent": b"joan@brightwell.example"})).traceparent is None


@pytest.mark.parametrize("topic", INPUT_TOPICS)
def test_too_large_comes_first(topic: str) -> None:
    """A value over 256 KiB is refused as such on every input topic, whatever stands in it."""
    assert refused(b"\xff" * (MAX_VALUE_BYTES + 1), {"ce_type": b"x"}, topic)[0] == "too_large"


def test_just_within_the_limit_is_taken() -> None:
    """A value of exactly 256 KiB is an event like any other."""
    padding = MAX_VALUE_BYTES - len(data(message=""))
    value = data(message="x" * padding)
    assert len(value) == MAX_VALUE_BYTES
    assert decode(record(value)).ce_type == "form.submitted.v1"


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b" ",
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b"{",
        b'{"a":1,}',
        b"{'a':1}",
        b'{"employees":NaN}',
        b'{"x":Infinity}',
        b"\xff\xfe{\x00}\x00",
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b"email=joan",
        b"[" * 100_000,
        b'{"a":' * 5_000,
    ],
)
@pytest.mark.parametrize("headers", [{}, BINARY, CLOUDEVENT], ids=["bare", "binary", "structured"])
def test_what_is_no_json_object_is_malformed(value: bytes | None, headers: Mapping[str, bytes]) -> None:
    """Not JSON, not UTF-8, no object, nothing at all: `malformed_json` in every mode."""
    assert refused(value, headers)[0] == "malformed_json"


def test_other_cloudevents_formats_are_malformed() -> None:
    """A batch or an Avro event is not read as if it were JSON data."""
    assert refused(b"[]", {"content-type": b"application/cloudevents-batch+json"})[0] == "malformed_json"


@pytest.mark.parametrize(
    "ce_type", [b"", b"form.submitted.v2", b"lead.outcome.v1", b"joan@brightwell.example", b"\xff"]
)
def test_a_type_that_the_topic_does_not_carry(ce_type: bytes) -> None:
    """A type of another topic, version or world is `unknown_type`; only types of the contract are named."""
    code, detail = refused(data(), {**BINARY, "ce_type": ce_type})
    assert code == "unknown_type"
    assert "joan" not in detail
    assert refused(structured(type="joan@brightwell.example"), CLOUDEVENT)[0] == "unknown_type"


def test_bare_data_on_a_topic_of_several_types() -> None:
    """Where the topic does not say which type it is, bare data cannot be read."""
    assert refused(b"{}", {}, "lead-assignments")[0] == "unknown_type"


@pytest.mark.parametrize(
    ("value", "headers", "names"),
    [
        (data(), {**BINARY, "ce_specversion": b"0.3"}, "specversion"),
        (data(), {"ce_id": b"1"}, "ce_type"),
        (structured(specversion=None), CLOUDEVENT, "specversion"),
        (structured(specversion="2.0"), CLOUDEVENT, "specversion"),
        (structured(type=None), CLOUDEVENT, "type"),
        (structured(type=5), CLOUDEVENT, "type"),
        (structured(data=None), CLOUDEVENT, "data"),
        (structured(data="text"), CLOUDEVENT, "data"),
        (structured(data_base64="e30="), CLOUDEVENT, "data"),
        (structured(data=None, data_base64="%"), CLOUDEVENT, "data_base64"),
        (structured(data=None, data_base64=5), CLOUDEVENT, "data_base64"),
        (data(submission_id=None), {}, "submission_id"),
    ],
)
def test_a_broken_envelope_is_schema(value: bytes, headers: Mapping[str, bytes], names: str) -> None:
    """What breaks CloudEvents or the model is `schema`, and the detail names what is wrong."""
    code, detail = refused(value, headers)
    assert code == "schema"
    assert names in detail


@given(
    st.sampled_from(sorted(TOPICS)),
    st.one_of(st.none(), st.binary(), st.text().map(str.encode)),
    st.dictionaries(
        st.one_of(st.sampled_from(["ce_type", "CE_TYPE", "ce_id", "ce_specversion", "content-type"]), st.text()),
        st.one_of(
            st.sampled_from([b"1.0", b"form.submitted.v1", b"application/cloudevents+json"]),
            st.binary(),
        ),
    ),
)
def test_decode_raises_nothing_but_invalid_event(topic: str, value: bytes | None, headers: dict[str, bytes]) -> None:
    """Whatever bytes and headers come in, the answer is an event or a refusal."""
    with suppress(InvalidEvent):
        decode(record(value, headers, topic))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(INPUT_TOPICS), st.data(), st.booleans())
def test_decode_of_arbitrary_fields(topic: str, draw: st.DataObject, in_envelope: bool) -> None:
    """Any JSON under the names of the model's own fields gives an event or a refusal that fits on a screen."""
    (ce_type, model), *_ = TOPICS[topic].items()
    fields = draw.draw(st.dictionaries(st.sampled_from(sorted(model.model_fields)), JSON))
    value: object = {"specversion": "1.0", "type": ce_type, "data": fields} if in_envelope else fields
    detail = ""
    try:
        decode(record(json.dumps(value).encode(), {}, topic))
    except InvalidEvent as refusal:
        detail = refusal.detail
    assert len(detail) < 2_000


def test_a_dead_letter_holds_the_event_whole() -> None:
    """From a dead letter the event can be sent again exactly as it came."""
    bad = record(b'{"status":"online"}', {**BINARY, "x": b"\xff", "traceparent": TRACE.encode()}, "rep-presence")
    letter = dead_letter(bad, "schema", "status: must be one of …", NOW, "emea", "acme.rep-presence")
    assert (letter.topic, letter.key) == ("dead-letters", b"acme.rep-presence")
    assert letter.headers["ce_type"] == b"event.rejected.v1"
    assert letter.headers["ce_subject"] == b"acme.rep-presence/3/7"
    assert letter.headers["traceparent"] == TRACE.encode()
    assert letter.value is not None
    event = EventRejected.model_validate_json(letter.value)
    assert (event.source_topic, event.source_partition, event.source_offset) == ("acme.rep-presence", 3, 7)
    assert base64.b64decode(event.value_base64 or "") == bad.value
    assert event.headers["ce_type"] == "form.submitted.v1"
    assert event.rejected_at == NOW.replace(microsecond=123000)
    assert decode_value("dead-letters", letter.value, letter.headers).data == event


def test_a_dead_letter_has_one_id_for_one_record() -> None:
    """Rejecting a record again, later and for another reason, gives the same id; another record has another."""

    def ce_id(offset: int, code: str = "schema") -> bytes:
        letter = dead_letter(record(b"{}", offset=offset), code, "", NOW, "w", "form-submissions")  # type: ignore[arg-type] # a code of the contract
        return letter.headers["ce_id"]

    assert ce_id(1) == ce_id(1, "processing_failed")
    assert ce_id(1) != ce_id(2)
    assert len(ce_id(1)) <= 128


def test_a_dead_letter_of_nothing() -> None:
    """A record without a value makes a letter without one."""
    letter = dead_letter(record(None), "malformed_json", "the value is empty", NOW, "w", "form-submissions")
    assert letter.value is not None
    assert EventRejected.model_validate_json(letter.value).value_base64 is None


def test_the_largest_dead_letter_fits_its_topic() -> None:
    """A letter stays below its topic's limit, however large value and headers are."""
    headers = {"keep": b"1", **{f"h{number}": b"\x01" * 20_000 for number in range(20)}}
    for size in (MAX_KEPT_VALUE_BYTES, MAX_KEPT_VALUE_BYTES + 1):
        letter = dead_letter(record(b"x" * size, headers), "too_large", "too large", NOW, "w", "form-submissions")
        assert letter.value is not None
        assert len(letter.value) < 2_000_000
        event = EventRejected.model_validate_json(letter.value)
        assert (event.value_base64 is None) == (size > MAX_KEPT_VALUE_BYTES)
        assert event.headers["keep"] == "1"
        assert ("is not kept" in event.detail) == (size > MAX_KEPT_VALUE_BYTES)


def test_what_the_router_says_of_a_rep_it_can_read_itself() -> None:
    """A presence event that the router publishes comes back as the same data."""
    said = RepPresence(rep_id="ben", status="away", at=NOW, ttl_seconds=0, source="router")
    sent = encode(
        "rep-presence", "ben", "rep.presence.v1", "p-1", 0, "ben", said.model_dump_json().encode(), workspace="w"
    )
    back = decode(Received(sent.topic, 0, 0, sent.key, sent.value, sent.headers, NOW))
    assert back.data == said.model_copy(update={"at": NOW.replace(microsecond=123000)})
