"""Webhooks through the gateway that really listens: what is proven is on the log once, what is not leaves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from router.adapters.sources.payload import mapping
from router.bootstrap import CLOCK
from router.events.submission import FormSubmitted
from tests.gateway.live import Site, eventually, open_site
from tests.sources.cast import CALENDLY, SENDERS, TYPEFORM
from tests.sources.conftest import sources, write_sources
from tests.sources.graph import LEAD, TOKEN, graph
from tests.sources.senders import encoded

TOPIC = "form-submissions"
WITHOUT_GRAPH = [name for name in SENDERS if name != "meta"]


def address(name: str) -> str:
    """Return the path of a sender's source."""
    return f"/v1/webhooks/{name.replace(' ', '-')}"


async def send(
    site: Site,
    name: str,
    body: bytes | None = None,
    *,
    ago: float = 0.0,
    to: str | None = None,
    forged: Mapping[str, str] = MappingProxyType({}),
) -> httpx.Response:
    """Send what the platform signs, to the address that it was told: through a proxy, under its public name."""
    path = address(to or name)
    sender = replace(SENDERS[name], url=SENDERS[name].url.replace("/v1/webhooks/theirs", path))
    delivery = sender.delivery(body, signed_at=CLOCK.now() - timedelta(seconds=ago))
    query = delivery.url.partition("?")[2]
    headers = {**delivery.headers, **forged}
    return await site.client.post(f"{path}?{query}" if query else path, headers=headers, content=delivery.body)


@pytest.mark.parametrize("name", WITHOUT_GRAPH)
async def test_a_submission_is_on_the_log_once(site: Site, name: str) -> None:
    """It is answered with the platform's own id when the log has it; the same delivery again makes no second one."""
    first, second = await send(site, name), await send(site, name)

    identity = SENDERS[name].event_id
    assert (first.status_code, first.json()) == (202, {"accepted": [{"submission_id": identity, "duplicate": False}]})
    assert (second.status_code, second.json()) == (202, {"accepted": [{"submission_id": identity, "duplicate": True}]})
    [event] = await site.on(TOPIC)
    assert FormSubmitted.model_validate(event).email == "ana@acme.example"
    assert event["form"] == "demo-request"


async def test_a_wrong_signature_is_refused_and_leaves_nothing(site: Site) -> None:
    """On every platform 401 as a problem document, a log line without anybody's data, and no event."""
    signed = {name: sender for name, sender in SENDERS.items() if sender.signature}
    with capture_logs() as logs:
        answers = {
            name: await send(site, name, forged=dict.fromkeys(sender.signature, "t=1,v1=" + "0" * 64))
            for name, sender in signed.items()
        }

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(signed, 401)
    assert {answer.headers["content-type"] for answer in answers.values()} == {"application/problem+json"}
    assert len([one["reason"] for one in logs if one["event"] == "webhook.refused"]) == len(signed)
    assert "ana@acme" not in str(logs)
    assert await site.on(TOPIC) == []


async def test_a_stale_signature_is_refused(site: Site) -> None:
    """What was signed more than five minutes ago is somebody's recording."""
    timed = [name for name, sender in SENDERS.items() if sender.signed_time]
    answers = {name: await send(site, name, ago=310) for name in timed}

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(timed, 401)
    assert all("5 minutes" in answer.json()["detail"] for answer in answers.values())
    assert await site.on(TOPIC) == []


async def test_a_wrong_secret_in_jotforms_address_is_refused(site: Site) -> None:
    """The only proof that Jotform gives."""
    answer = await site.client.post(f"{address('jotform')}?secret=guess", content=SENDERS["jotform"].body)

    assert answer.status_code == 401
    assert await site.on(TOPIC) == []


async def test_hubspot_signs_the_public_address(site: Site) -> None:
    """Signed for another source, the request proves nothing here."""
    sender = SENDERS["hubspot v3"].delivery(signed_at=CLOCK.now())
    answer = await site.client.post(address("hubspot v3"), headers=dict(sender.headers), content=sender.body)

    assert answer.status_code == 401


async def test_an_unknown_source_is_not_found(site: Site) -> None:
    """Neither by POST, GET nor HEAD, and without a word on those that there are."""
    for method in ("POST", "GET", "HEAD"):
        answer = await site.client.request(method, "/v1/webhooks/nobody")
        assert answer.status_code == 404


async def test_a_source_without_its_secret_is_not_ready(site: Site) -> None:
    """503 so that the platform tries again, and a log line that says what to set."""
    for source, told in {"unset": "TEST_UNSET: not set", "unnamed": "no `secret_env`", "no-base64": "whsec_"}.items():
        with capture_logs() as logs:
            answer = await send(site, "svix", to=source)

        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        assert told in str(logs)
        assert "TEST_" not in answer.text
    assert await site.on(TOPIC) == []


async def test_what_is_no_submission_is_taken_and_left(site: Site) -> None:
    """Signed, and of something else: 202, so that the platform goes on, and nothing on the log."""
    for name, body in {
        "calendly": encoded({**CALENDLY, "event": "invitee.canceled"}),
        "typeform": b"{'example_field':'example_value'}",
        "intercom": b'{"type": "notification_event", "topic": "ping", "data": {"item": {"type": "ping"}}}',
        "standard webhooks": b'{"test": 2432232314}',
        "hubspot v2": b'[{"eventId": 1, "subscriptionType": "contact.creation", "objectId": 123}]',
        "meta": b'{"object": "page", "entry": []}',
    }.items():
        answer = await send(site, name, body)
        assert (name, answer.status_code, answer.json()) == (name, 202, {"accepted": []})
    assert await site.on(TOPIC) == []


