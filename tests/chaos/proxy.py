"""
A network between two processes that can be cut: a TCP proxy on loopback.

What it holds back while it is silent goes on when it is healed, as TCP would send it again: a request may so
arrive long after its sender gave up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CHUNK = 64 * 1024
WAITING = 256  # chunks of one direction on their way, as a window would hold


class Proxy:
    """Passes connections to 127.0.0.1:*target*, which may be set later; `cut`, `silence`, `slow` and `heal` it."""

    def __init__(self) -> None:
        self.port = 0
        self.target = 0
        self._delay = 0.0
        self._refuses = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Reset every connection, and each new one, until healed."""
        self._refuses = True
        for writer in list(self._writers):
            writer.transport.abort()

    def silence(self) -> None:
        """Take connections and bytes and pass nothing on, until healed."""
        self._flows.clear()

    def slow(self, seconds: float) -> None:
        """Let every byte take so long, each way, until healed."""
        self._delay = seconds

    def heal(self) -> None:
        """Pass everything on at once, what was held back first."""
        self._refuses, self._delay = False, 0.0
        self._flows.set()

    async def serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Pass one connection on, until both sides have closed it."""
        if self._refuses:
            answers.transport.abort()
            return
        self._writers.add(answers)
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            server, requests = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:  # nobody there: as if the proxy were not there either
            self._passing.discard(task)
            self._part(answers)
            return
        self._writers.add(requests)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pass(client, requests))
                ways.create_task(self._pass(server, answers))
        except* OSError:
            pass
        finally:
            self._part(requests)
            self._part(answers)
            self._passing.discard(task)

    def _part(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Pass bytes one way, each after its delay; the end of them too."""
        clock = asyncio.get_running_loop().time
        way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING)

        async def take() -> None:
            while True:
                try:
                    data = await source.read(CHUNK)
                except OSError:
                    data = b""
                await way.put((clock() + self._delay, data))
                if not data:
                    return

        taking = asyncio.create_task(take())
        try:
            while True:
                due, data = await way.get()
                await asyncio.sleep(max(0.0, due - clock()))
                await self._flows.wait()
                if not data or sink.is_closing():
                    break
                sink.write(data)
                await sink.drain()
            if not sink.is_closing():
                sink.write_eof()
        finally:
            taking.cancel()

    async def end(self) -> None:
        """Part with every connection."""
        for task in list(self._passing):
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)


@asynccontextmanager
async def proxying() -> AsyncIterator[Proxy]:
    """Serve a proxy on a free port."""
    proxy = Proxy()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
