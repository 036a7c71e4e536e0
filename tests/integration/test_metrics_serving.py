"""Figures and health over HTTP, as Prometheus and a supervisor ask for them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest

from router.entrypoints.metrics.figures import Figures
from router.entrypoints.metrics.serve import serve_metrics
from router.errors import BadInput


class Served:
    """Figures that are shown, and a health that a test may change."""

    def __init__(self) -> None:
        self.figures = Figures("worker")
        self.health = {"log": True, "redis": True}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address: tuple[str, int] = free.getsockname()[:2]
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.address[1]}")

    async def ask(self, path: str) -> httpx.Response:
        """Return the answer to a GET, once somebody listens."""
        while True:
            with suppress(httpx.ConnectError):
                return await self.client.get(path)
            await asyncio.sleep(0.02)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """Give what is shown while the test runs."""
    one = Served()
    task = asyncio.create_task(serve_metrics(one.address, one.figures, lambda: one.health))
    yield one
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await one.client.aclose()


async def test_the_figures_are_shown_as_prometheus_reads_them(served: Served) -> None:
    """All of them, in its text format."""
    answer = await served.ask("/metrics")
    told = [line for line in served.figures.text().decode().splitlines() if line.startswith("router_")]
    assert answer.status_code == 200
    assert [line for line in answer.text.splitlines() if line.startswith("router_")] == told != []
    assert answer.headers["content-type"].startswith("text/plain; version=")


async def test_a_process_is_ready_while_its_servers_answer(served: Served) -> None:
    """Else it is 503 with what is away; alive it is all the same."""
    ready = await served.ask("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "log": "ok", "redis": "ok"})
    served.health["redis"] = False
    away = await served.ask("/health/ready")
    assert (away.status_code, away.json()) == (503, {"status": "away", "log": "ok", "redis": "away"})
    assert (await served.ask("/health/live")).status_code == 200


async def test_an_address_that_is_taken_is_told_of(served: Served) -> None:
    """With the setting that names it."""
    await served.ask("/health/live")
    with pytest.raises(BadInput, match="ROUTER_METRICS_LISTEN"):
        await serve_metrics(served.address, served.figures, lambda: served.health)
