"""What known failures are tried on: the model alone, and the model with its twin in a real Valkey at its side."""

from __future__ import annotations

import pytest

from tests.model.engines import Twins
from tests.unit.ledger_story import Engine, ModelAlone


@pytest.fixture(params=["model", "valkey"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Give a fresh ledger of each kind; beside Valkey the model runs too, and every answer is compared."""
    if request.param == "model":
        return ModelAlone()
    client, function = request.getfixturevalue("twin_server")
    return Twins(client, function, request.getfixturevalue("prefix"))
