"""What `router.ports.Enricher` promises, in memory, from a dataset, over HTTP, and from one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from router.adapters.enrichment.chain import ChainEnricher
from router.adapters.enrichment.dataset import DatasetEnricher
from router.adapters.enrichment.http import HttpEnricher
from router.adapters.environment import Environment
from router.adapters.redis.companies import RedisCompanies
from router.adapters.redis.connection import connect
from router.domain.policy import HttpLookup
from router.pipeline.work import InForce
from router.ports import Enricher, Lookup
from tests.fakes import MemoryEnricher
from tests.integration.company_source import Answer, company_source
from tests.unit.policy_text import MINIMAL, load

KNOWN = {"acme.example": {"name": "Acme", "employees": 1200}, "beta.example": {"name": "Beta", "employees": 7}}
EVERYBODY = [*KNOWN, "nobody.example"]
PATIENT = 30.0  # seconds: this suite is about what is answered


@pytest.fixture(params=["memory", "dataset", "http", "dataset, then http"])
async def enricher(request: pytest.FixtureRequest, prefix: str, tmp_path: Path) -> AsyncIterator[Enricher]:
    """Give each of the four; of the chain either part knows one company."""
    async with AsyncExitStack() as stack:
        kind = request.param
        if kind == "memory":
            yield MemoryEnricher(KNOWN)
            return
        dataset = _dataset(tmp_path, *(KNOWN if kind == "dataset" else ["beta.example"]))
        if kind == "dataset":
            yield dataset
            return
        at = {domain: Answer({"company": facts}) for domain, facts in KNOWN.items()}
        source = await stack.enter_async_context(company_source(at))
        client = await stack.enter_async_context(connect(request.getfixturevalue("valkey")))
        paths = {"name": "company.name", "employees": "company.employees"}
        http = HttpEnricher(
            HttpLookup(source.url, None, paths), PATIENT, RedisCompanies(client, prefix), Environment({})
        )
        stack.push_async_callback(http.aclose)
        yield http if kind == "http" else ChainEnricher(dataset, http)


def _dataset(folder: Path, *domains: str) -> DatasetEnricher:
    rows = [f"{domain},{KNOWN[domain]['name']},{KNOWN[domain]['employees']}\n" for domain in domains]
    text = MINIMAL + "enrichment: {dataset: companies.csv}\n"
    return DatasetEnricher(InForce(load(folder, text, companies_csv="domain,name,employees\n" + "".join(rows)).policy))


async def told(enricher: Enricher, domains: Collection[str]) -> dict[str, Lookup]:
    """Return all that it tells, each domain once."""
    found: dict[str, Lookup] = {}
    async for part in enricher.lookup(domains):
        assert not found.keys() & part.keys()
        found |= part
    return found


def facts(found: Mapping[str, Lookup]) -> dict[str, Mapping[str, object] | None]:
    """Return what is known of each."""
    return {domain: known.fields for domain, known in found.items()}


async def test_every_domain_is_answered_a_miss_too(enricher: Enricher) -> None:
    """Who is known comes with what is known and by whom; who is not comes without."""
    found = await told(enricher, EVERYBODY)
    assert facts(found) == {**KNOWN, "nobody.example": None}
    assert all(found[domain].source for domain in KNOWN)


async def test_it_answers_again_what_it_answered(enricher: Enricher) -> None:
    """From wherever the second answer comes."""
    assert await told(enricher, EVERYBODY) == await told(enricher, EVERYBODY)


async def test_it_tells_of_nobody_who_was_not_asked_for(enricher: Enricher) -> None:
    """One of them is one; none is none."""
    assert list(await told(enricher, ["acme.example"])) == ["acme.example"]
    assert await told(enricher, []) == {}


async def test_who_stops_listening_harms_nobody(enricher: Enricher) -> None:
    """A caller out of time is gone in the middle of an answer; the others get theirs, and so does its next call."""
    impatient = [asyncio.create_task(told(enricher, EVERYBODY)) for _ in range(5)]
    patient = asyncio.create_task(told(enricher, EVERYBODY))
    await asyncio.sleep(0)
    for task in impatient:
        task.cancel()
    await asyncio.gather(*impatient, return_exceptions=True)
    assert facts(await patient) == {**KNOWN, "nobody.example": None}
    assert facts(await told(enricher, EVERYBODY)) == {**KNOWN, "nobody.example": None}
