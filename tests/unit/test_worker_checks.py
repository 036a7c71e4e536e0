"""What a worker makes of what a Redis says of itself, before it trusts it with leads."""

from __future__ import annotations

import pytest

from router.entrypoints.worker import forgetful, too_old

LASTING = {"redis_version": "7.2.4", "aof_enabled": 1, "maxmemory_policy": "noeviction"}


def test_a_redis_that_keeps_everything_is_trusted() -> None:
    """An append-only file and no eviction: nothing to complain of."""
    assert forgetful(LASTING) == []
    assert not too_old(LASTING)


@pytest.mark.parametrize(
    ("change", "advice"),
    [({"aof_enabled": 0}, "appendonly yes"), ({"maxmemory_policy": "volatile-ttl"}, "maxmemory-policy noeviction")],
)
def test_each_way_to_forget_has_its_advice(change: dict[str, object], advice: str) -> None:
    """The fault names the setting that mends it."""
    (fault,) = forgetful({**LASTING, **change})

    assert advice in fault


@pytest.mark.parametrize(("version", "old"), [("6.2.14", True), ("7.0.0", False), ("8.2.1", False), ("10.0", False)])
def test_functions_came_with_redis_7(version: str, old: bool) -> None:
    """A server from before is refused, instead of failing at the first event."""
    assert too_old({"redis_version": version}) is old
