"""The model and its twin in a real Valkey, side by side."""

from __future__ import annotations

import pytest
import redis

from tests.model.engines import Twins


@pytest.fixture
def engine(twin_server: tuple[redis.Redis, str], prefix: str) -> Twins:
    """Give a fresh ledger of each kind; what they answer is compared at every step."""
    client, function = twin_server
    return Twins(client, function, prefix)
