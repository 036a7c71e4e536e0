"""Signing in: links that work once, an answer that tells nothing, and doors that only a trial has."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import apprise
import pytest
import pytest_asyncio
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from structlog.testing import capture_logs

from router.adapters.redis.visitors import LINK_FOR, RENEW_AFTER, SESSION_FOR
from tests.gateway.live import eventually
from tests.pages.office import TOKEN, Office, free_port, open_office, post
from tests.pages.team import write_team

LINK = re.compile(r"http://[0-9.:]+(/sign-in/[A-Za-z0-9_.-]+)")
MAIL = "notify: {channels: {email: {url_env: TEST_MAIL_URL}}, rules: []}\n"
PUBLIC = "https://leads.example.com"


@pytest_asyncio.fixture
async def office(valkey: str, prefix: str, tmp_path: Path) -> AsyncIterator[Office]:
    """Give an office as somebody has it who tries the router out."""
    async with open_office(valkey, prefix, tmp_path) as opened:
        yield opened


async def link_of(office: Office, address: str, printed: pytest.CaptureFixture[str]) -> str:
    """Ask for a link and return its path, as it is printed where there is no e-mail."""
    printed.readouterr()
    lines = ""

    async def told() -> re.Match[str] | None:
        nonlocal lines
        lines += printed.readouterr().out
        return LINK.search(lines)

    async with office.browser() as client:
        assert (await post(client, "/sign-in", "/sign-in", {"email": address})).status_code == 200
        match: re.Match[str] = await eventually(told)
        return match[1]


async def test_a_link_signs_in_once(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """A link may be looked at by scanners, signs in by its button, and then never again."""
    link = await link_of(office, " ANA@sales.example ", capsys)
    async with office.browser() as scanner:
        for _ in range(3):
            assert (await scanner.get(link)).status_code == 200
            await scanner.head(link)

    async with office.browser() as ana, office.browser() as thief:
        token = {"token": TOKEN.findall((await thief.get(link)).text)[0]}
        answer = await post(ana, link, link)
        assert (answer.status_code, answer.headers["location"]) == (303, "/leads")
        cookie = next(one for one in answer.headers.get_list("set-cookie") if "session" in one)
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Ana Prado" in (await ana.get("/leads")).text
        assert (await thief.post(link, data=token)).status_code == 410
        assert (await thief.get(link)).status_code == 410
        assert (await thief.get("/leads")).headers["location"] == "/sign-in"


async def test_a_link_does_not_last(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """After a quarter of an hour a link is worth nothing."""
    await link_of(office, "mia@sales.example", capsys)
    [key] = [key async for key in office.site.redis.scan_iter(match=f"{{{office.site.place.workspace}}}:page:link:*")]

    assert LINK_FOR - 30 < await office.site.redis.ttl(key) <= LINK_FOR == 15 * 60


async def test_a_link_is_not_made_up(office: Office) -> None:
    """What was not signed here signs nobody in."""
    async with office.browser() as client:
        for text in ("abc", "abc.def", "a" * 300):
            assert (await client.get(f"/sign-in/{text}")).status_code == 410


async def test_unknown_addresses_are_answered_alike(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether an address is known cannot be told from the answer; nobody unknown is sent a link."""
    async with office.browser() as client:
        known = await post(client, "/sign-in", "/sign-in", {"email": "ana@sales.example"})
        unknown = await post(client, "/sign-in", "/sign-in", {"email": "who@sales.example"})
        await asyncio.sleep(0)
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert {*known.headers} == {*unknown.headers}

    async def printed() -> bool:
        return "sign_in.unknown_address" in capsys.readouterr().out

    await eventually(printed)


async def test_trying_often_is_slowed(office: Office) -> None:
    """Who asks for many links is told to wait, whether there is such a person or not."""
    for address in ("ana@sales.example", "who@sales.example"):
        async with office.browser() as client:
            answers = [await post(client, "/sign-in", "/sign-in", {"email": address}) for _ in range(7)]
        assert [answer.status_code for answer in answers] == [200] * 6 + [429]
        assert int(answers[-1].headers["retry-after"]) > 60


