"""Keys: made once, kept as hashes, good for their scope and as often as they may call, and gone when revoked."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from router.adapters.redis.keys import SCOPES
from router.cli import app
from router.entrypoints.gateway.origins import read_origin
from tests.gateway.live import Site, eventually
from tests.gateway.test_submissions import LEAD, post

Router = Callable[..., Result]


@pytest.fixture
def router(valkey: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Router:
    """Give the command line, on the session's Valkey."""
    monkeypatch.chdir(tmp_path)
    settings = {"ROUTER_REDIS_URL": valkey, "ROUTER_WORKSPACE": prefix, "ROUTER_DATA_DIR": str(tmp_path)}

    def run(*words: str, **more: str) -> Result:
        return CliRunner().invoke(app, words, env={**settings, **more})

    return run


def made(answer: Result) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return what a command that went well printed."""
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_a_key_is_made_listed_and_revoked(router: Router) -> None:
    """A new key is printed once; the list has its id, scope and rate and never the key; revoked, it is gone."""
    new = made(router("keys", "create", "crm", "--scope", "ingest", "--rate", "50/s", "--json"))
    listed = made(router("keys", "list", "--json"))

    assert listed == [{name: value for name, value in new.items() if name != "key"}]
    assert (new["name"], new["scope"], new["rate"]) == ("crm", "ingest", "50/s")
    assert str(new["key"]) not in router("keys", "list").output
    assert router("keys", "revoke", str(new["id"])).exit_code == 0
    assert json.loads(router("keys", "list", "--json").stdout) == []


def test_a_person_gets_the_bare_key(router: Router) -> None:
    """Without --json standard output is the key alone, for a variable of a shell."""
    answer = router("keys", "create", "crm", "--scope", "agent")

    assert re.fullmatch(r"rk_[a-z0-9]{12}_[A-Za-z0-9_-]{43}\n", answer.stdout)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("keys", "create", "x", "--scope", "all"), "ingest, agent, admin, form"),
        (("keys", "create", "x", "--scope", "form"), "--origin"),
        (("keys", "create", "x", "--scope", "form", "--origin", "https://a.example/page"), "without a path"),
        (("keys", "create", "x", "--scope", "ingest", "--origin", "https://a.example"), "scope form"),
        (("keys", "create", "x", "--scope", "ingest", "--rate", "10"), "10/s"),
        (("keys", "create", " ", "--scope", "ingest"), "name"),
        (("keys", "revoke", "nobody"), "keys list"),
    ],
)
def test_wrong_wishes_are_refused(router: Router, words: Sequence[str], told: str) -> None:
    """What cannot be used is said with what can be; nothing is made."""
    answer = router(*words)

    assert answer.exit_code != 0
    assert told in str(answer.exception)
    assert made(router("keys", "list", "--json")) == []


def test_the_identity_key_is_printed(router: Router) -> None:
    """`identity` prints what ROUTER_IDENTITY_KEY must be, before the secret is changed, to stay the same."""
    secret = {"ROUTER_SECRET": "a secret of more than 32 characters"}
    printed = router("keys", "identity", **secret).stdout.strip()

    assert re.fullmatch(r"[0-9a-f]{64}", printed)
    other = {"ROUTER_SECRET": "another secret of more than 32 characters"}
    assert router("keys", "identity", **other).stdout.strip() != printed
    assert router("keys", "identity", **other, ROUTER_IDENTITY_KEY=printed).stdout.strip() == printed


async def test_no_key_stands_in_redis(site: Site) -> None:
    """What Redis keeps lets nobody in: neither a key nor its secret part is there."""
    key = await site.key("admin")
    await post(site, LEAD, {"Authorization": f"Bearer {key}"})
    kept = await site.redis.hgetall(f"{{{site.door.workspace}}}:keys")

    assert kept
    assert key.rpartition("_")[2].encode() not in b"".join(kept.values())  # type: ignore[arg-type]  # this client answers in bytes


async def test_who_has_no_key_is_asked_for_one(site: Site) -> None:
    """Without a key that is known, a call is 401 with the way to ask, and makes nothing."""
    unknown = "Bearer rk_aaaaaaaaaaaa_" + "x" * 43
    for header in (None, "", "Bearer", "Bearer x", "Basic eDp5", unknown, "Bearer é" + "x" * 5000):
        given = [] if header is None else [(b"Authorization", header.encode())]
        answer = await site.client.post("/v1/submissions", json=LEAD, headers=given)
        assert (answer.status_code, answer.headers.get("www-authenticate")) == (401, "Bearer"), header
        assert answer.headers["content-type"] == "application/problem+json"
    assert await site.on("form-submissions") == []


async def test_a_key_of_which_one_letter_is_wrong_is_none(site: Site) -> None:
    """The id alone lets nobody in, neither before nor after its key was used."""
    key = await site.key("ingest")
    wrong = key[:-1] + ("a" if key[-1] != "a" else "b")

    statuses = [(await post(site, LEAD, {"Authorization": f"Bearer {one}"}))[0] for one in (wrong, key, wrong)]
    assert statuses == [401, 202, 401]


async def test_a_key_is_good_for_its_scope(site: Site) -> None:
    """Keys of other scopes are 403, a form's key among them; those of the scope and of admin come in."""
    calls = {
        ("POST", "/v1/submissions"): "ingest",
        ("POST", "/v1/activities"): "ingest",
        ("POST", "/v1/outcomes"): "ingest",
        ("POST", "/v1/reps/ana/presence"): "agent",
        ("POST", "/v1/leads/ld_x/actions"): "agent",
        ("GET", "/v1/leads/ld_x"): "agent",
    }
    for scope in SCOPES:
        headers = await site.bearer(scope)
        for (method, path), wanted in calls.items():
            answer = await site.client.request(method, path, json={}, headers=headers)
            assert (answer.status_code != 403) == (scope in (wanted, "admin")), (scope, path)
    assert (await site.client.get("/v1/events", headers=await site.bearer("ingest"))).status_code == 403


async def test_a_revoked_key_is_out_within_two_seconds(site: Site) -> None:
    """A key that was just used, and is revoked by another process, is refused soon after."""
    key = await site.key("ingest")
    headers = {"Authorization": f"Bearer {key}"}
    assert (await post(site, LEAD, headers))[0] == 202
    await site.redis.hdel(f"{{{site.door.workspace}}}:keys", key.split("_")[1])
    began = asyncio.get_running_loop().time()

    async def refused() -> bool:
        return (await post(site, LEAD, headers))[0] == 401

    await eventually(refused)
    assert asyncio.get_running_loop().time() - began < 2


async def test_a_key_calls_as_often_as_it_may(site: Site) -> None:
    """One call more than the rate is 429 and says when to come again; another key is not concerned."""
    headers = await site.bearer("ingest", rate="3/h")
    statuses = [(await post(site, LEAD, headers))[0] for _ in range(3)]
    answer = await site.client.post("/v1/submissions", json=LEAD, headers=headers)

    assert statuses == [202, 202, 202]
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 7200
    assert (await post(site, LEAD, await site.bearer("ingest")))[0] == 202


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://Example.com", "https://example.com"),
        ("https://example.com:443/", "https://example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://münchen.example", "https://xn--mnchen-3ya.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://example.com/path", None),
        ("https://user@example.com", None),
        ("null", None),
        ("*", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("https://example.com:port", None),
    ],
)
def test_origins_are_kept_as_browsers_send_them(text: str, origin: str | None) -> None:
    """Spellings of one origin are one; what is no origin of a web page is none."""
    assert read_origin(text) == origin