async def test_a_submission_of_nobody_names_the_fields(site: Site) -> None:
    """Without email and phone 422 tells which fields are wanted and which there are, not what is in them."""
    response: dict[str, Any] = dict(mapping(TYPEFORM["form_response"]))
    response["answers"] = response["answers"][:1]
    answer = await send(site, "typeform", encoded({**TYPEFORM, "form_response": response}))

    problem = answer.json()
    assert answer.status_code == 422
    assert {one["field"] for one in problem["errors"]} == {"email", "phone"}
    assert "first_name" in problem["found"]
    assert "Ana" not in answer.text
    assert await site.on(TOPIC) == []


async def test_a_map_takes_the_place_of_the_platforms_fields(site: Site) -> None:
    """What the map leaves out stands in `fields`, under the name of the answer."""
    answer = await send(site, "typeform", to="mapped")

    assert answer.status_code == 202
    [event] = await site.on(TOPIC)
    assert (event["form"], event["phone"], event.get("email")) == ("pricing", "+14155550123", None)
    assert event["fields"]["work-email"] == "ana@acme.example"


async def test_a_body_that_is_too_large_is_not_read(site: Site) -> None:
    """413 before anything is parsed or proven."""
    answer = await send(site, "tally", b"[" + b"1," * 140_000 + b"1]")

    assert answer.status_code == 413


async def test_metas_challenge(site: Site) -> None:
    """The agreed token gives the challenge back as plain text; any other gives nothing."""
    asked = {"hub.mode": "subscribe", "hub.verify_token": "meatyhamhock", "hub.challenge": "<b>1158201444</b>"}
    good = await site.client.get(address("meta"), params=asked)

    assert (good.status_code, good.text) == (200, "<b>1158201444</b>")
    assert good.headers["content-type"].startswith("text/plain")
    for changed in ({"hub.verify_token": "guess"}, {"hub.verify_token": "\u00e9"}, {"hub.mode": "x"}):
        bad = await site.client.get(address("meta"), params={**asked, **changed})
        assert (bad.status_code, "1158201444" in bad.text) == (403, False)
    assert (await site.client.get(address("meta"))).status_code == 403


async def test_a_platform_without_a_challenge_is_only_asked_whether_it_is_there(site: Site) -> None:
    """Intercom looks with HEAD whether an address is one; a GET has nothing to answer."""
    assert (await site.client.head(address("intercom"))).status_code == 200
    asked = await site.client.get(address("intercom"))
    assert (asked.status_code, asked.headers["allow"]) == (405, "POST")


@pytest.mark.usefixtures("_secrets")
async def test_a_lead_of_meta_is_read_and_on_the_log_once(valkey: str, prefix: str, tmp_path: Path) -> None:
    """The message names it, the Graph API tells it, and Meta's next try makes no second one."""
    async with graph() as server:
        config = write_sources(tmp_path / "config", sources(server.url))
        async with open_site(valkey, prefix, tmp_path, config=config) as site:
            first, second = await send(site, "meta"), await send(site, "meta")
            [event] = await site.on(TOPIC)

    assert [one.json()["accepted"][0]["duplicate"] for one in (first, second)] == [False, True]
    assert (event["submission_id"], event["email"]) == ("233370042045345", "ana@acme.example")
    assert event["submitted_at"] == "2026-03-02T14:05:02.000Z"


async def test_a_lead_that_cannot_be_read_comes_again(site: Site) -> None:
    """Nobody listens where the Graph API should be: 503, nothing on the log, and the token in no log line."""
    with capture_logs() as logs:
        answer = await send(site, "meta")

    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert "webhook.lead_unreadable" in str(logs)
    assert TOKEN not in f"{answer.text}{logs}"
    assert await site.on(TOPIC) == []


@pytest.mark.usefixtures("_secrets")
async def test_leads_that_can_be_read_do_not_wait_for_one_that_cannot(valkey: str, prefix: str, tmp_path: Path) -> None:
    """Of two leads in a message one is on the log at once, and the other comes with Meta's next try."""
    changes = [{"field": "leadgen", "value": {"leadgen_id": one, "created_time": 1772460302}} for one in ("1", "2")]
    body = encoded({"object": "page", "entry": [{"changes": changes}]})
    async with graph((400, {}), (200, LEAD)) as server:
        config = write_sources(tmp_path / "config", sources(server.url))
        async with open_site(valkey, prefix, tmp_path, config=config) as site:
            first, second = await send(site, "meta", body), await send(site, "meta", body)
            events = await site.on(TOPIC)

    assert (first.status_code, second.status_code) == (503, 202)
    assert sorted(one["submission_id"] for one in events) == ["1", "2"]


async def test_a_replayed_request_makes_one_lead(site: Site) -> None:
    """Three times the same delivery, past a worker: one decision."""
    async with site.worker():
        for _ in range(3):
            assert (await send(site, "generic")).status_code == 202
        await eventually(lambda: site.on("lead-decisions"))
        assert (await send(site, "tally")).status_code == 202
        decided = await eventually(lambda: _at_least(site, 2))

    assert [one["submission_id"] for one in decided] == ["evt-1", SENDERS["tally"].event_id]


async def _at_least(site: Site, count: int) -> list[dict[str, Any]]:
    decided = await site.on("lead-decisions")
    return decided if len(decided) >= count else []
