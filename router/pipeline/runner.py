"""
Runs a topic's steps over a batch to its end, whatever happens.

* A dependency that is down: nothing is committed; the batch is tried again, with
  backoff and jitter, until it is back. The consumer waits meanwhile.
* A bug (any other exception): the batch is taken apart, so that only the event
  that brings it about is tried again and, after some tries, becomes a dead letter.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import structlog

from router.errors import DependencyDown, InvalidEvent
from router.pipeline import ANY_ORDER, PIPELINE, BoundStep, bind
from router.pipeline.publish import publish
from router.pipeline.work import Work
from router.ports import BatchHandler, Ledger, Received

log = structlog.get_logger()

PART = 500  # events: enough for one call of the ledger to pay
TRIES = 3
LONGEST_PAUSE = 2.0  # seconds; a server that is back is noticed within that


class Backoff:
    """Pauses that grow from 50 ms to two seconds, with jitter, so that workers do not come back all at once."""

    def __init__(self) -> None:
        self._pause = 0.05

    async def wait(self) -> None:
        """Pause, and pause longer the next time."""
        await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
        self._pause = min(self._pause * 2, LONGEST_PAUSE)


async def until_up(do: Callable[[], Awaitable[None]], doing: str) -> None:
    """Do it; while a dependency is down, wait and do it again."""
    backoff = Backoff()
    told = False
    while True:
        try:
            await do()
        except DependencyDown as down:
            if not told:
                log.warning("dependency.down", doing=doing, why=str(down))
                told = True
            await backoff.wait()
        else:
            if told:
                log.info("dependency.back", doing=doing)
            return


def handlers(ports: Mapping[str, object]) -> dict[str, BatchHandler]:
    """Return the handler of each input topic, its steps bound to *ports*."""
    ledger = cast("Ledger", ports["ledger"])
    last = bind(publish, ports)
    return {
        topic: _Topic(topic, [bind(step, ports) for step in steps], last, ledger).handle
        for topic, steps in PIPELINE.items()
    }


@dataclass(frozen=True, slots=True)
class _Topic:
    """One topic's steps; `last` publishes what none of them got to."""

    name: str
    steps: Sequence[BoundStep]
    last: BoundStep
    ledger: Ledger

    async def handle(self, records: Sequence[Received]) -> None:
        """Take a batch to its end: as one, or in parts side by side, so that one is decided while others are placed."""
        size = PART if self.name in ANY_ORDER else len(records)
        async with asyncio.TaskGroup() as parts:
            for start in range(0, len(records), size):
                parts.create_task(self._part(records[start : start + size]))

    async def _part(self, records: Sequence[Received]) -> None:
        await until_up(lambda: self._run(records), self.name)

    async def _run(self, records: Sequence[Received]) -> None:
        try:
            await _pass(self.steps, records)
        except DependencyDown:
            raise
        except Exception:
            log.exception("batch.failed", topic=self.name, events=len(records))
            self.ledger.give_up()
        else:
            log.debug("batch.done", topic=self.name, events=len(records))
            return
        for record in records:
            await self._alone(record)

    async def _alone(self, record: Received) -> None:
        """Try one event by itself; what fails to the last is a bug, and its event a dead letter."""
        kind = ""
        for _ in range(TRIES):
            try:
                await _pass(self.steps, [record])
            except DependencyDown:
                raise
            except Exception as bug:  # noqa: BLE001 - the edge that counts tries and dead-letters
                kind = type(bug).__name__
                where = {"topic": self.name, "partition": record.partition, "offset": record.offset}
                log.warning("event.failed", error=kind, **where)
                self.ledger.give_up()
            else:
                return
        rejection = InvalidEvent("processing_failed", f"the router failed on it: {kind}")
        await self.last([Work(record, rejection=rejection)])


async def _pass(steps: Sequence[BoundStep], records: Sequence[Received]) -> None:
    works = [Work(record) for record in records]
    for step in steps:
        await step(works)
