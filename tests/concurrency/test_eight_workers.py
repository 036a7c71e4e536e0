"""The ledger under eight processes at once: a hundred thousand random verbs, and every promise that shows is kept."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from router.domain.audit import Report, Roster, audit
from router.domain.policy import Policy
from tests.concurrency import game, history
from tests.concurrency.dealing import deck
from tests.concurrency.game import Kept
from tests.concurrency.history import Entry, Told
from tests.concurrency.player import Orders
from tests.concurrency.policy import policies
from tests.concurrency.replay import Call, Replay

PLAYERS, LEADS = 8, 3_000
VERBS = int(os.environ.get("ROUTER_TEST_VERBS", "100000"))
SEED = int(os.environ.get("ROUTER_TEST_SEED", "1"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_eight_workers_break_no_promise(valkey: str, prefix: str, tmp_path: Path) -> None:
    """Whatever eight processes ask at the same time, promises 2 to 7 hold after every single step."""
    known = policies(tmp_path / "policies")
    log = tmp_path / "log"
    log.mkdir()
    orders = Orders(valkey, prefix, PLAYERS, SEED, VERBS // PLAYERS, LEADS, deck(known), log)
    with redis.Redis.from_url(valkey) as client:
        begun = game.begin(client, orders)
        between, after = game.play(client, orders)
        entries = history.outbox(client, f"{{{prefix}}}:")
    told = [begun, *history.told(log)]

    assert sum(len(call.verbs) for call in told) >= VERBS
    assert history.errors(told) == []
    assert history.differences(told, entries) == []
    calls = list(history.calls(told, entries))
    replay = replayed(Replay(orders.deck), zip(told, calls, strict=True), (between, after))
    assert replay.faults == []
    assert not after.waiting
    assert not any(after.loads.values())
    assert after.timers == 0, "every lead has come to its end, and something is still to happen to one"
    report = judged(entries, calls, replay, known)
    assert [str(violation) for violation in report.violations] == []
    assert_it_was_a_quarrel(replay, report)


def replayed(replay: Replay, history: Iterable[tuple[Told, Call]], moments: Sequence[Kept]) -> Replay:
    """Follow all calls; at each of the *moments* Valkey must keep just what the replay has come to."""
    at = {kept.last: kept for kept in moments}
    for told, call in history:
        replay.follow(call)
        for _, entry, *_ in told.answers:
            if entry in at:
                assert_same(replay, at.pop(entry))
    assert not at
    return replay


def assert_same(replay: Replay, kept: Kept) -> None:
    """The reps hold, and the queue is, what the facts say, and no number of the sequence was left out."""
    held = {rep.id: rep.held for rep in replay.reps.values()}
    assert kept.held == held
    assert kept.loads == {rep: len(leads) for rep, leads in held.items()}
    assert kept.waiting == replay.waiting
    assert kept.sequence == replay.sequence


def judged(entries: Mapping[str, Entry], calls: Sequence[Call], replay: Replay, known: Sequence[Policy]) -> Report:
    """Audit what a worker would have published, under the policies that followed one another."""
    by_version = {policy.version: policy for policy in known}
    return audit(
        (*history.topics(entries), *history.presences(calls)),
        Roster.succession((first, by_version[version]) for first, version in replay.policies),
        until=datetime.now(UTC),  # noqa: TID251 - judged as of now, like the log of a running system
        strict_end=True,
    )


def assert_it_was_a_quarrel(replay: Replay, report: Report) -> None:
    """Everything that may happen to a lead did happen, often: else the rest proves little."""
    counts = {
        **replay.counts,
        **report.counts.clocks,
        **{f"told {k}": n for k, n in report.counts.notifications.items()},
    }
    wanted = (
        *(
            "assigned",
            "accepted",
            "unassigned",
            "queued",
            "touched",
            "closed",
            "met",
            "breached",
            "resolved",
            "cancelled",
        ),
        *("place repeat", "act repeat", "close repeat", "attend repeat", "act unknown_lead", "act unknown_rep"),
        *(
            "presence ran out",
            "install done",
            "tick done",
            "tick more",
            "told superseded",
            "told repeat",
            "told no_rep_available",
        ),
    )
    seldom = {name: counts.get(name, 0) for name in wanted if counts.get(name, 0) < VERBS // 10_000}
    assert not seldom
