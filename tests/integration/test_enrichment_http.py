"""The HTTP source of company facts: what counts as an answer, what is kept, and who waits for it when it is slow."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
import structlog
from redis.asyncio import Redis

from router.adapters.enrichment.breaker import RESTS_FOR, TRUSTED_FOR, Breaker
from router.adapters.enrichment.calls import AT_ONCE, WAITING
from router.adapters.enrichment.chain import ChainEnricher
from router.adapters.enrichment.http import LONGEST_ANSWER, HttpEnricher
from router.adapters.environment import Environment
from router.adapters.redis.companies import HIT_KEPT, MISS_KEPT, RedisCompanies
from router.adapters.redis.connection import connect
from router.domain.policy import HttpLookup
from router.errors import DependencyDown
from router.ports import Enricher
from tests.fakes import MemoryEnricher
from tests.integration.company_source import NEVER, Answer, CompanySource, company_source
from tests.valkey import ValkeyServer

PATHS = {"employees": "metrics.employees", "industry": "tags[0]"}
ACME = Answer({"metrics": {"employees": 1200}, "tags": ["logistics"]})
BUDGET = 0.3  # seconds
PATIENT = 30.0  # where a busy machine must not decide what a test says
SOON = 10.0


@dataclass
class Desk:
    """An HTTP source, the Valkey that its answers are kept in, and enrichers over both; `now` moves the breakers."""

    source: CompanySource
    client: Redis
    workspace: str
    stack: AsyncExitStack
    now: float = 0.0

    def enricher(
        self,
        budget: float = PATIENT,
        paths: Mapping[str, str] | None = None,
        url: str = "",
        secrets: Mapping[str, str] | None = None,
    ) -> HttpEnricher:
        """Return another one, as another worker would have it."""
        about = HttpLookup(url or self.source.url, "FIRM_KEY" if secrets is not None else None, paths or PATHS)
        cache, breaker = RedisCompanies(self.client, self.workspace), Breaker(lambda: self.now)
        made = HttpEnricher(about, budget, cache, Environment(secrets or {}), breaker)
        self.stack.push_async_callback(made.aclose)
        return made

    async def kept(self) -> dict[str, int]:
        """Return what is kept, by domain, with the seconds that it is kept for."""
        keys = [key async for key in self.client.scan_iter(f"{{{self.workspace}}}:company:*", count=1000)]
        return {key.decode().rpartition(":")[2]: await self.client.ttl(key) for key in keys}


@asynccontextmanager
async def _desk(valkey: str, prefix: str) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(company_source({"acme.example": ACME}))
        yield Desk(source, await stack.enter_async_context(connect(valkey)), prefix, stack)


@pytest.fixture
async def desk(valkey: str, prefix: str) -> AsyncIterator[Desk]:
    """Give one with a source that knows Acme."""
    async with _desk(valkey, prefix) as desk:
        yield desk


async def told(enricher: Enricher, *domains: str) -> dict[str, Mapping[str, object] | None]:
    """Return what is known of each domain that it answers for."""
    found: dict[str, Mapping[str, object] | None] = {}
    async for part in enricher.lookup(domains):
        found |= {domain: known.fields for domain, known in part.items()}
    return found


async def until(holds: Callable[[], bool]) -> None:
    """Return when it holds."""
    async with asyncio.timeout(SOON):
        while not holds():  # noqa: ASYNC110 - a server sends no news of it
            await asyncio.sleep(0.01)


async def until_kept(desk: Desk, *domains: str) -> None:
    """Return when the answers are kept, which is a moment after they were told."""
    async with asyncio.timeout(SOON):
        while not set(domains) <= (await desk.kept()).keys():  # noqa: ASYNC110 - a server sends no news of it
            await asyncio.sleep(0.01)


def elapsed() -> Callable[[], float]:
    """Return a watch that starts now."""
    clock = asyncio.get_running_loop().time
    start = clock()
    return lambda: clock() - start


# --- what an answer says ----------------------------------------------------------------------------------------------


async def test_the_map_says_what_of_an_answer_counts(desk: Desk) -> None:
    """Paths into whatever the source sends; text that reads as a number is one; a list or an object is no value."""
    desk.source.answers["odd.example"] = Answer(
        {"metrics": {"employees": " 51 "}, "tags": [{"a": 1}, "x"], "public": True, "size": 2**60, "name": "x" * 9_999}
    )
    paths = {**PATHS, "public": "public", "size": "size", "name": "name", "length": "length(metrics.employees)"}
    enricher = desk.enricher(paths=paths)
    assert await told(enricher, "acme.example") == {"acme.example": {"employees": 1200, "industry": "logistics"}}
    found = (await told(enricher, "odd.example"))["odd.example"]
    assert found == {"employees": 51, "public": True, "name": "x" * 1_000, "length": 4}


async def test_an_answer_without_any_mapped_value_is_a_miss(desk: Desk) -> None:
    """The source has heard of the company and knows nothing that a rule could ask for; a list may be an answer."""
    desk.source.answers |= {"empty.example": Answer({}), "null.example": Answer(None), "list.example": Answer([1, "x"])}
    found = await told(desk.enricher(), "empty.example", "null.example", "list.example")
    assert found == {"empty.example": None, "null.example": None, "list.example": None}


@pytest.mark.parametrize("status", [204, 404, 410])
async def test_nobody_knows_the_company(desk: Desk, status: int) -> None:
    """That is an answer: a miss, and kept as one."""
    desk.source.answers["new.example"] = Answer(status=status)
    assert await told(desk.enricher(), "new.example") == {"new.example": None}
    await until(lambda: "new.example" in desk.source.asked)


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(status=status) for status in (301, 401, 403, 429, 500, 503)),
        Answer(b'{"metrics": '),
        Answer(b"<html>"),
        Answer(b'"' + b"x" * LONGEST_ANSWER + b'"'),
        Answer(gzip.compress(b'{"metrics": {"employees": 5}}'), headers={"content-encoding": "gzip"}),
    ],
    ids=["301", "401", "403", "429", "500", "503", "cut off", "a page", "too long", "compressed"],
)
async def test_what_is_no_answer_is_a_failure(desk: Desk, answer: Answer) -> None:
    """The domain is left out, nothing is kept of it, and after some of them in a row the source is left alone."""
    desk.source.answers |= {f"{n}.example": answer for n in range(TRUSTED_FOR)}
    enricher = desk.enricher()
    with structlog.testing.capture_logs() as logged:
        for number in range(TRUSTED_FOR):
            assert await told(enricher, f"{number}.example") == {}
    assert [line["event"] for line in logged if line["log_level"] == "warning"] == ["enrichment.rests"]
    assert await told(enricher, "acme.example") == {}
    assert (len(desk.source.asked), await desk.kept()) == (TRUSTED_FOR, {})


async def test_a_source_that_nobody_answers_at(desk: Desk) -> None:
    """A connection that is refused is a failure like any other; the next one goes on."""
    enricher = desk.enricher(url="http://127.0.0.1:1/{domain}")
    assert await told(enricher, "acme.example") == {}


@pytest.mark.parametrize("status", [400, 422])
async def test_a_domain_that_the_source_does_not_take_is_no_outage(desk: Desk, status: int) -> None:
    """However many of those come: others are answered still, and nothing is kept."""
    desk.source.answers |= {f"{n}.example": Answer(status=status) for n in range(TRUSTED_FOR * 2)}
    enricher = desk.enricher()
    assert await told(enricher, *desk.source.answers) == {"acme.example": ACME_FACTS}
    assert list(await desk.kept()) == ["acme.example"]


ACME_FACTS = {"employees": 1200, "industry": "logistics"}


# --- the key ----------------------------------------------------------------------------------------------------------


async def test_the_key_goes_to_the_source_and_nowhere_else(desk: Desk) -> None:
    """As a bearer token; a redirect is not followed, and no log line quotes the key."""
    async with company_source({"moved.example": ACME}) as elsewhere:
        away = elsewhere.url.replace("{domain}", "moved.example")
        desk.source.answers |= {
            f"{n}.example": Answer(status=307, headers={"location": away}) for n in range(TRUSTED_FOR)
        }
        enricher = desk.enricher(secrets={"FIRM_KEY": "sk-fallow"})
        with structlog.testing.capture_logs() as logged:
            assert await told(enricher, "acme.example") == {"acme.example": ACME_FACTS}
            assert await told(enricher, *(f"{n}.example" for n in range(TRUSTED_FOR))) == {}
        assert elsewhere.asked == []
    assert {sent["authorization"] for sent in desk.source.headers} == {"bearer sk-fallow"}
    assert "sk-fallow" not in str(logged)
    assert "example" not in str(logged)


async def test_a_key_that_is_gone_is_a_failure(desk: Desk) -> None:
    """A policy that another worker installed may name a key that this one was never given; nothing is asked then."""
    assert await told(desk.enricher(secrets={}), "acme.example") == {}
    assert desk.source.asked == []


async def test_a_domain_goes_into_the_address_as_one_name(desk: Desk) -> None:
    """Whatever a form may bring about, it names a company and no other path, host or query."""
    assert await told(desk.enricher(), "a/../b?c=d#e") == {"a/../b?c=d#e": None}
    assert desk.source.asked == ["a%2F..%2Fb%3Fc%3Dd%23e"]


# --- what is kept -----------------------------------------------------------------------------------------------------


async def test_an_answer_is_kept_for_all_workers_a_miss_too(desk: Desk) -> None:
    """Hits for a week, misses for a day: so long the source is not asked again, by whichever worker."""
    first, second = desk.enricher(), desk.enricher()
    found = {"acme.example": ACME_FACTS, "new.example": None}
    assert await told(first, *found) == found
    await until_kept(desk, *found)
    assert await told(second, *found) == found
    assert desk.source.times == {"acme.example": 1, "new.example": 1}
    ttl = await desk.kept()
    assert HIT_KEPT - 60 < ttl["acme.example"] <= HIT_KEPT
    assert MISS_KEPT - 60 < ttl["new.example"] <= MISS_KEPT


async def test_what_was_kept_of_another_map_is_not_told(desk: Desk) -> None:
    """Who changes what counts of an answer does not wait a week for it."""
    assert await told(desk.enricher(), "acme.example") == {"acme.example": ACME_FACTS}
    assert await told(desk.enricher(paths={"size": "metrics.employees"}), "acme.example") == {
        "acme.example": {"size": 1200}
    }


@pytest.mark.parametrize("left", [b"{", b"[1]", b'"x"', b""])
async def test_what_another_program_left_there_is_no_answer(desk: Desk, left: bytes) -> None:
    """The source is asked, as if nothing were kept, and its answer is kept in its place."""
    assert await told(desk.enricher(), "acme.example") == {"acme.example": ACME_FACTS}
    await until_kept(desk, "acme.example")
    [key] = [key async for key in desk.client.scan_iter(f"{{{desk.workspace}}}:company:*", count=1000)]
    await desk.client.set(key, left)
    assert await told(desk.enricher(), "acme.example") == {"acme.example": ACME_FACTS}


async def test_many_who_ask_for_one_company_ask_once(desk: Desk) -> None:
    """A mailing brings fifty people of one company within a second."""
    desk.source.answers["acme.example"] = Answer(ACME.body, after=0.2)
    enricher = desk.enricher()
    found = await asyncio.gather(*(told(enricher, "acme.example") for _ in range(50)))
    assert found == [{"acme.example": ACME_FACTS}] * 50
    assert desk.source.asked == ["acme.example"]


async def test_without_redis_what_the_dataset_knows_is_told(own_valkey: ValkeyServer, prefix: str) -> None:
    """Where nothing can be kept the source is not asked: that would be paid for again and again."""
    async with _desk(own_valkey.url, prefix) as desk:
        own_valkey.kill()
        chain = ChainEnricher(MemoryEnricher({"beta.example": {"employees": 7}}), desk.enricher())
        parts = aiter(chain.lookup(["beta.example", "acme.example"]))
        assert list(await anext(parts)) == ["beta.example"]
        with pytest.raises(DependencyDown, match="Redis does not answer"):
            await anext(parts)
        assert desk.source.asked == []


# --- who waits --------------------------------------------------------------------------------------------------------


async def test_one_slow_company_does_not_hold_up_the_others(desk: Desk) -> None:
    """What came within the budget counts, and only the slow one is left out."""
    desk.source.answers |= {"slow.example": Answer(ACME.body, after=NEVER), "beta.example": ACME}
    enricher = desk.enricher(budget=1.5)
    asked = ["slow.example", "acme.example", "beta.example"]
    assert sorted([list(part) async for part in enricher.lookup(asked)]) == [["acme.example"], ["beta.example"]]


async def test_a_late_answer_is_there_the_next_time(desk: Desk) -> None:
    """Nobody waits for it longer than the budget; it is kept all the same, so the source is asked once."""
    desk.source.answers["acme.example"] = Answer(ACME.body, after=BUDGET * 3)
    enricher = desk.enricher(budget=BUDGET)
    assert await told(enricher, "acme.example") == {}
    await until_kept(desk, "acme.example")
    assert await told(enricher, "acme.example") == {"acme.example": ACME_FACTS}
    assert desk.source.asked == ["acme.example"]


async def test_only_so_many_calls_are_made_at_once(desk: Desk) -> None:
    """A batch of a hundred companies does not fall upon the source all at once, and all of them are answered."""
    domains = [f"{n}.example" for n in range(100)]
    desk.source.answers |= {domain: Answer(ACME.body, after=0.02) for domain in domains}
    assert await told(desk.enricher(), *domains) == dict.fromkeys(domains, ACME_FACTS)
    assert desk.source.most == AT_ONCE


async def test_a_source_that_hangs_holds_up_one_batch_once(desk: Desk) -> None:
    """For the length of the budget; from then on nobody waits, however many ask, and few calls stay open."""
    desk.source.hangs = True
    enricher = desk.enricher(budget=BUDGET)
    watch = elapsed()
    assert await told(enricher, *(f"{n}.example" for n in range(500))) == {}
    first = watch()
    assert BUDGET * 0.9 < first < BUDGET + SOON
    watch = elapsed()
    for batch in range(100):
        assert await told(enricher, *(f"{batch}-{n}.example" for n in range(100))) == {}
    assert watch() < BUDGET * 100 / 4  # were they waited for, it would be a hundred budgets
    assert len(desk.source.asked) == AT_ONCE
    assert len(enricher._calls._answers) <= AT_ONCE
    assert len([task for task in asyncio.all_tasks() if task.get_name() == "enrichment call"]) <= AT_ONCE


async def test_after_a_rest_one_call_tries_it_out_and_nobody_waits_for_it(desk: Desk) -> None:
    """Where it hangs still, the source rests again; where it answers, it is asked as before, and its answer kept."""
    desk.source.hangs = True
    enricher = desk.enricher(budget=BUDGET)
    await told(enricher, *(f"{n}.example" for n in range(TRUSTED_FOR)))
    await until(lambda: all(answer.done() for answer in enricher._calls._answers.values()))
    for trial in ("one.example", "two.example"):
        desk.now += RESTS_FOR
        watch = elapsed()
        assert await told(enricher, trial) == {}
        assert await told(enricher, "other.example") == {}
        assert watch() < BUDGET
        await until(enricher._calls._answers[trial].done)
        assert desk.source.asked[TRUSTED_FOR:][-1] == trial
    desk.source.hangs = False
    desk.now += RESTS_FOR
    with structlog.testing.capture_logs() as logged:
        assert await told(enricher, "acme.example") == {}
        await until(lambda: "acme.example" not in enricher._calls._answers)
    assert [line["event"] for line in logged] == ["enrichment.back"]
    assert await told(enricher, "acme.example", "new.example") == {"acme.example": ACME_FACTS, "new.example": None}
    assert desk.source.times["acme.example"] == 1


async def test_what_waits_for_a_call_is_bounded_and_the_newest_goes_first(desk: Desk) -> None:
    """A flood of invented companies does not fill the memory, and one who asks now does not wait behind it."""
    desk.source.answers |= {f"{n}.example": Answer(ACME.body, after=0.3) for n in range(WAITING * 2)}
    enricher = desk.enricher()
    flood = asyncio.create_task(told(enricher, *(f"{n}.example" for n in range(WAITING * 2))))
    await until(lambda: len(desk.source.asked) == AT_ONCE)
    assert len(enricher._calls._answers) <= WAITING + AT_ONCE
    assert await told(enricher, "acme.example") == {"acme.example": ACME_FACTS}
    assert len(desk.source.asked) < AT_ONCE * 10
    flood.cancel()


async def test_to_close_it_leaves_nobody_waiting_and_no_task_behind(desk: Desk) -> None:
    """A worker that stops does not wait for a source that hangs."""
    desk.source.hangs = True
    enricher = desk.enricher()
    waiting = asyncio.create_task(told(enricher, *(f"{n}.example" for n in range(AT_ONCE * 2))))
    await until(lambda: len(desk.source.asked) == AT_ONCE)
    await enricher.aclose()
    assert await waiting == {}
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "enrichment call"]
