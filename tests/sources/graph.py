"""A Graph API on loopback: a real server, that can be slow, fail, lie, hang up, or be gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

LEAD = {
    "created_time": "2026-03-02T14:05:02+0000",
    "id": "233370042045345",
    "field_data": [
        {"name": "email", "values": ["ana@acme.example"]},
        {"name": "full_name", "values": ["Ana Lima"]},
        {"name": "company_name", "values": ["Acme"]},
        {"name": "which_plan?", "values": ["Team"]},
        {"name": "tools", "values": ["CRM", "Chat"]},
    ],
}
TOKEN = "EAAtoken"  # noqa: S105 - made up


@dataclass(slots=True)
class FakeGraph:
    """
    What is asked of it, and how it answers.

    * **answers** - (status, body) one a request, the last for all further ones; `None` hangs up, `...` never answers.
    """

    answers: Sequence[object]
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while request := await reader.readline():
                while (await reader.readline()).strip():
                    pass
                target = urlsplit(request.split()[1].decode())
                answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
                self.asked.append((target.path, parse_qs(target.query)))
                if answer is ...:
                    await asyncio.Event().wait()
                if not isinstance(answer, tuple):
                    return
                status, body = answer
                payload = body if isinstance(body, bytes) else json.dumps(body).encode()
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(payload)}\r\n\r\n".encode() + payload)
                await writer.drain()
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def graph(*answers: object) -> AsyncIterator[FakeGraph]:
    """Serve *answers* on loopback."""
    it = FakeGraph(answers or [(200, LEAD)])
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(it.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    it.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v23.0"
    try:
        yield it
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
