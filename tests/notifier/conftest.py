"""What the tests of the notifier share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.notifier.office import Office, office_at
from tests.notifier.receivers import MailServer, Receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - made up


@pytest.fixture
async def office(valkey: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """Give a workspace of its own; its channels' secrets are in the environment."""
    folder = tmp_path / "config"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROUTER_CONFIG", str(folder))
    monkeypatch.setenv("ROUTER_WORKSPACE", prefix.strip("-"))
    monkeypatch.setenv("ROUTER_TOPIC_PREFIX", prefix)
    monkeypatch.setenv("ROUTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    async with office_at(valkey, prefix, folder) as office:
        yield office


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Give a web server that takes everything until it is told otherwise."""
    with Receiver().listening() as one:
        yield one


@pytest.fixture
def other() -> Iterator[Receiver]:
    """Give a second web server."""
    with Receiver().listening() as one:
        yield one


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """Give an SMTP server."""
    server = MailServer()
    server.controller.start()
    yield server
    server.controller.stop()
