"""The network that the chaos rows harm does what they say of it; else their rows would show nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest_asyncio

from tests.chaos.proxy import Proxy, proxying

SOON = 0.15
"""Seconds: what has not come by then is held back."""


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy to a server that answers each line with the same line."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with proxying(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy
    server.close()


class Client:
    """One connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def of(cls, proxy: Proxy) -> Client:
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", proxy.port))

    def say(self, line: bytes) -> None:
        """Send a line."""
        self._writer.write(line)

    async def hears(self) -> bytes:
        """Return the next line; empty where the connection ended."""
        async with asyncio.timeout(5):
            with suppress(ConnectionError):
                return await self._reader.readline()
        return b""

    async def hears_nothing(self) -> bool:
        """Return whether no line comes soon."""
        try:
            async with asyncio.timeout(SOON):
                await self._reader.readline()
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        """End the connection."""
        self._writer.close()


async def test_it_passes_on_both_ways(proxy: Proxy) -> None:
    """An unharmed network is not noticed."""
    client = await Client.of(proxy)
    client.say(b"one\n")
    assert await client.hears() == b"one\n"
    client.close()


async def test_a_cut_resets_all_and_refuses_until_it_is_healed(proxy: Proxy) -> None:
    """Connections end at once, new ones too, and after healing a new one works."""
    client = await Client.of(proxy)
    client.say(b"one\n")
    await client.hears()
    proxy.cut()
    for cut in (client, await Client.of(proxy)):
        assert await cut.hears() == b""
        cut.close()
    proxy.heal()
    again = await Client.of(proxy)
    again.say(b"two\n")
    assert await again.hears() == b"two\n"
    again.close()


async def test_silence_holds_back_and_gives_all_later(proxy: Proxy) -> None:
    """A silent network keeps the connection, and what was sent meanwhile arrives when it is healed."""
    client = await Client.of(proxy)
    proxy.silence()
    client.say(b"one\n")
    assert await client.hears_nothing()
    proxy.heal()
    assert await client.hears() == b"one\n"
    client.close()


async def test_what_is_lost_is_never_told_and_new_connections_pass(proxy: Proxy) -> None:
    """An old connection stays open and dead after healing; a new one is held back until then, and works."""
    old = await Client.of(proxy)
    old.say(b"none\n")
    assert await old.hears() == b"none\n"
    proxy.lose()
    new = await Client.of(proxy)
    for client in (old, new):
        client.say(b"one\n")
    assert await new.hears_nothing()
    proxy.heal()
    assert await new.hears() == b"one\n"
    assert await old.hears_nothing()
    for client in (old, new):
        client.close()


async def test_a_slow_network_takes_its_time_and_as_much_for_many(proxy: Proxy) -> None:
    """Each line takes the delay twice, there and back; lines sent together take it together."""
    client = await Client.of(proxy)
    proxy.slow(0.1)
    began = time.monotonic()
    for _ in range(5):
        client.say(b"one\n")
        await asyncio.sleep(0.01)
    for _ in range(5):
        assert await client.hears() == b"one\n"
    assert 0.2 <= time.monotonic() - began < 0.9
    client.close()
