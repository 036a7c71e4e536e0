"""The model and its twin in a real Valkey, side by side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

pytest.register_assert_rewrite("tests.model.engines")  # its asserts are the tests: show what differs

from tests.model.engines import Twins, load  # noqa: E402 - after the line above, or it comes too late


@pytest.fixture(scope="session")
def twin_server(valkey: str) -> Iterator[tuple[redis.Redis, str]]:
    """Give a client of a Valkey that has the ledger's library, and the name of its function."""
    with redis.Redis.from_url(valkey) as client:
        yield client, load(client)


@pytest.fixture
def engine(twin_server: tuple[redis.Redis, str], prefix: str) -> Twins:
    """Give a fresh ledger of each kind; what they answer is compared at every step."""
    client, function = twin_server
    return Twins(client, function, prefix)
