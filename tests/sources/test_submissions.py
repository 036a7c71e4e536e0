"""What becomes of each platform's message: its own contact fields, or those of a map, and the rest in `fields`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from router.adapters.sources import PLATFORMS
from router.adapters.sources.field_map import compiled
from router.events.submission import FormSubmitted
from tests.sources.cast import CALENDLY, GENERIC, HUBSPOT, INTERCOM, SENDERS, STANDARD, TALLY, TYPEFORM, WEBFLOW
from tests.sources.senders import NOW, encoded

AT = "2026-03-02T14:05:02.000Z"


def submissions(
    name: str, body: bytes | None = None, dotted: Mapping[str, str] = MappingProxyType({}), **paths: str
) -> list[dict[str, Any]]:
    """Return what the model makes of each submission in a message, under a map."""
    sender = SENDERS[name]
    delivery = sender.delivery(body)
    fields = compiled("demo-request", {**paths, **dotted})
    made = [fields.submission(message, NOW) for message in PLATFORMS[sender.kind].read(delivery)]
    return [
        FormSubmitted.model_validate(one).model_dump(mode="json", exclude_unset=True, exclude_none=True) for one in made
    ]


@pytest.mark.parametrize("name", [name for name in SENDERS if name != "meta"])
def test_the_platforms_own_fields_make_a_submission(name: str) -> None:
    """Without a map Ana is known by her address, and the submission by the platform's own id."""
    [submission] = submissions(name)

    assert submission["submission_id"] == SENDERS[name].event_id
    assert submission["email"] == "ana@acme.example"
    assert submission["form"] == "demo-request"


def test_typeform_without_a_map() -> None:
    """Kinds tell address and number, titles the name, hidden fields the visit; a choice has its label."""
    assert submissions("typeform") == [
        {
            "submission_id": "01H5320DBGJF8PEJNWTN565S0A",
            "submitted_at": AT,
            "form": "demo-request",
            "email": "ana@acme.example",
            "phone": "+14155550123",
            "first_name": "Ana",
            "utm": {"source": "newsletter"},
            "fields": {"size": "51-200", "tools": "CRM, Chat, Fax", "urgent": True, "plan": "team"},
        }
    ]


def test_typeform_with_a_map() -> None:
    """Refs name the answers, with or without quotes; what is not mapped goes to `fields`."""
    [submission] = submissions(
        "typeform",
        dotted={"fields.plan": "form_response.hidden.plan", "utm.source": "form_response.hidden.utm_source"},
        email="answers.work-email",
        employees="answers.size",
        company="form_response.definition.title",
    )

    assert submission["email"] == "ana@acme.example"
    assert submission["employees"] == 51
    assert submission["company"] == "Demo"
    assert submission["utm"] == {"source": "newsletter"}
    assert submission["fields"]["01FIRST"] == "Ana"
    assert submission["fields"]["plan"] == "team"
    assert not {"work-email", "size"} & set(submission["fields"])
    assert "first_name" not in submission


def test_the_second_choice_of_a_map_is_kept_where_the_first_was_taken() -> None:
    """`a || b` reads b only where a is missing: a number that was given twice is lost nowhere."""
    answers = {"email": "ana@acme.example", "mobile": "+14155550123", "desk": "+14155550199"}
    body = encoded({"triggerType": "form_submission", "payload": {"data": answers}})
    [submission] = submissions("webflow", body, phone="answers.mobile || answers.desk", email="answers.email")

    assert submission["phone"] == "+14155550123"
    assert submission["fields"] == {"desk": "+14155550199"}


def test_functions_see_all_answers() -> None:
    """An expression may take the answers as a whole."""
    [submission] = submissions("tally", email="answers.question_1", message="join(' ', keys(answers))")

    assert submission["message"].startswith("question_1 question_2")


def test_tally_gives_labels_for_the_ids_of_choices() -> None:
    """One choice is its label, several are joined, and the company is known by the question's label."""
    [submission] = submissions("tally")

    assert submission["company"] == "Acme"
    assert submission["fields"] == {"question_2": "Team", "question_3": "CRM, Chat"}
    assert submissions("tally", email="answers.question_1", message="answers.question_2")[0]["message"] == "Team"


