"""What to say where a package of an optional part is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from router.errors import BadInput


@contextmanager
def optional(extras: str) -> Iterator[None]:
    """Say what to install where an import fails; the packages of gateway and notifier are optional."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "router").startswith("router"):
            raise
        told = f"this command needs {missing.name}: pip install 'speed-to-lead-router[{extras}]'"
        raise BadInput(told) from None
