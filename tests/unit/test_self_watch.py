"""What counts as standing still, and what does not."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import SimpleNamespace

import pytest
import structlog
from redis._parsers.base import BaseParser  # what turns an answer into an exception, for every client

from router.adapters.redis.deliveries import Parcel
from router.entrypoints.metrics import vitals
from router.entrypoints.metrics.figures import Figures
from router.entrypoints.metrics.instruments import Instruments
from router.entrypoints.metrics.outages import Outages
from router.entrypoints.metrics.progress import Progress
from router.entrypoints.self_watch import standing as module
from router.entrypoints.self_watch.loop import FAULT, LoopWatch, Stall
from router.entrypoints.self_watch.standing import (
    BATCH_STANDS,
    INPUT_STANDS,
    ROUND_STANDS,
    standing,
    until_it_stands,
)
from router.errors import DependencyDown, Stands
from router.pipeline.ending import end
from router.ports import Received


@pytest.fixture
def progress() -> Progress:
    """Progress of a worker that has just begun."""
    progress = Progress()
    progress.round("tick")
    return progress


def test_a_round_that_does_not_come_round_stands(progress: Progress) -> None:
    """The one that is longest away is named; while all come round nothing stands."""
    progress.elapse(ROUND_STANDS - 1)
    assert standing(progress) == ""
    progress.round("sweep")
    progress.elapse(1)
    assert "'tick'" in standing(progress)
    progress.round("tick")
    assert standing(progress) == ""


def test_a_batch_that_does_not_end_stands(progress: Progress) -> None:
    """However many others end meanwhile."""
    with progress.batch("rep-actions"):
        progress.elapse(BATCH_STANDS / 2)
        with progress.batch("form-submissions"):
            progress.elapse(BATCH_STANDS / 2)
            progress.round("tick")
        assert "rep-actions" in standing(progress)
    assert standing(progress) == ""


def test_input_of_which_nothing_is_taken_stands(progress: Progress) -> None:
    """Not what came in a moment ago after a long silence, and not what others of the topic are taken before."""
    progress.behind({"form-submissions": 0})
    progress.elapse(10 * INPUT_STANDS)
    progress.round("tick")
    progress.behind({"form-submissions": 5})
    assert standing(progress) == ""
    progress.elapse(INPUT_STANDS)
    progress.round("tick")
    assert "form-submissions" in standing(progress)
    with progress.batch("form-submissions"):
        progress.behind({"form-submissions": 5})
        assert standing(progress) == ""
    progress.behind({"form-submissions": 5})
    assert standing(progress) == ""


async def test_time_without_servers_does_not_count(progress: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker outlives an outage of any length; where it stands with all servers there, it ends."""
    for name, seconds in {"LOOKS_EVERY": 0.01, "ROUND_STANDS": 0.05}.items():
        monkeypatch.setattr(module, name, seconds)
    outages = Outages(Figures("worker"))
    outages.tell("redis", answers=False)
    watch = asyncio.create_task(until_it_stands(progress, outages))
    await asyncio.wait([watch], timeout=0.3)
    assert not watch.done()
    outages.tell("redis", answers=True)
    with pytest.raises(Stands, match="'tick'"):
        await asyncio.wait_for(watch, 20)


class Full:
    """A Redis that answers, and refuses what is to be kept while it is full; as much of a client as is asked for."""

    def __init__(self) -> None:
        self.is_full = True

    async def ping(self) -> bool:
        """Answer."""
        return True

    def register_script(self, _source: str) -> Callable[..., Awaitable[list[bytes]]]:
        """Return a script that begins with a write."""

        async def script(**_words: object) -> list[bytes]:
            if self.is_full:
                raise BaseParser.parse_error("OOM command not allowed")  # type: ignore[no-untyped-call]  # redis's own
            return []

        return script


class Nothing:
    """A log without records and a source that is behind with none: what `Vitals` looks at."""

    async def last(self, _topic: str, _count: int) -> Sequence[Received]:
        """Return no record."""
        return ()

    async def lag(self) -> Mapping[str, int]:
        """Return no topic."""
        return {}


async def test_a_redis_that_is_full_ends_no_notifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers a look, and keeps nothing: that is an outage like any other, over with the next call it serves."""
    monkeypatch.setattr(vitals, "LOOKS_EVERY", 0.01)
    for name, seconds in {"LOOKS_EVERY": 0.01, "BATCH_STANDS": 0.05}.items():
        monkeypatch.setattr(module, name, seconds)
    redis, instruments = Full(), Instruments("notifier")
    queue = instruments.deliveries(redis, "ws")  # type: ignore[arg-type]  # as much of it as is asked for
    log = SimpleNamespace(tail=Nothing())
    look = instruments.vitals(redis, log, Nothing())  # type: ignore[arg-type]  # as above
    watch = asyncio.create_task(until_it_stands(instruments.progress, instruments.outages))
    looking = asyncio.create_task(look.run())
    with instruments.progress.batch("rep-notifications"):
        with pytest.raises(DependencyDown):
            await queue.put([Parcel("crm", "m1", 0, b"{}")])
        await asyncio.wait([watch], timeout=0.3)
        assert not watch.done()
        assert instruments.health()["redis"] is False
        redis.is_full = False
        await queue.channels()
        assert instruments.health()["redis"] is True
        with pytest.raises(Stands, match="rep-notifications"):
            await asyncio.wait_for(watch, 20)
    await end([looking])


def test_time_that_nobody_saw_does_not_count_as_a_stall() -> None:
    """A process that was stopped for an hour has not stalled when it goes on."""
    stall = Stall(longest_step=1.0)
    stall.look(1, 0.0)
    assert stall.look(1, 3600.0) == 1.0
    assert stall.look(2, 3600.5) == 0.0


async def test_a_loop_that_stands_is_told_of_once_and_then_ended() -> None:
    """With the place in the code where it stands, and without what is in its variables."""
    ended = threading.Event()
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    watch = LoopWatch(warns_after=0.4, ends_after=1.5, end=end)
    beating = asyncio.create_task(watch.beat())
    await asyncio.sleep(0)
    with structlog.testing.capture_logs() as lines:
        _stand_still(ended, "dana@acme.example")
    beating.cancel()
    told = [line["event"] for line in lines]
    assert told[:2] == ["loop.stalls", "loop.stands"]
    assert codes[0] == FAULT
    assert any(place.endswith("_stand_still") for place in lines[0]["stack"])
    assert "dana" not in str(lines)


def _stand_still(until: threading.Event, _secret: str) -> None:
    deadline = time.monotonic() + 30
    while not until.is_set() and time.monotonic() < deadline:
        time.sleep(0.01)


async def test_an_end_that_takes_too_long_is_cut_short() -> None:
    """A supervisor would kill it a moment later anyway; this way it says where it was."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    watch = LoopWatch(end=lambda _: loop.call_soon_threadsafe(ended.set))
    beating = asyncio.create_task(watch.beat())
    await asyncio.sleep(0)
    with structlog.testing.capture_logs() as lines:
        watch.end_within(0.1)
        await asyncio.wait_for(ended.wait(), 20)
    assert lines[0]["event"] == "process.ends_badly"
    watch._end_by = None
    beating.cancel()
