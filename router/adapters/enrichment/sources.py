"""What a worker asks about companies, by the policy in force: the dataset, then the HTTP source where there is one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from typing import TYPE_CHECKING, Final

import structlog

from router.adapters.enrichment.chain import ChainEnricher
from router.adapters.enrichment.dataset import DatasetEnricher
from router.adapters.environment import Environment, SecretMissing
from router.domain.policy import Enrichment, HttpLookup, Policy
from router.errors import BadInput, DependencyDown
from router.pipeline.ending import end
from router.pipeline.work import InForce
from router.ports import Enricher, Lookup

if TYPE_CHECKING:
    from router.adapters.enrichment.http import Cache, HttpEnricher  # its packages may not be installed

CLOSES_AFTER: Final = 5.0  # seconds; a batch that is under way still asks the source of its own policy

log = structlog.get_logger()


def expect(policy: Policy, environment: Environment) -> None:
    """Raise `BadInput` where the HTTP source of *policy* cannot be asked for want of a package or of its key."""
    http = policy.enrichment.http if policy.enrichment is not None else None
    if http is None:
        return
    _implementation()
    if http.secret_env is not None:
        try:
            environment.secret(http.secret_env)
        except SecretMissing as missing:
            raise BadInput(f"enrichment.http: {missing}") from None


class Sources:
    """Keeps one HTTP source open for as long as policies name it; *cache* keeps its answers."""

    def __init__(self, cache: Cache, environment: Environment) -> None:
        self._cache = cache
        self._environment = environment
        self._http: tuple[HttpLookup, int, HttpEnricher] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def of(self, in_force: InForce) -> Enricher:
        """Return the enricher of the policy in force."""
        dataset, enrichment = DatasetEnricher(in_force), in_force.policy.enrichment
        if enrichment is None or enrichment.http is None:
            self._retire()
            return dataset
        try:
            expect(in_force.policy, self._environment)
            http: Enricher = self._kept(enrichment, enrichment.http)
        except BadInput as lacking:  # a policy that another worker installed: this one goes on without
            log.error("enrichment.off", why=str(lacking))  # noqa: TRY400 - it says all: no bug is to be found
            http = _Off(lacking)
        return ChainEnricher(dataset, http)

    async def aclose(self) -> None:
        """Close what is open."""
        await end(self._closing)
        if self._http is not None:
            await self._http[2].aclose()

    def _kept(self, enrichment: Enrichment, http: HttpLookup) -> HttpEnricher:
        """Return the source that is open where it is the same, with its calls and its failures; else another."""
        if self._http is None or self._http[:2] != (http, enrichment.budget):
            self._retire()
            made = _implementation()(http, enrichment.budget / 1000, self._cache, self._environment)
            self._http = http, enrichment.budget, made
        return self._http[2]

    def _retire(self) -> None:
        if self._http is not None:
            task = asyncio.create_task(_close_later(self._http[2]))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
            self._http = None


class _Off:
    """A source that cannot be asked here."""

    def __init__(self, why: BadInput) -> None:
        self._why = str(why)

    def lookup(self, domains: Collection[str]) -> AsyncIterator[Mapping[str, Lookup]]:  # noqa: ARG002 - the port's
        """Raise `DependencyDown`: another worker may have what this one lacks."""
        raise DependencyDown(self._why)


async def _close_later(source: HttpEnricher) -> None:
    try:
        await asyncio.sleep(CLOSES_AFTER)
    finally:
        await source.aclose()


def _implementation() -> type[HttpEnricher]:
    try:
        from router.adapters.enrichment.http import HttpEnricher  # noqa: PLC0415 - its packages may not be installed
    except ModuleNotFoundError as missing:
        if (missing.name or "router").startswith("router"):
            raise
        raise BadInput(
            f"enrichment.http needs {missing.name}, which is not installed: pip install 'speed-to-lead-router[enrich]'"
        ) from None
    return HttpEnricher