def keep_address(url: str, place: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Keep the mail server's address in one of the places that secrets are looked up in."""
    if place == "environment":
        patch.setenv("TEST_MAIL_URL", url)
    elif place == "file":
        (folder / "mail-url").write_text(f"{url}\n", encoding="utf-8")
        patch.setenv("TEST_MAIL_URL_FILE", str(folder / "mail-url"))
    else:
        (folder / ".env").write_text(f"TEST_MAIL_URL={url}\n", encoding="utf-8")
        patch.chdir(folder)


@pytest.mark.parametrize("place", ["environment", "file", ".env"])
async def test_a_link_comes_by_mail(
    valkey: str,
    prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
) -> None:
    """With an e-mail channel the link goes to the person's own address, is printed nowhere, and nobody walks in."""
    letters: list[Envelope] = []

    class Box:
        async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
            letters.append(envelope)
            return "250 taken"

    port = free_port()
    server = Controller(Box(), hostname="127.0.0.1", port=port)
    server.start()
    url = f"mailto://127.0.0.1:{port}?from=router@sales.example&to=x@sales.example"
    keep_address(url, place, tmp_path, monkeypatch)
    try:
        async with open_office(valkey, prefix, tmp_path, MAIL) as office, office.browser() as client:
            assert "Try it out" not in (await client.get("/sign-in")).text
            await post(client, "/sign-in", "/sign-in", {"email": "ana@sales.example"})

            async def arrived() -> bool:
                return bool(letters)

            await eventually(arrived)
            assert letters[0].rcpt_tos == ["ana@sales.example"]
            body = letters[0].content
            assert isinstance(body, bytes)
            text = body.decode().replace("=\r\n", "").replace("=2E", ".")
            match = LINK.search(text)
            assert match is not None
            assert "Sign-in link" not in capsys.readouterr().out
            assert (await post(client, match[1], match[1])).status_code == 303
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("variables", "package", "advice"),
    [({}, apprise, "TEST_MAIL_URL_FILE"), ({"TEST_MAIL_URL": "mailto://127.0.0.1"}, None, "[notify]")],
    ids=["no address", "not installed"],
)
async def test_a_link_that_cannot_be_mailed_is_told_of(
    valkey: str,
    prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    package: ModuleType | None,
    advice: str,
) -> None:
    """The log says what to set or install; the visitor is told the same as ever."""
    monkeypatch.delitem(sys.modules, "router.adapters.notify.apprise_channel", raising=False)
    monkeypatch.setitem(sys.modules, "apprise", package)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    async with open_office(valkey, prefix, tmp_path, MAIL) as office, office.browser() as client:
        with capture_logs() as lines:
            assert (await post(client, "/sign-in", "/sign-in", {"email": "ana@sales.example"})).status_code == 200

            async def told() -> list[str]:
                return [line["why"] for line in lines if line["event"] == "sign_in.failed"]

            [why] = await eventually(told)

    assert advice in why


async def test_nobody_walks_in_from_outside(office: Office) -> None:
    """The trial's door is for this machine under its own name: no proxy, no other host, no other site."""
    async with office.browser() as client:
        for headers in (
            {"X-Forwarded-For": "203.0.113.9"},
            {"Forwarded": "for=203.0.113.9"},
            {"Host": "rebound.example"},
        ):
            page = await client.get("/sign-in", headers=headers)
            assert "Try it out" not in page.text
            token = {"token": TOKEN.findall(page.text)[0]}
            answer = await client.post("/sign-in/as/manager/mia", data=token, headers=headers)
            assert answer.status_code == 404
        assert "Try it out" in (await client.get("/sign-in")).text


async def test_in_earnest_there_is_no_trial(valkey: str, prefix: str, tmp_path: Path) -> None:
    """With a public address nobody walks in or sends samples, and cookies are for TLS alone."""
    async with open_office(valkey, prefix, tmp_path, public_url=PUBLIC) as office, office.browser() as client:
        page = await client.get("/sign-in")
        cookies = page.headers.get_list("set-cookie")
        assert "Try it out" not in page.text
        assert all(cookie.startswith("__Host-") and "Secure" in cookie for cookie in cookies)
        carried = {"Cookie": cookies[0].partition(";")[0]}
        token = {"token": TOKEN.findall(page.text)[0]}

        answer = await client.post("/sign-in/as/manager/mia", data=token, headers=carried)

        assert answer.status_code == 404


async def test_who_signs_out_is_out(office: Office) -> None:
    """Signing out ends the session wherever its cookie has been copied to, and the rep is offline."""
    await office.is_("ana", "available")
    async with office.visitor("rep", "ana") as ana, office.browser() as copy:
        copy.cookies.update(ana.cookies)
        assert (await copy.get("/leads")).status_code == 200

        assert (await post(ana, "/sign-out", "/leads")).status_code == 303

        assert (await copy.get("/leads")).headers["location"] == "/sign-in"
        await eventually(lambda: office.has_status("ana", "offline"))


async def age_sessions(office: Office) -> None:
    """Let all sessions be so old that the next use renews them."""
    redis, sessions = office.site.redis, f"{{{office.site.place.workspace}}}:page:session:*"
    async for key in redis.scan_iter(match=sessions):
        await redis.expire(key, SESSION_FOR - RENEW_AFTER - 1)


async def test_who_is_active_stays_signed_in(office: Office) -> None:
    """A session that is used is kept on by the browser as well, which is told so only now and then."""
    async with office.visitor("rep", "ana") as ana:
        assert "set-cookie" not in (await ana.get("/leads")).headers
        await age_sessions(office)
        before = dict(ana.cookies)

        [cookie] = (await ana.get("/leads")).headers.get_list("set-cookie")

        assert "Max-Age=43200" in cookie
        assert dict(ana.cookies) == before
        assert "set-cookie" not in (await ana.get("/leads")).headers


async def test_who_signs_out_after_long_is_out(office: Office) -> None:
    """Signing out takes the cookie from the browser, also where the session was due to be renewed."""
    async with office.visitor("rep", "ana") as ana:
        token = {"token": TOKEN.findall((await ana.get("/leads")).text)[0]}
        await age_sessions(office)

        [cookie] = (await ana.post("/sign-out", data=token)).headers.get_list("set-cookie")

        assert "Max-Age=0" in cookie


async def test_who_is_removed_is_out(office: Office, tmp_path: Path) -> None:
    """A session ends with the place in the configuration that it was for."""
    async with office.visitor("rep", "ana") as ana:
        assert (await ana.get("/leads")).status_code == 200
        file = write_team(tmp_path) / "team.yaml"
        file.write_text(file.read_text(encoding="utf-8").replace("id: ana", "id: anja"), encoding="utf-8")

        async def out() -> bool:
            return (await ana.get("/leads")).has_redirect_location

        await eventually(out)
