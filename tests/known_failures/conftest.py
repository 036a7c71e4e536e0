"""What known failures are tried on: the model alone, and the model with its twin in a real Valkey at its side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

pytest.register_assert_rewrite("tests.model.engines")  # its asserts are the tests: show what differs

from tests.model.engines import Twins, load  # noqa: E402 - after the line above, or it comes too late
from tests.unit.ledger_story import Engine, ModelAlone  # noqa: E402 - as above


@pytest.fixture(scope="session")
def twin_server(valkey: str) -> Iterator[tuple[redis.Redis, str]]:
    """Give a client of a Valkey that has the ledger's library, and the name of its function."""
    with redis.Redis.from_url(valkey) as client:
        yield client, load(client)


@pytest.fixture(params=["model", "valkey"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Give a fresh ledger of each kind; beside Valkey the model runs too, and every answer is compared."""
    if request.param == "model":
        return ModelAlone()
    client, function = request.getfixturevalue("twin_server")
    return Twins(client, function, request.getfixturevalue("prefix"))
