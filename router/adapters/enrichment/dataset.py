"""Company facts from the configuration's own dataset, by registrable domain, in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping

from router.pipeline.work import InForce
from router.ports import Lookup


class DatasetEnricher:
    """Implements `router.ports.Enricher` over the dataset of the policy in force."""

    def __init__(self, in_force: InForce) -> None:
        self._in_force = in_force

    async def lookup(self, domains: Collection[str]) -> AsyncIterator[Mapping[str, Lookup]]:
        """Answer at once, a hit or a miss for each domain."""
        if (known := self._in_force.policy.enrichment) is not None:
            yield {domain: Lookup(known.dataset.get(domain), known.dataset_name) for domain in domains}
