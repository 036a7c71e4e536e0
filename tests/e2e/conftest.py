"""What the tests of whole deployments share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.scenario import Scenario
from tests.e2e.site import Site, site_in


@pytest.fixture
def site(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str) -> Site:
    """A deployment on the embedded log with the policy of the module's `scenario`; tests add Kafka and Redis to it."""
    return site_in(tmp_path, monkeypatch, prefix, scenario.write_policy(tmp_path / "config"))


@pytest.fixture
def workers() -> Iterator[ExitStack]:
    """Stop the workers that a test starts, whatever becomes of it; asked for last, so that servers outlive them."""
    with ExitStack() as stack:
        yield stack
