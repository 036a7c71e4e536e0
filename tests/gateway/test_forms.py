"""Forms on web pages: what browsers send becomes a submission, from the origins of its key only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from router.entrypoints.gateway import forms
from tests.gateway.live import Site, open_site

HOME = "https://www.example.com"


@pytest_asyncio.fixture
async def key(site: Site) -> str:
    """Give a form's key for one origin and another."""
    return await site.key("form", origins=[HOME, "http://localhost:3000"])


async def post(site: Site, key: str, *, origin: str | None = HOME, **how: Any) -> httpx.Response:  # noqa: ANN401 - whatever the client takes
    """Post a form as a browser would from a page of *origin*."""
    headers = {**({} if origin is None else {"Origin": origin}), **how.pop("headers", {})}
    return await site.client.post("/v1/forms/demo-request", params={"key": key}, headers=headers, **how)


async def test_a_plain_form_becomes_a_submission(site: Site, key: str) -> None:
    """Named fields are taken as they are, utm_ as `utm`, others as `fields`, several values as one text."""
    fields = {"email": "d@acme.example", "utm_source": "ad", "product": ["x", "y"], "employees": "51-200"}
    answer = await post(site, key, data=fields, headers={"Referer": f"{HOME}/demo"})

    [event] = await site.on("form-submissions")
    assert answer.status_code == 202
    assert answer.json() == {"accepted": [{"submission_id": event.pop("submission_id"), "duplicate": False}]}
    assert event.pop("submitted_at")
    assert event == {
        "form": "demo-request",
        "email": "d@acme.example",
        "utm": {"source": "ad"},
        "fields": {"product": "x, y", "employees": "51-200"},
        "page_url": f"{HOME}/demo",
    }


async def test_multipart_and_json_are_the_same_submission(site: Site, key: str) -> None:
    """The three kinds of bodies make the same event; a file is not kept."""
    fields = {"email": "d@acme.example", "company": "Acme", "employees": "40", "size": "L"}
    await post(site, key, data=fields)
    await post(site, key, data=fields, files={"cv": ("cv.pdf", b"%PDF", "application/pdf")})
    await post(site, key, json=fields)

    events = await site.on("form-submissions")
    for event in events:
        del event["submission_id"], event["submitted_at"]
    assert len(events) == 3
    assert events[0]["employees"] == 40
    assert events[0] == events[1] == events[2]


async def test_a_page_cannot_say_when_or_as_what_it_was_sent(site: Site, key: str) -> None:
    """Time and form are the gateway's to say, `test` is a field like any; the page's id has a space of its own."""
    body = {
        "email": "d@acme.example",
        "submission_id": "s-1",
        "submitted_at": "2020-01-01T00:00:00Z",
        "form": "other",
        "test": True,
    }
    first, second = [(await post(site, key, json=body)).json()["accepted"][0] for _ in range(2)]

    [event] = await site.on("form-submissions")
    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert event["submission_id"] == first["submission_id"] != "s-1"
    assert event["form"] == "demo-request"
    assert not event["submitted_at"].startswith("2020")
    assert "test" not in event
    assert event["fields"] == {"test": True}


@pytest.mark.parametrize("said", ["on", "1", "yes", "true", "TOEFL"])
async def test_a_field_named_test_makes_no_test(site: Site, key: str, said: str) -> None:
    """A form that asks for a test means its leads: the answer goes to `fields`."""
    await post(site, key, data={"email": "d@acme.example", "test": said})

    [event] = await site.on("form-submissions")
    assert "test" not in event
    assert event["fields"] == {"test": said}


async def test_other_origins_are_refused(site: Site, key: str) -> None:
    """A page elsewhere, of another scheme, or none at all is 403, gets no CORS headers and makes nothing."""
    for origin in (None, "null", "https://evil.example", "http://www.example.com", f"{HOME}.evil.example"):
        answer = await post(site, key, origin=origin, data={"email": "d@acme.example"})
        assert answer.status_code == 403, origin
        assert "access-control-allow-origin" not in answer.headers
    assert await site.on("form-submissions") == []


async def test_a_browser_that_names_only_the_page_is_known_by_it(site: Site, key: str) -> None:
    """Without Origin the page's address in Referer tells where the form stands."""
    fields = {"email": "d@acme.example"}
    good = await post(site, key, origin=None, data=fields, headers={"Referer": f"{HOME}/demo"})
    bad = await post(site, key, origin=None, data=fields, headers={"Referer": "https://evil.example/demo"})

    assert (good.status_code, bad.status_code) == (202, 403)


async def test_forms_take_forms_keys_only(site: Site) -> None:
    """No key and an unknown one are 401, a secret one is 403: it should never stand in a page."""
    fields = {"email": "d@acme.example"}
    statuses = [
        (await post(site, one, data=fields)).status_code
        for one in ("", "rk_nobody", await site.key("ingest"), await site.key("admin"))
    ]

    assert statuses == [401, 401, 403, 403]


async def test_a_browser_may_ask_before_it_posts(site: Site, key: str) -> None:
    """A preflight of an allowed origin is answered with what is allowed, of another one with 403."""

    async def ask(origin: str) -> httpx.Response:
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        return await site.client.options("/v1/forms/demo-request", params={"key": key}, headers=headers)

    good, bad = await ask(HOME), await ask("https://evil.example")

    assert (good.status_code, bad.status_code) == (204, 403)
    assert good.headers["access-control-allow-origin"] == HOME
    assert (good.headers["access-control-allow-methods"], good.headers["vary"]) == ("POST", "Origin")
    assert good.headers["access-control-allow-headers"] == "Content-Type"
    assert "access-control-allow-credentials" not in good.headers


