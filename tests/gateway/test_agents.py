"""Presence, actions and stories over the API, with a worker behind it."""

from __future__ import annotations

from typing import Any

from router.entrypoints.explain import as_json, told
from tests.gateway.live import Site, eventually
from tests.gateway.test_submissions import post


async def say(site: Site, headers: dict[str, str], rep: str = "ana", **body: object) -> tuple[int, Any]:
    """Post a presence of *rep*."""
    return await post(site, body, headers, f"/v1/reps/{rep}/presence")


async def test_a_status_is_an_event_at_once(site: Site) -> None:
    """Each change of status stands in the log when it is answered, at the gateway's time."""
    headers = await site.bearer("agent")
    for status in ("available", "busy", "available"):
        assert (await say(site, headers, status=status, at="2020-01-01T00:00:00Z"))[0] == 202

    events = await site.on("rep-presence")
    assert [(one["rep_id"], one["status"]) for one in events] == [
        ("ana", "available"),
        ("ana", "busy"),
        ("ana", "available"),
    ]
    assert not any(one["at"].startswith("2020") for one in events)


async def test_heartbeats_do_not_flood_the_log(site: Site) -> None:
    """Of many heartbeats within a third of the ttl one is written; another rep's and another ttl's are their own."""
    headers = await site.bearer("agent")
    answers = [await say(site, headers, status="available", heartbeat=True, ttl_seconds=900) for _ in range(10)]
    await say(site, headers, "ben", status="available", heartbeat=True, ttl_seconds=900)
    await say(site, headers, status="available", heartbeat=True, ttl_seconds=60)

    assert [one["accepted"][0]["recorded"] for _, one in answers] == [True] + [False] * 9
    assert [(one["rep_id"], one["ttl_seconds"]) for one in await site.on("rep-presence")] == [
        ("ana", 900),
        ("ben", 900),
        ("ana", 60),
    ]


async def test_a_heartbeat_is_written_again_in_time(site: Site) -> None:
    """Beats that come often renew a ttl of a second and a half before it passes."""
    headers = await site.bearer("agent")

    async def beaten_thrice() -> bool:
        await say(site, headers, status="available", heartbeat=True, ttl_seconds=1)
        return len(await site.on("rep-presence")) >= 3

    await eventually(beaten_thrice)


async def test_wrong_presence_is_refused(site: Site) -> None:
    """A rep that nobody knows is 404, a word that is no status 422, and nothing is written."""
    headers = await site.bearer("agent")
    wrong: tuple[tuple[str, dict[str, object], int], ...] = (
        ("nobody", {"status": "available"}, 404),
        ("ana", {"status": "Available"}, 422),
        ("ana", {}, 422),
        ("ana", {"status": "busy", "ttl_seconds": -1}, 422),
        ("a" * 200, {"status": "busy"}, 422),
    )
    for rep, body, status in wrong:
        assert (await say(site, headers, rep, **body))[0] == status, (rep, body)
    assert await site.on("rep-presence") == []


async def test_a_lead_is_taken_and_told_over_http(site: Site) -> None:
    """A submission reaches a rep who is there, who accepts and touches; the story is what `explain` says."""
    ingest, agent = await site.bearer("ingest"), await site.bearer("agent")
    async with site.worker():
        for rep in site.door.in_force.policy.reps:
            await say(site, agent, rep, status="available", ttl_seconds=0)
        form = {"form": "demo-request", "email": "cto@globex.example", "job_title": "CTO", "employees": 6000}
        await post(site, form, ingest)

        async def assigned() -> dict[str, Any] | None:
            events = await site.on("lead-assignments")
            return next((one for one in events if one["rep_id"] or one.get("reason")), None)

        lead = await eventually(assigned)
        lead_id, rep_id = lead["lead_id"], lead["rep_id"] or "ana"
        for action in ("accept", "touch"):
            body = {"rep_id": rep_id, "action": action, "channel": "call"}
            assert (await post(site, body, agent, f"/v1/leads/{lead_id}/actions"))[0] == 202

        async def touched() -> bool:
            answer = await site.client.get(f"/v1/leads/{lead_id}", headers=agent)
            return bool(answer.json()["now"]["state"] == "touched")

        await eventually(touched)
        answer = await site.client.get(f"/v1/leads/{lead_id}", headers=agent)
        place = site.place
        story = await told(place.log.tail, site.door.leads, lead_id, site.door.clock.now(), workspace=place.workspace)
        assert story is not None
        expected = as_json(story)
        assert answer.json().keys() == expected.keys()
        assert (answer.json()["lead_id"], answer.json()["now"]["state"]) == (lead_id, "touched")
        outcome = {"lead_id": lead_id, "outcome": "won"}
        assert (await post(site, outcome, ingest, "/v1/outcomes"))[0] == 202


async def test_a_lead_that_nobody_knows_is_404(site: Site) -> None:
    """Reading it and acting on it are 404 alike, whatever its id looks like."""
    headers = await site.bearer("agent")
    for lead in ("ld_" + "0" * 32, "x", "..%2f..%2fetc"):
        assert (await site.client.get(f"/v1/leads/{lead}", headers=headers)).status_code == 404
    body = {"rep_id": "ana", "action": "accept"}
    assert (await post(site, body, headers, "/v1/leads/ld_x/actions"))[0] == 404
    assert await site.on("rep-actions") == []
