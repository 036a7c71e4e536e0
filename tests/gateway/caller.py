"""Calls a gateway as fast as it answers: a few connections that each post one submission after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import quantiles
from urllib.parse import urlsplit

import orjson


@dataclass(slots=True)
class Called:
    """What came of many calls: ids that were accepted, other answers by status, and ms of each call."""

    accepted: list[str] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def a_second(self) -> float:
        """Accepted submissions a second."""
        return len(self.accepted) / self.seconds

    def percentile(self, percent: int) -> float:
        """Return the delay in ms that *percent* of the calls did not exceed."""
        return quantiles(self.delays, n=100, method="inclusive")[percent - 1]


async def call(url: str, key: str, count: int, connections: int, first: str = "load") -> Called:
    """Post *count* submissions over *connections* at full speed; their ids begin with *first*."""
    numbers = iter(range(count))
    called = Called()
    began = time.perf_counter()
    await asyncio.gather(*(_caller(url, key, numbers, first, called) for _ in range(connections)))
    called.seconds = time.perf_counter() - began
    return called


async def _caller(url: str, key: str, numbers: Iterator[int], first: str, called: Called) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    for number in numbers:
        body = _submission(f"{first}-{number}")
        head = (
            f"POST /v1/submissions HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        status = int(answer[9:12])
        length = next(int(line[15:]) for line in answer.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        told = await reader.readexactly(length)
        called.delays.append((time.perf_counter() - began) * 1000)
        if status == 202:
            called.accepted += [one["submission_id"] for one in orjson.loads(told)["accepted"]]
        else:
            called.refused[status] = called.refused.get(status, 0) + 1
    writer.close()


def _submission(identifier: str) -> bytes:
    return orjson.dumps(
        {
            "submission_id": identifier,
            "submitted_at": "2026-03-02T14:05:09.123Z",
            "form": "demo-request",
            "email": f"{identifier}@acme.example",
            "first_name": "Dana",
            "last_name": "Diaz",
            "company": "Acme",
            "job_title": "Chief Technology Officer",
            "country": "US",
            "employees": 5200,
            "message": "We would like to see how it works with our own data.",
            "fields": {"product": "analytics"},
        }
    )
