"""One run of one fault, from its deployment to what the audit says of it."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from router.domain.audit import Report
from router.policy.load import load_policy
from tests.chaos.fault import Fault
from tests.chaos.poisoned import Poisoned
from tests.chaos.scene import Scene, Servers, scene
from tests.chaos.second_opinion import Opinion, second_opinion
from tests.e2e.play import Played, Stage
from tests.e2e.scenario import Scenario

LOST, TWO_OWNERS, OVER_CAPACITY = 1, 2, 3  # the promises of the contract
QUIET = 2.0  # seconds of grace in the audit where nothing was away
REQUIRED = frozenset({LOST, TWO_OWNERS, OVER_CAPACITY})


@dataclass(frozen=True, slots=True)
class Load:
    """How much is sent, over which time, and how long a server is away meanwhile."""

    submissions: int = 1_200
    over: timedelta = timedelta(seconds=20)
    away: float = 5.0
    first_touch: timedelta = timedelta(seconds=10)
    accept_within: timedelta = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Judged:
    """
    What became of one run.

    * **events** - records sent to the input topics, dead letters among the answers to them: **rejected**.
    * **found** - promise -> violations; **longest** - seconds from sending a submission to seeing it with a rep, in a
      queue or decided; **recovery** - seconds from the end of a fault to the first of those of a later submission.
    * **allowed** - what it may be: as much more as a server took to start than it was meant to be away.
    * **again** - output records that were published more than once; **problem** - why it was not over.
    """

    fault: str
    seed: int
    events: int
    rejected: int
    found: Mapping[int, int]
    violations: tuple[str, ...]
    outage: float | None
    longest: float
    allowed: float
    recovery: float | None
    again: int
    problem: str = ""

    @classmethod
    def never_begun(cls, fault: Fault, seed: int, problem: str) -> Judged:
        """Return the row of a run that did not come to its load."""
        return cls(fault.name, seed, 0, 0, {}, (), None, 0.0, fault.longest, None, 0, problem)

    @property
    def holds(self) -> bool:
        """Whether no promise was broken, all came to its end, and nobody waited for too long."""
        return not self.found and not self.problem and self.longest <= self.allowed

    @property
    def why(self) -> str:
        """What is wrong with it, for who has to find out."""
        late = [f"longest delay {self.longest:.1f} s of {self.allowed:.0f}"] if self.longest > self.allowed else []
        return "\n".join([*([self.problem] if self.problem else []), *late, *self.violations[:20]])


async def judged(fault: Fault, seed: int, load: Load, folder: Path, on: Servers) -> Judged:
    """Play the load under *fault* in a deployment of its own under *folder*, and judge it."""
    kind = Poisoned if fault.poisoned else Scenario
    play = kind.make(load.submissions, seed=seed, first_touch=load.first_touch, accept_within=load.accept_within)
    config = play.write_policy(folder / "config")
    draw = random.Random(f"{seed} {fault.name}")  # noqa: S311 - the same faults each time, not secret
    name = f"{fault.name}-{seed}-{folder.name}"
    there = None if fault.embedded else on
    async with scene(folder, config, name=name, draw=draw, over=load.over, away=load.away, on=there) as at:
        await at.start_workers(await fault.setting(at))
        stage = Stage(play, at.settings)
        problem = ""

        def disturb() -> Coroutine[None, None, None]:
            return _disturb(fault, at)

        try:
            await stage.play(load.over, disturb=disturb, within=load.over.total_seconds() + 60)
        except TimeoutError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - a row that fails is a row of the table
            problem = "".join(traceback.format_exception(error))
        problem = problem or "; ".join(filter(None, (doubt() for doubt in at.doubts)))
        grace = QUIET if not at.ends else fault.longest
        report = stage.played.judge(load_policy(config).policy, f"{name}-", timedelta(seconds=grace))
        try:
            second = await second_opinion(at, grace)
        except (RuntimeError, TimeoutError) as error:
            second, problem = Opinion({}, ()), problem or f"router audit gave no answer: {error}"
        return _row(fault, seed, stage.played, report, second, at, problem)


async def _disturb(fault: Fault, at: Scene) -> None:
    await fault.disturb(at)


def _row(fault: Fault, seed: int, played: Played, report: Report, second: Opinion, at: Scene, problem: str) -> Judged:
    now = time.monotonic()
    delays = [played.settled.get(name, now) - sent for name, sent in played.sent.items()]
    return Judged(
        fault=fault.name,
        seed=seed,
        events=sum(report.counts.records.values()),
        rejected=sum(report.counts.dead_letters.values()),
        found={
            promise: max(report.found.get(promise, 0), second.found.get(promise, 0))
            for promise in sorted(report.found.keys() | second.found.keys())
        },
        violations=(*map(str, report.violations), *second.violations),
        outage=max(at.outages, default=None),
        longest=max(delays, default=0.0),
        allowed=fault.longest + max(0.0, max(at.outages, default=0.0) - at.away),
        recovery=max((_recovery(end, played) for end in at.ends), default=None),
        again=played.published_again,
        problem=problem,
    )


def _recovery(end: float, played: Played) -> float:
    settled = played.settled
    after = [settled[name] - end for name, sent in played.sent.items() if sent >= end and name in settled]
    return min(after, default=0.0)
