"""Draws what comes in: events that are nearly good, in every mode, with what programs stumble over."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import strategies as st

from router.events import INPUT_TOPICS, TOPICS
from router.ports import Received
from tests.fuzz.targets import examples, record

ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "\ufeff",
    "\u202e",
    "é" * 50,
    "e\u0301",
    "\U0001f600",
    "a" * 129,
    "x" * 5_000,
    "{ws}:lead:x",
    "L1\nL2",
    "\x1b[2J",
    "' or 1=1 --",
    "<script>",
    "../../etc",
    "${x}",
    "%s%n",
    "0",
    "-1",
    "true",
    "null",
    "1970-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999+23:59",
    "2026-02-30T00:00:00Z",
    "2026-03-02T14:00:60Z",
    "a@b",
    "a@b.c",
    "@",
    "a@[127.0.0.1]",
    '"a b"@acme.example',
    "a@xn--.example",
    "a@münchen.example",
    "+47",
    "+1 (415) 555-2671",
    "++++",
    "٣٤٥",
    "http://[",
    "https://acme.example:99999/",
    "//",
    "en-US-x-" + "a" * 60,
    "Mars/Olympus",
)
ODD_JSON = (
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "9" * 400,
    "-" + "9" * 400,
    "9007199254740993",
    "1e400",
    "0.1e-400",
    "-0",
    "-0.0",
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\u0000"',
    "[" * 600 + "]" * 600,
    '{"a":' * 600 + "1" + "}" * 600,
    "[]",
    "{}",
    "[null]",
    '{"a":1,"a":2}',
    '"\\x"',
    "'a'",
    "undefined",
    "nul",
    '{"":""}',
    "01",
    "1.",
    ".5",
    "+1",
    "\ufeff1",
    "/*c*/1",
)

texts = st.sampled_from(ODD_TEXTS) | st.text(max_size=40)
numbers = st.sampled_from((0, -1, 1, 2**31, 2**53, 2**63, 2**64 - 1, -(2**63), 0.5, 1e308)) | st.integers(
    -(2**70), 2**70
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
header_values = st.binary(max_size=40) | st.sampled_from(
    (
        b"1.0",
        b"0.3",
        b"application/json",
        b"application/cloudevents+json; charset=utf-8",
        b"application/cloudevents-batch+json",
        b"\xff",
    )
)


@st.composite
def nearly_good(draw: st.DrawFn, topic: str) -> str:
    """Return the JSON of an event of *topic* in which some fields are odd; it may be no JSON at all."""
    [model] = TOPICS[topic].values()
    fields: dict[str, Any] = dict(draw(st.sampled_from(examples(topic))))
    for name in draw(st.lists(st.sampled_from(sorted(model.model_fields)), max_size=3)):
        if draw(st.booleans()) and name in fields:
            del fields[name]
        else:
            fields[name] = draw(values)
    fields |= draw(st.dictionaries(texts, values, max_size=1))
    if not draw(st.booleans()):
        return json.dumps(fields)
    name, odd = draw(st.sampled_from(sorted(model.model_fields))), draw(st.sampled_from(ODD_JSON))
    rest = json.dumps({key: value for key, value in fields.items() if key != name})[1:]
    return f'{{"{name}":{odd}{"," if len(rest) > 1 else ""}{rest}'


@st.composite
def records(draw: st.DrawFn, topics: tuple[str, ...] = INPUT_TOPICS) -> Received:
    """Return a record as any producer may write one: bare, binary or structured, and bytes of any kind."""
    topic = draw(st.sampled_from(topics))
    [ce_type] = TOPICS[topic]
    body = draw(nearly_good(topic))
    name = draw(st.just(ce_type) | st.sampled_from([one for types in TOPICS.values() for one in types]) | texts)
    mode = draw(st.sampled_from(("bare", "binary", "structured", "structured", "bytes")))
    headers: dict[str, bytes] = draw(st.dictionaries(texts, header_values, max_size=2))
    if mode == "bytes":
        return record(topic, draw(st.none() | st.binary(max_size=200)), headers)
    if mode == "binary":
        headers |= {"ce_type": name.encode("utf-8", "replace"), "ce_id": draw(header_values), "ce_specversion": b"1.0"}
    elif mode == "structured":
        body = draw(envelopes(name, body))
        headers |= draw(st.sampled_from(({}, {"content-type": b"application/cloudevents+json"})))
    return record(topic, draw(cut(body.encode("utf-8", "surrogatepass"))), headers)


@st.composite
def envelopes(draw: st.DrawFn, name: str, body: str) -> str:
    """Return a structured event around *body*, which is put in as it stands or in base64."""
    told = {"specversion": "1.0", "id": "1", "source": "/s", "type": name} | draw(
        st.dictionaries(texts, values, max_size=1)
    )
    if draw(st.booleans()):
        data = json.dumps(base64.b64encode(body.encode("utf-8", "surrogatepass")).decode())
        return f'{json.dumps(told)[:-1]},"data_base64":{data}}}'
    return f'{json.dumps(told)[:-1]},"data":{body}}}'


@st.composite
def cut(draw: st.DrawFn, value: bytes) -> bytes:
    """Return *value*, now and then with a part cut out or changed, or made too large."""
    how = draw(st.sampled_from(("whole", "whole", "whole", "whole", "cut", "changed", "large")))
    if how == "large":
        return value + b" " * draw(st.sampled_from((1_000, 262_144 - len(value), 262_145 - len(value), 1_100_000)))
    start = draw(st.integers(0, len(value)))
    if how == "cut":
        return value[:start]
    return value if how == "whole" else value[:start] + draw(st.binary(min_size=1, max_size=3)) + value[start + 1 :]
