"""What is kept in Redis, and for how long: the table of docs/personal-data.md against a workspace that has it all."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field

import pytest
import redis
from redis.asyncio import Redis

from router.adapters.redis.activities import RedisActivities
from router.adapters.redis.connection import connect
from router.adapters.redis.deliveries import Deliveries, Parcel
from router.adapters.redis.keys import KeyStore
from router.adapters.redis.ledger import RedisLedger
from router.adapters.redis.rates import Rates
from router.adapters.redis.replayed import Replayed
from router.adapters.redis.seen import GivenAnswers, SeenIds
from router.adapters.redis.signs import RedisSigns
from router.adapters.redis.visitors import Visitors
from router.bootstrap import CLOCK
from router.domain.ledger.verbs import Audience, Step
from router.entrypoints.gateway.beats import Beats
from router.events.catalogue import catalogue
from router.events.presence import RepPresence
from router.ports import Activity
from tests.docs.documents import ROOT
from tests.model.engines import Twins, load
from tests.unit.ledger_story import MINUTE, Story, hot, office, seat

PAGE = (ROOT / "docs" / "personal-data.md").read_text(encoding="utf-8")
UNITS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
SLACK = 300_000
"""Milliseconds that the test itself may take between writing a key and looking at it."""


@dataclass(frozen=True)
class Row:
    """One row: its key as a pattern, and its lifetime; `most` where a key may live shorter."""

    key: str
    kept: str
    names: re.Pattern[str] = field(compare=False)

    @property
    def lifetime(self) -> tuple[int, bool] | None:
        """How long the key lives, in ms, and whether that is only the longest; None where it stays."""
        match = re.match(r"(at most )?([0-9]+) (ms|s|min|h|d)\b", self.kept)
        return None if match is None else (int(match[2]) * UNITS[match[3]], bool(match[1]))

    @property
    def may_stay(self) -> bool:
        """Whether the key may be there without an end; the row then says why."""
        return re.search(r"\bstays\b.+|\bopen (lead|one) stays", self.kept) is not None


def rows() -> Iterator[Row]:
    """Read the table."""
    for key, kept in re.findall(r"^\| `([^`]+)` \| .+ \| (.+) \|$", PAGE.partition("## In Redis")[2], re.MULTILINE):
        yield Row(
            key,
            kept,
            re.compile(
                "".join(".+" if "<" in part else re.escape(part) for part in re.split(r"(<\w+>)", key)), re.DOTALL
            ),
        )


ROWS = tuple(rows())


def row_of(key: str) -> Row:
    """Return the row of a key: the one that names the most of it."""
    found = [row for row in ROWS if row.names.fullmatch(key)]
    assert found, f"docs/personal-data.md has no row for {key}"
    return max(found, key=lambda row: len(row.key.partition("<")[0]))


@pytest.fixture
async def client(valkey: str) -> AsyncIterator[Redis]:
    """Give a client."""
    async with connect(valkey) as client:
        yield client


def ledger_story(url: str, workspace: str) -> None:
    """Have everything in the ledger: leads open, waiting, tried, touched, closed and erased, by every strategy."""
    with redis.Redis.from_url(url) as client:
        pools = {
            "all": ("least_loaded", ("ana", "ben")),
            "turns": ("weighted_round_robin", ("ben", "ana")),
            "spare": ("in_order", ("cai",)),
        }
        story = Story(
            Twins(client, load(client), workspace), seat("ana", capacity=2), seat("ben", calendar="office"), "cai",
            pools=pools, calendars=office((-1, "open"), (8, "outside_hours")), max_attempts=3,
        )  # fmt: skip
        story.come("ana", "ben", "cai", ttl=10 * MINUTE)
        story.do(Audience("some", "all", "in_order", ("ana",), "rep.x == lead.x", '{"lead.x":1}'))
        story.place("touched", company="acme.example", card='{"name":"Ada"}')
        story.act("touch", "touched", "ana")
        story.place("turn", steps=(Step("turns", "turns"),))
        story.place("closed")
        story.close("closed")
        story.place("erased", card='{"name":"Bo"}')
        story.erase("erased")
        story.place("nurture", to="nurture")
        story.place("declined", steps=(Step("some", "all", 60_000, 60_000), Step("all", "all")), clock=hot(story.now))
        story.place("held", clock=hot(story.now, warn_at=(0.5,)), card='{"name":"Cy"}')
        for rep in ("ana", "ben"):
            story.come(rep, status="busy")
        for lead in ("declined", "held"):
            story.act("decline", lead, str(story.holder(lead)))
        story.place("touched", company="acme.example", card='{"name":"Ada"}')


async def the_rest(client: Redis, workspace: str) -> None:
    """Have everything that stands beside the ledger."""
    now = CLOCK.now()
    ledger = RedisLedger(client, workspace)
    await ledger.keep_policy("v1", "{}")
    await ledger.keep_dataset("d", {})
    await ledger.fingerprint("f")
    await RedisSigns(client, workspace).give("a worker", "1")
    await RedisActivities(client, workspace).note(
        [Activity("lead:L1", "a", "page_view", 1), Activity("domain:acme.example", "b", "page_view", 1)]
    )
    deliveries = Deliveries(client, workspace)
    await deliveries.put([Parcel("crm", "m1", 1, b"{}")])
    await deliveries.begun(CLOCK)
    await Replayed(client, workspace).note(["letter"], now)
    await KeyStore(client, workspace).create("site", "ingest", now)
    await SeenIds(client, workspace).note(["s1"], now)
    await GivenAnswers(client, workspace).give("key", "body", [])
    await Rates(client, workspace).wait_for("100/h", "somebody")
    presence = {"rep_id": "ana", "status": "available", "at": now, "ttl_seconds": 90, "heartbeat": True}
    await Beats(client, workspace).due(RepPresence.model_validate(presence))
    visitors = Visitors(client, workspace)
    await visitors.make_link("nonce", "rep", "ana")
    await visitors.begin("session", "rep", "ana")
    await visitors.beat("ana", "page", 1, every=30_000)


async def lifetimes(client: Redis, workspace: str) -> Mapping[str, int]:
    """Return every key of the workspace with what is left of its life, in ms; -1 for one that stays."""
    start = f"{{{workspace}}}:"
    names = [name async for name in client.scan_iter(match=start + "*", count=1000)]
    async with client.pipeline(transaction=False) as pipe:
        for name in names:
            _ = pipe.pttl(name)
        left = await pipe.execute()
    found = zip(names, left, strict=True)
    return {name.decode().removeprefix(start): ttl for name, ttl in found if ttl != -2}


async def test_every_key_is_told_of_and_lives_as_long_as_is_told(client: Redis, valkey: str, prefix: str) -> None:
    """No key without a row, none that lives longer or shorter, and no row without a key."""
    ledger_story(valkey, prefix)
    await the_rest(client, prefix)
    kept = dict(await lifetimes(client, prefix))
    for _ in range(20):  # these two live for a second only, which a busy machine may miss
        await RedisLedger(client, prefix).announce()
        await RedisLedger(client, prefix).abandoned()
        kept |= await lifetimes(client, prefix)
        if "sweep" in kept and any(key.startswith("alive:") for key in kept):
            break

    for key, left in kept.items():
        row = row_of(key)
        if left == -1:
            assert row.may_stay, f"{key} never goes, and its row says {row.kept}"
            continue
        assert row.lifetime is not None, f"{key} goes after {left} ms, and its row says {row.kept}"
        longest, only_longest = row.lifetime
        assert left <= longest, f"{key} lives longer than its row says: {row.kept}"
        assert only_longest or left > longest - SLACK, f"{key} lives shorter than its row says: {row.kept}"
    assert {row.key for row in ROWS} - {row_of(key).key for key in kept} == set()


async def test_what_is_over_has_an_end(client: Redis, valkey: str, prefix: str) -> None:
    """A lead that is over and its contact details go; those of an open one stay."""
    ledger_story(valkey, prefix)
    kept = await lifetimes(client, prefix)

    assert {key for key, left in kept.items() if key.startswith(("lead:", "card:")) and left == -1} == {
        f"{kind}:{lead}" for kind in ("lead", "card") for lead in ("declined", "held", "touched", "turn")
    }


def test_topics_with_personal_data_are_told_of() -> None:
    """Each, with its retention, and no other."""
    told = re.findall(r"^\| `([a-z-]+)` \| .+ \| ([0-9]+) d \|$", PAGE.partition("## In Redis")[0], re.MULTILINE)

    personal = {topic.name: topic.retention.days for topic in catalogue().values() if topic.personal_data}
    assert {name: int(days) for name, days in told} == personal
