"""Reading a lead from the Graph API, on a real server that is well, slow, failing, lying, or gone."""

from __future__ import annotations

import time

import pytest
from structlog.testing import capture_logs

from router.adapters.sources import PLATFORMS
from router.adapters.sources.delivery import Message
from router.adapters.sources.field_map import compiled
from router.adapters.sources.meta import Graph, LeadUnreadable
from router.adapters.sources.payload import mapping
from tests.sources.cast import SENDERS
from tests.sources.graph import LEAD, TOKEN, graph
from tests.sources.senders import NOW, encoded

NOT_THERE = {"error": {"message": "Object 'ana@acme.example' does not exist", "code": 100}}


def message() -> Message:
    """Return the message of Meta's own example."""
    [only] = PLATFORMS["meta"].read(SENDERS["meta"].delivery())
    return only


async def test_a_lead_is_read_by_its_id_with_the_pages_token() -> None:
    """What the person answered comes from the Graph API; the id is Meta's, and the time the lead's own."""
    async with graph() as server:
        lead = await Graph(server.url, TOKEN).lead(message())

    submission = compiled("demo-request", {}).submission(lead, NOW)
    assert server.asked == [("/v23.0/233370042045345", {"access_token": [TOKEN]})]
    assert submission == {
        "submission_id": "233370042045345",
        "submitted_at": "2026-03-02T14:05:02+00:00",
        "form": "demo-request",
        "email": "ana@acme.example",
        "first_name": "Ana",
        "last_name": "Lima",
        "company": "Acme",
        "fields": {"which_plan?": "Team", "tools": "CRM, Chat"},
    }


async def test_a_map_reads_answers_and_the_message() -> None:
    """Paths lead into the change that Meta told of and into the lead."""
    async with graph() as server:
        lead = await Graph(server.url, TOKEN).lead(message())

    paths = {"email": "field_data[0].values[0]", "message": 'answers."which_plan?"', "fields.page": "page_id"}
    submission = compiled("demo-request", paths).submission(lead, NOW)
    assert submission["email"] == "ana@acme.example"
    assert submission["message"] == "Team"
    assert "which_plan?" not in mapping(submission["fields"])
    assert mapping(submission["fields"])["page"] == "138124712925158"


async def test_a_fault_that_passes_is_got_over() -> None:
    """A 500 and a connection that breaks cost a moment, not the lead."""
    async with graph((500, {}), None, (200, LEAD)) as server:
        lead = await Graph(server.url, TOKEN).lead(message())

    assert lead.answers["email"].value == "ana@acme.example"
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((400, NOT_THERE), "answered 400, error code 100"),
        ((401, b"no"), "answered 401"),
        ((302, b""), "answered 302"),
        ((503, {}), "answered 503"),
        ((200, b"<html>"), "without field_data"),
        ((200, {"id": "1"}), "without field_data"),
        ((200, b'{"field_data": []' + b" " * 300_000 + b"}"), "without field_data"),
        (None, "could not be reached"),
    ],
    ids=str,
)
async def test_what_cannot_be_read_says_why(answer: object, told: str) -> None:
    """The reason has the status and Meta's code, never Meta's words nor the token; nothing of it is logged."""
    async with graph(answer) as server:
        with capture_logs() as logs, pytest.raises(LeadUnreadable, match=told) as refused:
            await Graph(server.url, TOKEN).lead(message())

    assert "ana@" not in str(refused.value)
    assert TOKEN not in f"{refused.value}{logs}"


async def test_a_server_that_never_answers_costs_a_bounded_time() -> None:
    """Who waits for the answer to a webhook is told in time to send it again."""
    async with graph(...) as server:
        began = time.monotonic()
        with pytest.raises(LeadUnreadable, match="did not answer within"):
            await Graph(server.url, TOKEN, within=0.3).lead(message())

    assert time.monotonic() - began < 5


async def test_a_server_that_is_gone() -> None:
    """A closed port is told as one."""
    async with graph() as server:
        pass

    with pytest.raises(LeadUnreadable, match="could not be reached"):
        await Graph(server.url, TOKEN).lead(message())


async def test_one_lead_that_cannot_be_read_holds_up_no_other() -> None:
    """Of several leads in a message the others are read, and each one that was not has its reason."""
    several = [Message(str(number), {}) for number in range(20)]
    async with graph((400, NOT_THERE), (200, LEAD)) as server:
        read, unread = await Graph(server.url, TOKEN).leads(several)

    assert len(read) == 19
    assert len(unread) == 1
    assert len(server.asked) == 20


def test_only_ids_lead_into_an_address() -> None:
    """A `leadgen_id` that would lead elsewhere in the Graph API is no lead."""
    changes = [
        {"field": "leadgen", "value": {"leadgen_id": one}} for one in ("../me", "1?x=2", "", 7, "7", None, "a/b")
    ]
    body = encoded({"object": "page", "entry": [{"changes": changes}]})

    assert [one.event_id for one in PLATFORMS["meta"].read(SENDERS["meta"].delivery(body))] == ["7"]
