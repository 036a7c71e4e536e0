"""Submissions over the API: taken once, answered when the log has them, refused with the fields that are wrong."""

from __future__ import annotations

import asyncio
from typing import Any

from router.events.base import parse_instant
from tests.gateway.live import Site

LEAD = {
    "submission_id": "s-1",
    "submitted_at": "2026-03-02T14:05:09Z",
    "form": "demo-request",
    "email": "d@acme.example",
}


async def post(site: Site, body: object, headers: dict[str, str], path: str = "/v1/submissions") -> tuple[int, Any]:
    """Post JSON and return status and body of the answer."""
    answer = await site.client.post(path, json=body, headers=headers)
    return answer.status_code, answer.json()


async def test_a_submission_is_in_the_log_when_it_is_answered(site: Site) -> None:
    """One object is accepted under its own id, and stands in the log as it was sent."""
    assert await post(site, LEAD, await site.bearer("ingest")) == (
        202,
        {"accepted": [{"submission_id": "s-1", "duplicate": False}]},
    )
    [event] = await site.on("form-submissions")
    assert event == {**LEAD, "submitted_at": "2026-03-02T14:05:09.000Z"}


async def test_what_is_absent_is_made(site: Site) -> None:
    """Without id and time both are made here, another id for each item; null and blank count as absent."""
    before = site.door.clock.now()
    items = [{"form": "f", "phone": "+12025550123", "submission_id": absent} for absent in (None, " ")]

    status, body = await post(site, [*items, {"form": "f", "email": "x@acme.example"}], await site.bearer("ingest"))

    events = await site.on("form-submissions")
    assert status == 202
    assert [one["submission_id"] for one in body["accepted"]] == [one["submission_id"] for one in events]
    assert len({one["submission_id"] for one in events}) == 3
    assert all(abs((parse_instant(one["submitted_at"]) - before).total_seconds()) < 30 for one in events)


async def test_a_repeated_id_is_told_and_sent_once(site: Site) -> None:
    """An id that came before, in another request or in the same list, is answered as a duplicate and sent no more."""
    headers = await site.bearer("ingest")
    other = {**LEAD, "submission_id": "s-2"}

    _, first = await post(site, [LEAD, other, other], headers)
    _, second = await post(site, LEAD, headers)

    assert [one["duplicate"] for one in (*first["accepted"], *second["accepted"])] == [False, False, True, True]
    assert [one["submission_id"] for one in await site.on("form-submissions")] == ["s-1", "s-2"]


async def test_the_same_id_at_once_is_sent_once(site: Site) -> None:
    """Of twenty calls with one id at the same moment one is new, and the log has one event."""
    headers = await site.bearer("ingest")
    answers = await asyncio.gather(*(post(site, LEAD, headers) for _ in range(20)))

    assert sorted(body["accepted"][0]["duplicate"] for _, body in answers) == [False] + [True] * 19
    assert len(await site.on("form-submissions")) == 1


async def test_the_same_idempotency_key_gives_the_same_answer(site: Site) -> None:
    """A request that is sent again under its key gets the first answer, though its ids were made here."""
    headers = {**await site.bearer("ingest"), "Idempotency-Key": "k-1"}
    bare = {"form": "f", "email": "d@acme.example"}

    answers = await asyncio.gather(*(post(site, [bare, bare], headers) for _ in range(5)))
    reordered = await post(site, [dict(reversed(bare.items())), bare], headers)

    assert all(one == answers[0] for one in (*answers, reordered))
    assert len({one["submission_id"] for one in await site.on("form-submissions")}) == 2
    assert len(await site.on("form-submissions")) == 2


async def test_another_body_under_a_used_key_is_refused(site: Site) -> None:
    """The same key with another body is 422; another caller's key of the same name is another one."""
    headers = {**await site.bearer("ingest"), "Idempotency-Key": "k-1"}
    await post(site, LEAD, headers)

    status, body = await post(site, {**LEAD, "email": "e@acme.example"}, headers)
    other, _ = await post(site, {**LEAD, "email": "e@acme.example"}, {**headers, **await site.bearer("ingest")})

    assert (status, body["errors"]) == (422, [{"field": "Idempotency-Key", "problem": "was used for another body"}])
    assert other == 202


async def test_a_refused_request_does_not_use_its_key_up(site: Site) -> None:
    """After 422 the corrected body may come under the same key."""
    headers = {**await site.bearer("ingest"), "Idempotency-Key": "k-1"}

    assert (await post(site, {"form": "f"}, headers))[0] == 422
    assert (await post(site, LEAD, headers))[0] == 202


async def test_wrong_fields_are_named_and_nothing_is_sent(site: Site) -> None:
    """Each wrong field of each item is named by its place, no value is repeated, and the good item is not sent."""
    items = [LEAD, {"form": " ", "email": "secret@acme.example", "employees": "many"}, {"form": "f"}]

    status, body = await post(site, items, await site.bearer("ingest"))

    assert status == 422
    assert {one["field"] for one in body["errors"]} == {"1.form", "1.employees", "2"}
    assert "secret" not in str(body)
    assert await site.on("form-submissions") == []


async def test_what_is_no_submission_is_refused(site: Site) -> None:
    """An empty list, one that is too long, and what is no object are 422."""
    headers = await site.bearer("ingest")
    bodies: tuple[object, ...] = ([], [LEAD] * 101, ["text"], [[LEAD]], "text", 7)
    for body in bodies:
        assert (await post(site, body, headers))[0] == 422, body
    assert await site.on("form-submissions") == []


async def test_activities_and_outcomes_are_sent(site: Site) -> None:
    """An activity stands in the log when it is answered; an outcome of a lead that nobody knows is 404."""
    headers = await site.bearer("ingest")
    activity = {"activity_id": "a-1", "at": "2026-03-02T14:00:00Z", "kind": "page_view", "email": "d@acme.example"}

    assert await post(site, activity, headers, "/v1/activities") == (202, {"accepted": [{"activity_id": "a-1"}]})
    assert [one["activity_id"] for one in await site.on("lead-activities")] == ["a-1"]
    status, _ = await post(site, {"lead_id": "ld_x", "outcome": "won"}, headers, "/v1/outcomes")
    assert (status, await site.on("lead-outcomes")) == (404, [])


async def test_a_trace_goes_on(site: Site) -> None:
    """A `traceparent` of the request is the event's; what is none is left out."""
    headers = await site.bearer("ingest")
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    await site.client.post("/v1/submissions", json=LEAD, headers={**headers, "traceparent": trace})
    await site.client.post(
        "/v1/submissions", json={**LEAD, "submission_id": "s-2"}, headers={**headers, "traceparent": "x"}
    )

    records = [one async for one in site.place.log.tail.read(["form-submissions"], follow=False)]
    assert [one.headers.get("traceparent") for one in records] == [trace.encode(), None]
    assert [one.headers["ce_id"] for one in records] == [b"s-1", b"s-2"]