async def test_a_script_may_read_answers_and_errors(site: Site, key: str) -> None:
    """Both carry the page's origin, so that fetch shows them to it."""
    good, bad = await post(site, key, json={"email": "d@acme.example"}), await post(site, key, json={"company": "Acme"})

    assert (good.status_code, bad.status_code) == (202, 422)
    assert {one.headers["access-control-allow-origin"] for one in (good, bad)} == {HOME}


async def test_what_fills_every_field_makes_nothing(site: Site, key: str) -> None:
    """A filled honeypot gets the answer that everybody gets, with and without a redirect, and no event."""
    fields = {"email": "d@acme.example", "_gotcha": "http://spam.example"}
    plain, onward = await post(site, key, data=fields), await post(site, key, data={**fields, "_next": f"{HOME}/ok"})
    honest = await post(site, key, data={"email": "d@acme.example", "_gotcha": ""})

    assert (plain.status_code, onward.status_code, honest.status_code) == (202, 303, 202)
    assert plain.json().keys() == honest.json().keys()
    assert plain.json()["accepted"][0].keys() == honest.json()["accepted"][0].keys()
    assert [one["submission_id"] for one in await site.on("form-submissions")] == [
        honest.json()["accepted"][0]["submission_id"]
    ]


async def test_a_browser_is_sent_on_to_allowed_origins_only(site: Site, key: str) -> None:
    """A `_next` of the key's origins is a 303; any other is not followed, and the lead is taken all the same."""
    places = {
        f"{HOME}/thanks?a=1": f"{HOME}/thanks?a=1",
        "/thanks": f"{HOME}/thanks",
        "http://localhost:3000/": "http://localhost:3000/",
        "https://evil.example/": None,
        "//evil.example/": None,
        f"{HOME}@evil.example/": None,
        f"{HOME}\\@evil.example/": None,
        "javascript:alert(1)": None,
        f"{HOME}/\r\nSet-Cookie: a=b": None,
        "https://[": None,
        "": None,
    }
    for onward, location in places.items():
        answer = await post(site, key, data={"email": "d@acme.example", "_next": onward})
        expected = (202 if location is None else 303, location)
        assert (answer.status_code, answer.headers.get("location")) == expected, onward
    events = await site.on("form-submissions")
    assert len(events) == len(places)
    assert not any("fields" in one for one in events)


async def test_bodies_that_cannot_be_used_are_refused(site: Site, key: str) -> None:
    """Another kind is 415, a broken or poor form 422, a large one 413; nothing is made of any."""
    plain = "application/x-www-form-urlencoded"
    bodies = (
        (b"email=x", "text/plain", 415),
        (b"email=x", "", 415),
        (b"no boundary", "multipart/form-data", 422),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 422),
        (b"[]", "application/json", 422),
        (b"company=Acme", plain, 422),
        (b"email=d%40acme.example&m=" + b"x" * 300_000, plain, 413),
        (b"&".join(b"f%d=1" % n for n in range(400)), plain, 422),
    )
    for content, kind, status in bodies:
        answer = await post(site, key, content=content, headers={"Content-Type": kind})
        assert answer.status_code == status, (kind, content[:20])
    assert await site.on("form-submissions") == []


async def test_one_address_sends_so_many_forms(site: Site, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that sends more than its share of what has a rate is 429; another one is not concerned."""
    monkeypatch.setattr(forms, "ADDRESS_RATE", "2/h")
    one, other = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "203.0.113.8"}
    fields = {"email": "d@acme.example"}
    first_key, second_key = [await site.key("form", origins=[HOME], rate="100/s") for _ in range(2)]

    statuses = [
        (await post(site, use, data=fields, headers=one)).status_code for use in (first_key, first_key, second_key)
    ]

    assert statuses == [202, 202, 429]
    assert (await post(site, first_key, data=fields, headers=other)).status_code == 202
    unbound = [(await post(site, key, data=fields, headers=one)).status_code for _ in range(3)]
    assert unbound == [202, 202, 202]


@pytest_asyncio.fixture
async def exposed(valkey: str, prefix: str, tmp_path: Path) -> AsyncIterator[Site]:
    """Give a gateway that trusts no proxy on this machine."""
    async with open_site(valkey, prefix, tmp_path, trusted_proxies="192.0.2.0/24") as opened:
        yield opened


async def test_nobody_else_says_where_a_call_came_from(exposed: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """X-Forwarded-For of who is no trusted proxy is ignored: it does not give a second share."""
    monkeypatch.setattr(forms, "ADDRESS_RATE", "1/h")
    key = await exposed.key("form", origins=[HOME], rate="100/s")
    statuses = [
        (await post(exposed, key, data={"email": "d@acme.example"}, headers={"X-Forwarded-For": one})).status_code
        for one in ("203.0.113.7", "203.0.113.8")
    ]

    assert statuses == [202, 429]
    answer = await exposed.client.get("/health/live", headers={"X-Forwarded-Proto": "https"})
    assert "strict-transport-security" not in answer.headers
