"""
A network between two processes that can be harmed: a TCP proxy on loopback.

What it holds back while it is silent goes on when it is healed, as TCP would send it again: a request may so
arrive long after its sender gave up. What it has lost never goes on, and nobody is told, as where a firewall forgot
its connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CHUNK = 64 * 1024
WAITING = 256  # chunks of one direction on their way, as a window would hold


class Proxy:
    """Passes connections to 127.0.0.1:*target*; `cut`, `silence`, `lose`, `slow` and `heal` it."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._delay = 0.0
        self._refuses = False
        self._gate = asyncio.Event()  # each connection keeps to the one that it began with
        self._gate.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Reset every connection, and each new one, until healed."""
        self._refuses = True
        for writer in list(self._writers):
            writer.transport.abort()

    def silence(self) -> None:
        """Take connections and bytes and pass nothing on, until healed."""
        self._gate.clear()

    def lose(self) -> None:
        """Pass nothing on until healed, and of the connections that there are now never anything again."""
        self._gate.clear()
        self._gate = asyncio.Event()

    def slow(self, seconds: float) -> None:
        """Let every byte take so long, each way, until healed."""
        self._delay = seconds

    def heal(self) -> None:
        """Pass everything on at once, what was held back first."""
        self._refuses, self._delay = False, 0.0
        self._gate.set()

    def take(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Pass one connection on, until both sides have closed it."""
        if self._refuses:
            answers.transport.abort()
            return
        task = asyncio.create_task(self._serve(client, answers, self._gate))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        self._writers.add(answers)
        requests = None
        try:
            server, requests = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(requests)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pass(client, requests, gate))
                ways.create_task(self._pass(server, answers, gate))
        except* OSError:  # one side is gone, or nobody is there: so is the other one for its peer
            pass
        finally:
            for writer in (answers, requests):
                if writer is not None:
                    self._part(writer)

    def _part(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, gate: asyncio.Event) -> None:
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
                await gate.wait()
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
async def proxying(target: int, port: int = 0) -> AsyncIterator[Proxy]:
    """Serve a proxy to the port *target* on *port*, or on a free one."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.take, "127.0.0.1", port)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