def test_webflow_names_answers_by_field() -> None:
    """A number given as a number is a number to call; a name with blanks or brackets can be mapped."""
    [submission] = submissions("webflow")
    [mapped] = submissions(
        "webflow", email="answers.email", first_name="answers.First Name", message='answers."Budget (USD)"'
    )

    assert (submission["first_name"], submission["last_name"]) == ("Ana", "Lima")
    assert submission["phone"] == "15550000000"
    assert submission["fields"] == {"Budget (USD)": "10k"}
    assert (mapped["first_name"], mapped["message"]) == ("Ana", "10k")
    assert mapped["fields"] == {"Last Name": "Lima", "Phone Number": 15550000000}


def test_calendly_knows_the_invitee() -> None:
    """Name, number and visit are the invitee's; questions are named by their words."""
    [submission] = submissions("calendly")

    assert (submission["first_name"], submission["last_name"]) == ("Ana", "de Lima")
    assert submission["phone"] == "+1 415-555-0123"
    assert submission["timezone"] == "America/New_York"
    assert submission["company"] == "Acme"
    assert submission["utm"] == {"campaign": "spring"}
    assert submission["fields"] == {"What shall we show you?": "Routing"}


def test_intercom_knows_the_contact() -> None:
    """The country is the code, the answers are the custom attributes."""
    [submission] = submissions("intercom")

    assert submission["submitted_at"] == AT
    assert (submission["country"], submission["region"]) == ("US", "California")
    assert submission["job_title"] == "VP Sales"
    assert submission["referrer"] == "https://search.example/"
    assert submission["fields"] == {"seats": 40}


def test_hubspot_knows_the_contact_and_the_form_last_sent() -> None:
    """A workflow's contact carries all its forms: the newest is the one that this is about."""
    [submission] = submissions("hubspot v3")

    assert submission["submitted_at"] == AT
    assert submission["page_url"] == "https://acme.example/demo"
    assert submission["employees"] == 1000
    assert submission["fields"] == {"favourite_tool": "Chat"}


def test_hubspot_workflow_with_a_body_of_its_own() -> None:
    """A workflow may send chosen properties as plain fields, and a custom action sends them under `object`."""
    plain = {"email": "ana@acme.example", "firstname": "Ana", "seats": 4}
    action = {"callbackId": "cb-1", "object": {"objectId": 7, "properties": {"email": "ana@acme.example"}}}

    [submission] = submissions("hubspot v2", encoded(plain))
    assert (submission["first_name"], submission["fields"]) == ("Ana", {"seats": 4})
    assert submission["submission_id"] == submissions("hubspot v2", encoded(plain))[0]["submission_id"]
    assert submissions("hubspot v2", encoded(action))[0]["submission_id"] == "cb-1"


def test_hubspot_events_are_submissions_where_the_map_finds_an_address() -> None:
    """A subscription tells of many changes at once; each is known by its own id."""
    events = [{"eventId": 1, "propertyName": "email", "propertyValue": "ana@acme.example", "occurredAt": 1772460302000}]
    [submission] = submissions("hubspot v3", encoded(events), email="propertyValue")

    assert (submission["submission_id"], submission["submitted_at"]) == ("1", AT)


def test_standard_webhooks_are_read_in_their_data() -> None:
    """The message's id is the header's; a map reads from the whole message."""
    [submission] = submissions("svix")
    [mapped] = submissions("svix", email="data.email", message="type")

    assert (submission["first_name"], submission["last_name"]) == ("Ana", "Lima")
    assert submission["fields"] == {"plan": "team"}
    assert mapped["message"] == "contact.submitted"


def test_generic_takes_the_contracts_own_names() -> None:
    """Who sends what the contract says needs no map, and cannot choose the form."""
    [submission] = submissions("generic")

    assert submission["form"] == "demo-request"
    assert submission["consent"] == {"marketing": True}
    assert submission["utm"] == {"source": "ads"}
    assert submission["fields"] == {"plan": "team", "colours": "red, blue"}


def test_generic_answers_may_have_an_object_of_their_own() -> None:
    """A sender that nests its answers is mapped in the same words as a platform."""
    body = encoded({"id": "1", "answers": {"work mail": "ana@acme.example", "plan": "team"}})
    [submission] = submissions("generic", body, email="answers.work mail")

    assert (submission["email"], submission["fields"]) == ("ana@acme.example", {"plan": "team"})


def test_jotform_answers_are_in_the_raw_request() -> None:
    """Questions are named without their number; a name or a phone number has parts."""
    [submission] = submissions("jotform")
    [mapped] = submissions("jotform", email="rawRequest.q4_email", first_name="answers.name.first")

    assert (submission["first_name"], submission["last_name"]) == ("Ana", "Lima")
    assert submission["phone"] == "(415) 555-0123"
    assert submission["fields"] == {"tools": "CRM, Chat", "plan": "Team"}
    assert mapped["first_name"] == "Ana"


