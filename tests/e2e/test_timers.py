"""Timers fire within half a second of their time while one worker lives, whichever one dies, and all are told."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e import timers
from tests.e2e.site import Site, on_servers, site_in
from tests.e2e.timers import LEADS, OVER, Fired, expected, fired, presences, spread, submission
from tests.e2e.witness import Seen, Witness, witnessing

APPLIED_WITHIN, TOLD_WITHIN = 0.5, 2.0
"""Seconds after its time in which the ledger fires a timer, and in which it is on the topic."""

pytestmark = pytest.mark.kafka


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str, kafka: str, valkey: str) -> Site:
    """A deployment on Kafka and Redis, with a configuration in which all timers fire."""
    site = site_in(tmp_path, monkeypatch, prefix, timers.write_policy(tmp_path / "config"))
    on_servers(site, monkeypatch, kafka, valkey)
    return site


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Stop the workers that a test starts, whatever becomes of it; asked for last, so that servers outlive them."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("victim", [0, 1], ids=["the first", "the second"])
def test_timers_fire_while_one_worker_lives(site: Site, stack: ExitStack, victim: int) -> None:
    """A worker that is killed while timers fire makes none of them late, and none of them is lost."""
    workers = [site.start_worker(), site.start_worker()]
    for worker in workers:
        stack.callback(worker.stop)

    async def play() -> Sequence[Seen]:
        async with witnessing() as witness:
            await _send(witness)
            await witness.until(_under_way)
            await asyncio.to_thread(workers[victim].kill)
            return await _to_the_end(witness)

    _expect_in_time(fired(asyncio.run(play())))


def test_what_a_dead_process_has_not_told_is_told_in_time(site: Site, stack: ExitStack, tmp_path: Path) -> None:
    """A breach in the ledger whose process died before it could publish is on the topic within two seconds."""
    stack.callback(site.start_worker().stop)
    said = tmp_path / "dying.txt"

    async def play() -> Sequence[Seen]:
        async with witnessing() as witness:
            await _send(witness)
            return await _to_the_end(witness)

    with (
        said.open("wb") as out,
        subprocess.Popen([sys.executable, "-m", "tests.e2e.dying_ticker"], stdout=out) as dying,
    ):
        try:
            all_fired = fired(asyncio.run(play()))
            assert dying.wait(10) == -signal.SIGKILL, "it has not met a breach before the workers did"
        finally:
            dying.kill()
    untold = said.read_text(encoding="ascii").split()
    swept = [each for each in all_fired if each.timer.kind == "breached" and each.timer.lead in untold]
    assert swept
    print("swept", spread([each.told for each in swept]))
    _expect_in_time(all_fired)


async def _send(witness: Witness) -> None:
    """Send the leads at their pace."""
    await witness.send(presences())
    for number in range(LEADS):
        await witness.send([submission(number)])
        await asyncio.sleep(OVER / LEADS)


def _under_way(seen: Sequence[Seen]) -> bool:
    """Tell whether all leads are in the ledger and breaches have begun: what is to be killed is at work on timers."""
    taken = {each.data["lead_id"] for each in seen if each.record.ce_type == "lead.assigned.v1"}
    return len(taken) == LEADS and any(each.type == "breached" for each in seen)


async def _to_the_end(witness: Witness) -> Sequence[Seen]:
    await witness.until(lambda seen: _breached(seen) == LEADS and len(fired(seen)) == len(expected(seen)))
    return witness.once


def _breached(seen: Sequence[Seen]) -> int:
    return sum(each.type == "breached" for each in seen)


def _expect_in_time(all_fired: Sequence[Fired]) -> None:
    for kind in ("warned", "breached", "accept_timeout", "reminder"):
        of_kind = [each for each in all_fired if each.timer.kind == kind]
        applied = [each.applied for each in of_kind if each.applied is not None]
        print(kind, "applied", spread(applied) if applied else "-", "told", spread([each.told for each in of_kind]))
    late = _outside(all_fired, lambda each: each.applied, APPLIED_WITHIN)
    assert not late, f"fired too early or too late: {late}"
    late = _outside(all_fired, lambda each: each.told, TOLD_WITHIN)
    assert not late, f"told too early or too late: {late}"


def _outside(all_fired: Sequence[Fired], of: Callable[[Fired], float | None], most: float) -> list[Fired]:
    return [each for each in all_fired if (value := of(each)) is not None and not 0 <= value <= most]
