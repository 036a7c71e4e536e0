"""
Calls to a source that may be slow: few at once, one for each domain, none that anybody waits for too long.

A call that is too late for whoever asked goes on for some seconds, so that its
answer is kept for the next time. What is held here is bounded: calls on their
way by `AT_ONCE`, domains that wait for one by `WAITING`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from router.adapters.enrichment.breaker import RESTS_FOR, Breaker, Gate
from router.errors import DependencyDown
from router.pipeline.ending import end
from router.ports import Lookup

AT_ONCE: Final = 16
WAITING: Final = 1_000
GOES_ON_FOR: Final = 3.0  # seconds that an answer may be late and is still kept

log = structlog.get_logger()

Answer = asyncio.Future[Mapping[str, Lookup]]
"""What is known of one domain, by its name; empty where it could not be looked up in time."""


class Failed(DependencyDown):
    """The source did not answer, or not with an answer. The message names no company."""


class Unfit(DependencyDown):
    """The source answers, but has nothing to say about such a domain."""


class Calls:
    """
    The calls to one source.

    * **ask** - makes one call; raises `Failed` or `Unfit`.
    * **keep** - keeps an answer for the next time; raises `DependencyDown`.
    * **late_after** - seconds after which a call counts as failed and nobody waits for it any more.
    """

    def __init__(
        self,
        ask: Callable[[str], Awaitable[Lookup]],
        keep: Callable[[str, Lookup], Awaitable[None]],
        late_after: float,
        breaker: Breaker | None = None,
    ) -> None:
        self._ask = ask
        self._keep = keep
        self._late_after = late_after
        self._breaker = breaker or Breaker()
        self._answers: dict[str, Answer] = {}
        self._waiting: deque[str] = deque()
        self._callers: set[asyncio.Task[None]] = set()

    def answer(self, domain: str) -> Answer | None:
        """See to it that *domain* is asked for, and return what to wait for; None where waiting is of no use."""
        if (there := self._answers.get(domain)) is not None:
            return None if there.done() else there
        gate = self._breaker.gate()
        if gate is Gate.SHUT:
            return None
        answer = self._answers[domain] = asyncio.get_running_loop().create_future()
        self._waiting.append(domain)
        if len(self._waiting) > WAITING:
            self._drop(self._waiting.popleft())
        if len(self._callers) < AT_ONCE:
            caller = asyncio.create_task(self._call(), name="enrichment call")
            self._callers.add(caller)
            caller.add_done_callback(self._callers.discard)
        return answer if gate is Gate.OPEN else None

    async def aclose(self) -> None:
        """End all calls; nobody who waits is left waiting."""
        self._waiting.clear()
        await end(self._callers)
        while self._answers:
            self._drop(next(iter(self._answers)))

    async def _call(self) -> None:
        """Make calls while a domain waits; the one that was asked for last first, for it is not late yet."""
        while self._waiting:
            domain = self._waiting.pop()
            try:
                await self._one(domain)
            finally:
                self._drop(domain)

    async def _one(self, domain: str) -> None:
        answer = self._answers[domain]
        late = asyncio.get_running_loop().call_later(self._late_after, self._fail, answer, "it answers too late")
        try:
            async with asyncio.timeout(self._late_after + GOES_ON_FOR):
                lookup = await self._ask(domain)
        except Unfit:
            self._succeed(answer, {})
        except Failed as failure:
            self._fail(answer, str(failure))
        except TimeoutError:
            pass  # it was late long ago
        except Exception as bug:
            log.exception("enrichment.bug")
            self._fail(answer, type(bug).__name__)
        else:
            self._succeed(answer, {domain: lookup})
            await self._kept(domain, lookup)
        finally:
            late.cancel()

    async def _kept(self, domain: str, lookup: Lookup) -> None:
        try:
            await self._keep(domain, lookup)
        except DependencyDown as down:
            log.debug("enrichment.not_kept", why=str(down))

    def _succeed(self, answer: Answer, found: Mapping[str, Lookup]) -> None:
        """Give an answer to whoever waits, where it is not too late."""
        if answer.done():
            return
        answer.set_result(found)
        if self._breaker.answered():
            log.info("enrichment.back")

    def _fail(self, answer: Answer, why: str) -> None:
        """Let nobody wait any longer, and where that was one failure too many, for no other answer either."""
        if answer.done():
            return
        answer.set_result({})
        if self._breaker.failed():
            log.warning("enrichment.rests", why=why, seconds=RESTS_FOR)
            while self._waiting:
                self._drop(self._waiting.pop())
            for other in self._answers.values():
                _end(other)

    def _drop(self, domain: str) -> None:
        _end(self._answers.pop(domain))


def _end(answer: Answer) -> None:
    if not answer.done():
        answer.set_result({})
