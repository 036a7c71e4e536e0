"""
Company facts from an HTTP source: one GET a domain, the answer read by the configuration's paths.

Answers are kept, also that nobody knows a company. Nothing of the key reaches
another host or a log line: redirects are failures, and errors name statuses only.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import quote

import httpx
import orjson

from router.adapters.enrichment.breaker import Breaker
from router.adapters.enrichment.calls import AT_ONCE, GOES_ON_FOR, Calls, Failed, Unfit
from router.adapters.environment import Environment, SecretMissing
from router.domain.policy import HttpLookup
from router.policy.dataset import cell
from router.policy.paths import path
from router.ports import Lookup

SOURCE: Final = "http"
LONGEST_ANSWER: Final = 262_144  # bytes
LONGEST_TEXT: Final = 1_000  # characters of one value
CONNECTION_KEPT: Final = 60.0  # seconds without a call: a new one costs several round trips of the budget
_LARGEST: Final = 2**53
"""Beyond it a number in JSON is not exact; none of a company is that large."""

_UNKNOWN = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_UNFIT = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


class Cache(Protocol):
    """Keeps what a source answered, for a time."""

    async def known(self, source: str, domains: Collection[str]) -> Mapping[str, Mapping[str, object] | None]:
        """Return what is kept of each domain, None for a miss. Raises `DependencyDown`."""

    async def keep(self, source: str, domain: str, fields: Mapping[str, object] | None) -> None:
        """Keep an answer. Raises `DependencyDown`."""


class HttpEnricher:
    """
    Implements `router.ports.Enricher` over one URL.

    * **budget** - seconds after which nobody waits for an answer any more.
    * **environment** - where the key stands.
    """

    def __init__(
        self,
        source: HttpLookup,
        budget: float,
        cache: Cache,
        environment: Environment,
        breaker: Breaker | None = None,
    ) -> None:
        self._source = source
        self._budget = budget
        self._cache = cache
        self._environment = environment
        self._paths = {name: path(text) for name, text in source.fields.items()}
        self._name = _digest(source)
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(budget + GOES_ON_FOR),
            limits=httpx.Limits(max_connections=AT_ONCE, keepalive_expiry=CONNECTION_KEPT),
            follow_redirects=False,
        )
        self._calls = Calls(self._ask, self._keep, budget, breaker)

    async def lookup(self, domains: Collection[str]) -> AsyncIterator[Mapping[str, Lookup]]:
        """Give what is kept at once, and the rest as it comes; what was not there within the budget is left out."""
        kept = await self._cache.known(self._name, domains)
        if kept:
            yield {domain: Lookup(fields, SOURCE) for domain, fields in kept.items()}
        coming = [answer for one in domains if one not in kept and (answer := self._calls.answer(one)) is not None]
        try:
            for first in asyncio.as_completed(coming, timeout=self._budget):
                if part := await first:
                    yield part
        except TimeoutError:
            return

    async def aclose(self) -> None:
        """End the calls and close the connections."""
        await self._calls.aclose()
        await self._client.aclose()

    async def _keep(self, domain: str, lookup: Lookup) -> None:
        await self._cache.keep(self._name, domain, lookup.fields)

    async def _ask(self, domain: str) -> Lookup:
        url = self._source.url.replace("{domain}", quote(domain, safe=""))
        try:
            async with self._client.stream("GET", url, headers=self._headers()) as answer:
                body = await _body(answer)
                status = answer.status_code
        except httpx.TimeoutException:
            raise Failed("it does not answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Failed(f"it cannot be reached ({type(error).__name__})") from None
        if status in _UNKNOWN:
            return Lookup(None, SOURCE)
        if status in _UNFIT:
            raise Unfit(f"it answered {status}")
        if status != HTTPStatus.OK:
            raise Failed(f"it answered {status}")
        return self._read(body)

    def _headers(self) -> dict[str, str]:
        headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "speed-to-lead-router"}
        if self._source.secret_env is not None:
            try:
                headers["authorization"] = f"Bearer {self._environment.secret(self._source.secret_env)}"
            except SecretMissing as missing:
                raise Failed(str(missing)) from None
        return headers

    def _read(self, body: bytes) -> Lookup:
        """Return the mapped values; an answer that has none of them is a miss."""
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise Failed("its answer is no JSON") from None
        values = {name: _value(one.find(document)) for name, one in self._paths.items()}
        fields = {name: value for name, value in values.items() if value is not None}
        return Lookup(fields if fields or not self._paths else None, SOURCE)


async def _body(answer: httpx.Response) -> bytes:
    """Return what was sent, as it came: what is packed might unpack to any size."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise Failed("its answer is compressed, which was not asked for")
    parts, size = [], 0
    async for part in answer.aiter_raw():
        parts.append(part)
        size += len(part)
        if size > LONGEST_ANSWER:
            raise Failed(f"its answer is longer than {LONGEST_ANSWER} bytes")
    return b"".join(parts)


def _value(found: object) -> object | None:
    """
    Return a value that rules can compare: text as a cell of a dataset is read, a number, true or false.

    >>> [_value(one) for one in ("1200", "51-200", True, 2.5, 10**30, ["a"], {}, " ", None)]
    [1200, '51-200', True, 2.5, None, None, None, None, None]
    """
    if isinstance(found, str):
        return cell(found[:LONGEST_TEXT])
    if isinstance(found, bool):
        return found
    return found if isinstance(found, int | float) and abs(found) <= _LARGEST else None


def _digest(source: HttpLookup) -> str:
    """Return a name for what this source says: another address, or other paths, and nothing kept is of use."""
    said = orjson.dumps([source.url, dict(source.fields)], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(said, digest_size=8).hexdigest()
