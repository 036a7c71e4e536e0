"""A gateway for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.gateway.live import Site, open_site


@pytest_asyncio.fixture
async def site(valkey: str, prefix: str, tmp_path: Path) -> AsyncIterator[Site]:
    """Give a gateway that listens on a free port."""
    async with open_site(valkey, prefix, tmp_path) as opened:
        yield opened
