"""What must hold of any input; each check raises `AssertionError` where it does not."""

from __future__ import annotations

import itertools
import logging
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args

import orjson
import structlog

from router.domain.expressions import ExpressionInvalid, Names, compile_expression
from router.errors import InvalidEvent
from router.events import INPUT_TOPICS, TOPICS
from router.events.catalogue import catalogue
from router.events.envelope import MAX_VALUE_BYTES, dead_letter, decode
from router.events.rejection import EventRejected, RejectCode
from router.pipeline.letters import letter_of, original
from router.policy import PolicyInvalid, Problem, load_policy
from router.ports import Received
from tests.fakes import MONDAY
from tests.unit.policy_text import write

LONGEST: Final = 20.0
"""Seconds of the processor that no input may take: one takes a millisecond, some a second, more under coverage."""
LONGEST_DETAIL: Final = 2_000
CODES: Final = frozenset(get_args(RejectCode))
FIRST: Final = frozenset({"malformed_json", "schema", "too_large", "unknown_type"})
"""The codes that decoding may give."""

_offsets = itertools.count()


def quiet() -> None:
    """Say nothing of what is refused: that is what is wanted here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def record(topic: str, value: bytes | None, headers: Mapping[str, bytes] | None = None) -> Received:
    """Return a record of an input topic."""
    return Received(topic, 0, next(_offsets), None, value, headers or {}, MONDAY)


def event(one: Received) -> bool:
    """A record is an event, or is refused with a code of the contract and a dead letter that holds it whole."""
    begun = time.process_time()
    try:
        incoming = decode(one)
    except InvalidEvent as refused:
        _refusal(one, refused)
        return False
    finally:
        assert time.process_time() - begun < LONGEST, "it took too long"
    assert type(incoming.data) in TOPICS[one.topic].values()
    orjson.dumps(incoming.data.model_dump(mode="json"))  # what is taken can be written
    assert len(one.value or b"") <= MAX_VALUE_BYTES
    return True


def _refusal(one: Received, refused: InvalidEvent) -> None:
    assert refused.code in FIRST
    assert len(refused.detail) < LONGEST_DETAIL
    refused.detail.encode()  # a lone surrogate would be refused by the log, for ever
    told = dead_letter(one, refused.code, refused.detail, MONDAY, "default", one.topic)
    EventRejected.model_validate_json(told.value or b"")
    room = catalogue()["dead-letters"].max_message_bytes
    assert len(told.value or b"") + sum(len(name) + len(value) for name, value in told.headers.items()) < room
    letter = letter_of(Received(told.topic, 0, 0, told.key, told.value, told.headers, MONDAY), "default")
    assert letter is not None
    again = original(letter, "")
    if not isinstance(again, str):
        assert again.value == one.value


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="router-fuzz-"))


def configuration(text: str | bytes) -> bool:
    """Any text is a policy, or is refused with every problem at a place and in words."""
    folder = _folder()
    if isinstance(text, bytes):
        folder.mkdir(exist_ok=True)
        (folder / "policy.yaml").write_bytes(text)
    else:
        try:
            write(folder, text)
        except UnicodeEncodeError:  # a lone surrogate is in no file
            return False
    begun = time.process_time()
    problems: tuple[Problem, ...] | None = None
    try:
        load_policy(folder)
    except PolicyInvalid as refusal:
        problems = refusal.problems
    assert time.process_time() - begun < LONGEST, "it took too long"
    if problems is None:
        return True
    assert problems
    for problem in problems:
        str(problem).encode()
        assert problem.file
        assert problem.line >= 0
    return False


NAMES: Names = {
    "lead": frozenset({"email", "language"}),
    "company": frozenset({"employees"}),
    "fit": frozenset({"icp"}),
}


def expression(text: str) -> bool:
    """Any text compiles or is refused as an expression."""
    begun = time.process_time()
    try:
        compile_expression(text, NAMES)
    except ExpressionInvalid as refusal:
        str(refusal).encode("utf-8", "surrogateescape")
        return False
    finally:
        assert time.process_time() - begun < LONGEST, "it took too long"
    return True


def examples(topic: str) -> list[dict[str, Any]]:
    """Return the examples of a topic's one type."""
    assert topic in INPUT_TOPICS
    [ce_type] = TOPICS[topic]
    folder = Path(__file__).resolve().parents[2] / "topics" / "examples" / ce_type
    return [orjson.loads(file.read_bytes()) for file in sorted(folder.glob("*.json"))]
