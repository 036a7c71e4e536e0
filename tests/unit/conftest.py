"""What stories of the ledger run on here: the model alone, without any server."""

from __future__ import annotations

import pytest

from tests.unit.ledger_story import Engine, ModelAlone


@pytest.fixture
def engine() -> Engine:
    """Give a fresh ledger."""
    return ModelAlone()