OTHER = {
    "typeform": {**TYPEFORM, "event_type": "form_response_partial"},
    "tally": {**TALLY, "eventType": "FORM_CREATED"},
    "webflow": {**WEBFLOW, "triggerType": "site_publish"},
    "calendly": {**CALENDLY, "event": "invitee.canceled"},
    "intercom": {**INTERCOM, "topic": "ping"},
    "meta": {"object": "page", "entry": [{"changes": [{"field": "feed", "value": {"leadgen_id": "1"}}]}]},
    "hubspot v3": [],
    "standard webhooks": [STANDARD],
    "generic": [GENERIC],
}


@pytest.mark.parametrize("name", OTHER)
def test_what_is_no_submission_gives_none(name: str) -> None:
    """Platforms send other events to the same address."""
    sender = SENDERS[name]
    assert not PLATFORMS[sender.kind].read(sender.delivery(encoded(OTHER[name])))


PATHS = st.dictionaries(
    st.sampled_from(["email", "phone", "employees", "submitted_at", "submission_id", "message", "test", "consent"]),
    st.sampled_from(["answers.email", "answers", "payload.data", "form_response.answers[0]", "join(', ', answers)"]),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def broken(draw: st.DrawFn, whole: object) -> object:
    """Return *whole* with something else in one place."""
    if isinstance(whole, dict) and whole and draw(st.integers(0, 4)):
        at = draw(st.sampled_from(sorted(whole)))
        return {**whole, at: draw(broken(whole[at]))}
    if isinstance(whole, list) and whole and draw(st.integers(0, 4)):
        at = draw(st.integers(0, len(whole) - 1))
        return [*whole[:at], draw(broken(whole[at])), *whole[at + 1 :]]
    return draw(JSON)


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from([n for n in SENDERS if "jotform" not in n]), paths=PATHS, data=st.data())
def test_whatever_a_platform_sends_is_read_or_refused(name: str, paths: dict[str, str], data: st.DataObject) -> None:
    """Signed nonsense is no submission or one that the model judges: nothing else ever comes out, twice the same."""
    sender = SENDERS[name]
    delivery = sender.delivery(encoded(data.draw(broken(json.loads(sender.body)))))
    messages = PLATFORMS[sender.kind].read(delivery)
    fields = compiled("demo-request", paths)
    made = [fields.submission(message, NOW) for message in messages]

    assert made == [fields.submission(message, NOW) for message in PLATFORMS[sender.kind].read(delivery)]
    assert all(0 < len(str(one["submission_id"])) <= 128 for one in made)
    for one in made:
        with suppress(ValidationError):
            FormSubmitted.model_validate(one)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["email", "phone", "name", "company_size", "website", "country", "message", "budget", "test"]),
        st.text(max_size=20)
        | st.integers(0, 10**9)
        | st.booleans()
        | st.none()
        | st.lists(st.text(max_size=5), max_size=3),
    ),
    st.emails(),
)
def test_an_address_and_any_plain_answers_make_a_valid_submission(answers: dict[str, Any], email: str) -> None:
    """No odd answer to another question costs the lead; whatever is not understood is kept in `fields`."""
    [submission] = submissions(
        "webflow", encoded({"triggerType": "form_submission", "payload": {"data": {**answers, "email": email}}})
    )

    assert submission["email"] == email


@pytest.mark.parametrize(
    ("given", "employees"),
    [
        ("51-200", 51),
        ("1,000+", 1000),
        ("11 to 50", 11),
        (" 250 ", 250),
        (7, 7),
        ("1 \u2013 10", 1),
        ("many", None),
        ("<10", None),
        (True, None),
        (-4, None),
    ],
)
def test_a_number_of_people_is_the_lower_end_of_a_span(given: object, employees: int | None) -> None:
    """Drop-downs have spans; what is no number stays readable among the fields."""
    answers = {"email": "ana@acme.example", "Company size": given}
    [submission] = submissions("webflow", encoded({"triggerType": "form_submission", "payload": {"data": answers}}))

    assert submission.get("employees") == employees
    assert employees is not None or submission["fields"] == {"employees": given}


@pytest.mark.parametrize("payload", [HUBSPOT, {"email": ["a@b.example", None]}, {"properties": [1]}, {"object": 3}])
def test_hubspot_shapes_do_not_raise(payload: object) -> None:
    """A contact may have any shape."""
    assert len(PLATFORMS["hubspot"].read(SENDERS["hubspot v2"].delivery(encoded(payload)))) == 1
