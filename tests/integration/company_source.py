"""A real HTTP source of company facts on loopback, that answers each domain as it is told: at once, late or never."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson

NEVER = 3_600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What one domain is answered, after so many seconds; a body that is no text or bytes goes as JSON."""

    body: object = b""
    status: int = 200
    after: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        """Return the answer as it goes over the wire."""
        body = self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class CompanySource:
    """
    The server; what is asked for stands behind the last `/` of a path.

    * **answers** - by domain; any other domain is answered 404.
    * **hangs** - answers nobody from now on.
    * **asked** - the domains, in order; **headers** - those of each request; **most** - asked at the same time.
    """

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    hangs: bool = False
    asked: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    most: int = 0
    _now: int = 0

    @property
    def url(self) -> str:
        """What goes into `enrichment.http`."""
        return f"http://127.0.0.1:{self.port}/companies/{{domain}}"

    @property
    def times(self) -> Counter[str]:
        """How often each domain was asked for."""
        return Counter(self.asked)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                self.headers.append(dict(line.lower().split(": ", 1) for line in head[1:] if line))
                writer.write(await self._answer(head[0].split()[1].rpartition("/")[2]))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client is gone
        finally:
            writer.close()

    async def _answer(self, domain: str) -> bytes:
        self.asked.append(domain)
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            answer = self.answers.get(domain, Answer(status=404))
            await asyncio.sleep(NEVER if self.hangs else answer.after)
            return answer.raw()
        finally:
            self._now -= 1


@asynccontextmanager
async def company_source(answers: Mapping[str, Answer] | None = None) -> AsyncIterator[CompanySource]:
    """Run one for as long as the block lasts."""
    source = CompanySource(answers=dict(answers or {}))
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(source.serve(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)
        task.add_done_callback(lambda _: writer.close())  # also where it is ended before it has begun

    server = await asyncio.start_server(accept, "127.0.0.1", 0, family=socket.AF_INET)
    source.port = server.sockets[0].getsockname()[1]
    try:
        yield source
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
