"""What the models of input events take, what they refuse, and in which words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from router.errors import InvalidEvent
from router.events import INPUT_TOPICS, TOPICS
from router.events.action import RepAction
from router.events.activity import LeadActivity
from router.events.base import EventData, from_millis, parse_instant, rfc3339, to_millis
from router.events.envelope import decode_value
from router.events.outcome import LeadOutcome
from router.events.presence import MAX_TTL_SECONDS, RepPresence
from router.events.submission import FormSubmitted

AT = "2026-03-02T14:05:09Z"
REQUIRED: dict[type[EventData], dict[str, Any]] = {
    FormSubmitted: {"submission_id": "s", "submitted_at": AT, "form": "demo", "email": "joan@brightwell.example"},
    LeadActivity: {"activity_id": "a", "at": AT, "kind": "page_view", "domain": "brightwell.example"},
    RepPresence: {"rep_id": "ana", "status": "available", "at": AT},
    RepAction: {"action_id": "a", "lead_id": "l", "rep_id": "ana", "action": "accept", "at": AT},
    LeadOutcome: {"outcome_id": "o", "lead_id": "l", "outcome": "won", "at": AT},
}
OPTIONAL = [(model, name) for model, given_ in REQUIRED.items() for name in model.model_fields if name not in given_]


def made(model: type[EventData], **changes: object) -> Any:  # noqa: ANN401 - the type varies with *model*
    """Return the event with its required fields and *changes*."""
    return model.model_validate({**REQUIRED[model], **changes})


DEEP: dict[str, object] = reduce(lambda inner, _: {"a": inner}, range(40), {})


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T14:05:09Z",
        "2026-03-02t14:05:09z",
        "2026-03-02 14:05:09.000Z",
        "2026-03-02T15:05:09+01:00",
        "2026-03-02T09:05:09.0-05:00",
        "2026-03-02T14:05:09.000000000Z",
        "2026-03-02T14:05:09-00:00",
    ],
)
def test_rfc3339_in_all_its_forms(text: str) -> None:
    """Every spelling that RFC 3339 allows is the same instant in UTC."""
    instant = parse_instant(text)
    assert instant == datetime(2026, 3, 2, 14, 5, 9, tzinfo=UTC)
    assert instant.utcoffset() == timedelta(0)


def test_a_leap_second_is_the_next_second() -> None:
    """A form sent in a leap second is not lost."""
    assert parse_instant("2016-12-31T23:59:60.5Z") == datetime(2017, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-02T14:05:09",
        "2026-03-02",
        "2026-03-02T14:05Z",
        "2026-03-02T14:05:09+0100",
        "2026-03-02T14:05:09+01",
        "2026-03-02T14:05:09 Z",
        "2026-03-02T14:05:09\N{MINUS SIGN}01:00",
        "2026-02-30T14:05:09Z",
        "2026-03-02T24:05:09Z",
        "2026-03-02T14:05:09,5Z",
        "2026-03-02T14:05:09+25:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:60Z",
        "٢٠٢٦-03-02T14:05:09Z",
        "1772460309",
        1772460309,
        1772460309.5,
        True,
        None,
        "",
        [],
    ],
)
def test_what_is_no_rfc3339_time_is_refused(value: object) -> None:
    """No offset, no seconds, a unix number, a day that does not exist: no guess is made."""
    with pytest.raises(ValidationError):
        made(FormSubmitted, submitted_at=value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_survive_the_wire_to_the_millisecond(moment: datetime) -> None:
    """What is written is read again as the same millisecond, in any year; it is never rounded up."""
    back = parse_instant(rfc3339(moment))
    assert back == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert to_millis(moment) == to_millis(back)
    assert from_millis(to_millis(moment)) == rfc3339(moment)
    assert rfc3339(moment) == moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize(("model", "name"), OPTIONAL, ids=lambda each: getattr(each, "__name__", each))
@pytest.mark.parametrize("nothing", [None, "", "  \t"])
def test_null_and_blank_count_as_not_given(model: type[EventData], name: str, nothing: str | None) -> None:
    """Null, empty and blank text in an optional field are the same as no field."""
    assert made(model, **{name: nothing}) == made(model)


@pytest.mark.parametrize("model", REQUIRED, ids=lambda each: each.__name__)
def test_unknown_fields_are_ignored(model: type[EventData]) -> None:
    """A producer that runs ahead of the router is understood as far as it goes."""
    assert made(model, not_yet={"a": [1]}) == made(model)


@pytest.mark.parametrize(
    ("model", "name"), [(model, name) for model, given_ in REQUIRED.items() for name in given_], ids=str
)
def test_every_required_field_is(model: type[EventData], name: str) -> None:
    """Without any one of the required fields, or with it blank, the event is refused."""
    for broken in ({k: v for k, v in REQUIRED[model].items() if k != name}, {**REQUIRED[model], name: " "}):
        with pytest.raises(ValidationError):
            model.model_validate(broken)


@pytest.mark.parametrize("value", ["", " ", 5, True, None, "x" * 129, "a\x00b", ["a"], {"a": 1}])
def test_ids_are_text_of_at_most_128_characters(value: object) -> None:
    """A number is no id: two producers could write the same one in two ways."""
    with pytest.raises(ValidationError):
        made(FormSubmitted, submission_id=value)


def test_an_id_is_kept_as_it_came() -> None:
    """An id of 128 characters, of any script and with blanks around it, is not touched."""
    for value in ("ü" * 128, " a ", "a/b:c|d"):
        assert made(FormSubmitted, submission_id=value).submission_id == value


def test_text_comes_without_blanks_around_it() -> None:
    """Optional text is stripped."""
    assert made(FormSubmitted, company="  Brightwell ").company == "Brightwell"


@pytest.mark.parametrize(("value", "kept"), [(0, 0), (12, 12), ("5", 5), (" 7 ", 7), (250.0, 250), ("", None)])
def test_employees_as_forms_send_them(value: object, kept: int | None) -> None:
    """A count in quotes is a count."""
    assert made(FormSubmitted, employees=value).employees == kept


@pytest.mark.parametrize("value", [-1, 1.5, "many", "51-200", True, 2**53, 1e300, []])
def test_employees_that_are_no_count(value: object) -> None:
    """What is no whole number from 0 on is refused."""
    with pytest.raises(ValidationError):
        made(FormSubmitted, employees=value)


def test_free_text_that_looks_wrong_is_no_reason_to_lose_a_person() -> None:
    """A country, language or zone that does not exist is kept as text."""
    event = made(FormSubmitted, country="Nowhereland", language="??", timezone="Mars/Base", website="none")
    assert (event.country, event.language, event.timezone) == ("Nowhereland", "??", "Mars/Base")


def test_fields_are_scalars() -> None:
    """Further answers are text, numbers, truth values or null; a list among them is refused."""
    answers = {"a": "5", "b": 5, "c": 5.5, "d": True, "e": None}
    assert made(FormSubmitted, fields=answers).fields == answers
    for nested in ([1], {"a": 1}):
        with pytest.raises(ValidationError):
            made(FormSubmitted, fields={"a": nested})


def test_somebody_must_be_meant() -> None:
    """A submission needs address or number, an activity address, number or domain; blank ones do not do."""
    with pytest.raises(ValidationError, match="one of email and phone"):
        made(FormSubmitted, email=" ")
    with pytest.raises(ValidationError, match="one of email, phone and domain"):
        made(LeadActivity, domain=None)
    assert made(FormSubmitted, email=None, phone="030 1").phone == "030 1"


@pytest.mark.parametrize("status", ["online", "Available", "available ", "", None, 1, True])
def test_only_four_statuses(status: object) -> None:
    """No other word is read as a status, least of all as available."""
    with pytest.raises(ValidationError):
        made(RepPresence, status=status)


def test_presence_defaults_and_bounds() -> None:
    """A ttl is 90 seconds unless said, 0 is one, and no ttl is beyond what a date can hold."""
    assert made(RepPresence).ttl_seconds == 90
    assert made(RepPresence, ttl_seconds=0).ttl_seconds == 0
    assert made(RepPresence, ttl_seconds=MAX_TTL_SECONDS).ttl_seconds == MAX_TTL_SECONDS
    for wrong in (-1, MAX_TTL_SECONDS + 1, 90.5, True):
        with pytest.raises(ValidationError):
            made(RepPresence, ttl_seconds=wrong)


def test_an_action_may_answer_a_queued_lead() -> None:
    """`attempt` 0 is what a queued event carries, so accepting such a lead may repeat it."""
    assert made(RepAction, attempt=0).attempt == 0
    with pytest.raises(ValidationError):
        made(RepAction, attempt=-1)


def test_long_reasons_and_odd_currencies_lose_no_outcome() -> None:
    """A comment as long as a page and a currency that is no code are kept."""
    assert made(RepAction, reason="x" * 10_000).reason == "x" * 10_000
    assert made(LeadOutcome, currency="Euro", amount="1200.50").amount == 1200.5


@pytest.mark.parametrize("amount", ["Infinity", "nan", True, "a lot"])
def test_an_amount_is_a_finite_number(amount: object) -> None:
    """An amount that no report can add up is refused."""
    with pytest.raises(ValidationError):
        made(LeadOutcome, amount=amount)


# --- what a refusal says ----------------------------------------------------------------------------------------------

MARK = "Zq7marker"

MARKED = st.recursive(
    st.just(MARK)
    | st.text(max_size=3).map(lambda text: f"{text}{MARK}{text}")
    | st.sampled_from([4_815_162_342, 48151.62342, -4_815_162_342]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just(MARK), inner, max_size=2),
    max_leaves=5,
)


FREE_OBJECTS = ("fields", "consent", "utm")


@settings(max_examples=300)
@given(st.sampled_from(INPUT_TOPICS), st.data(), st.booleans())
def test_a_refusal_never_repeats_a_value(topic: str, draw: st.DataObject, in_envelope: bool) -> None:
    """Whatever is wrong, neither a value of the payload nor a key of its free objects stands in the detail."""
    (ce_type, model), *_ = TOPICS[topic].items()
    free = {name: st.dictionaries(st.just(MARK), MARKED) for name in FREE_OBJECTS if name in model.model_fields}
    content: object = draw.draw(
        st.dictionaries(st.sampled_from(sorted({*model.model_fields, MARK})), MARKED, max_size=3)
    ) | draw.draw(st.fixed_dictionaries(free))
    if in_envelope:
        content = {"specversion": "1.0", "type": ce_type, "data": content}
    assert_silent(topic, json.dumps(content).encode())


@given(st.integers(1, 140), st.sampled_from(["specversion", "type", "data", "data_base64"]))
def test_a_refusal_of_the_envelope_repeats_nothing_either(length: int, member: str) -> None:
    """A value cut off anywhere, and an envelope with anything in its members, is refused in words of our own."""
    envelope = {"specversion": "1.0", "type": "form.submitted.v1", "data": {MARK: MARK}, member: MARK}
    whole = json.dumps(envelope).encode()
    assert_silent("form-submissions", whole)
    assert_silent("form-submissions", whole[:length])
    assert_silent("form-submissions", whole.replace(b'"data"', MARK.encode()))


def assert_silent(topic: str, value: bytes) -> None:
    """Fail unless *value* is refused without any of the marks."""
    with pytest.raises(InvalidEvent) as caught:
        decode_value(topic, value, {})
    assert MARK not in str(caught.value)
    assert "48151" not in str(caught.value)


@pytest.mark.parametrize(
    ("topic", "changes", "said"),
    [
        ("form-submissions", {"submission_id": 5}, "submission_id: must be text"),
        ("form-submissions", {"submission_id": "x" * 129}, "submission_id: has more than 128 characters"),
        ("form-submissions", {"employees": -5}, "employees: must be at least 0"),
        ("form-submissions", {"employees": "51-200"}, "employees: must be a whole number"),
        ("form-submissions", {"utm": {"source": 1, "term": []}}, "utm.source: must be text; utm.term: must be text"),
        ("form-submissions", {"fields": {"j@x.example": []}}, "fields.*: must be text, a number, true, false or null"),
        ("form-submissions", {"fields": []}, "fields: must be an object"),
        ("form-submissions", {"consent": DEEP}, "consent: must not be nested deeper than 32 levels"),
        ("form-submissions", {"utm": 3}, "utm: must be an object"),
        ("form-submissions", {"email": None}, "one of email and phone is required"),
        ("form-submissions", {"submitted_at": 3}, "submitted_at: must be an RFC 3339 time with an offset, like " + AT),
        ("form-submissions", {"test": "maybe"}, "test: must be true or false"),
        (
            "rep-presence",
            {"status": "online"},
            "status: must be one of 'available', 'busy', 'away' or 'offline'",
        ),
    ],
)
def test_a_refusal_says_field_and_problem(topic: str, changes: dict[str, object], said: str) -> None:
    """Who reads a dead letter learns which field is wrong and what it must be."""
    (model,) = TOPICS[topic].values()
    with pytest.raises(InvalidEvent) as caught:
        decode_value(topic, json.dumps({**REQUIRED[model], **changes}).encode(), {})
    assert caught.value.detail == said


def test_many_problems_are_counted() -> None:
    """A payload that is wrong throughout makes a short detail."""
    wrong = json.dumps({name: [1] for name in FormSubmitted.model_fields}).encode()
    with pytest.raises(InvalidEvent, match=r"; and \d+ more$"):
        decode_value("form-submissions", wrong, {})
