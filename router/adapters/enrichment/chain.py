"""One source of company facts after another: what the first does not know, the next is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping

from router.ports import Enricher, Lookup


class ChainEnricher:
    """Implements `router.ports.Enricher` over two; whoever knows a company first is its source."""

    def __init__(self, first: Enricher, then: Enricher) -> None:
        self._first = first
        self._then = then

    async def lookup(self, domains: Collection[str]) -> AsyncIterator[Mapping[str, Lookup]]:
        """Give what the first knows, then what the other says of the rest; a miss is one of both."""
        missed: list[str] = []
        async for part in self._first.lookup(domains):
            missed += [domain for domain, known in part.items() if known.fields is None]
            if found := {domain: known for domain, known in part.items() if known.fields is not None}:
                yield found
        if missed:
            async for part in self._then.lookup(missed):
                yield part
