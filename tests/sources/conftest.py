"""A gateway whose configuration has a source of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.gateway.live import SHIPPED, Site, open_site
from tests.sources.cast import SENDERS
from tests.sources.senders import SECRET

NO_GRAPH = "http://127.0.0.1:9/v23.0"
"""Where nobody listens, until a test says where somebody does."""


def write_sources(folder: Path, written: str) -> Path:
    """Return the shipped configuration with *written* for its sources."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in [*SHIPPED.glob("*.yaml"), *SHIPPED.glob("*.csv")]:
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "sources.yaml").write_text(written, encoding="utf-8")
    return folder


def sources(api: str = NO_GRAPH) -> str:
    """Return the section with one source for each sender, under its name with `-` for blanks."""
    lines = ["sources:"]
    for name, sender in SENDERS.items():
        more = f", timestamp_header: {sender.timestamp_header}" if sender.timestamp_header else ""
        if sender.kind == "meta":
            more = f", api: '{api}', verify_env: TEST_VERIFY, token_env: TEST_TOKEN"
        lines.append(
            f"  {name.replace(' ', '-')}: {{kind: {sender.kind}, form: demo-request, secret_env: TEST_SECRET{more}}}"
        )
    lines += [
        "  unset: {kind: typeform, form: demo-request, secret_env: TEST_UNSET}",
        "  unnamed: {kind: typeform, form: demo-request}",
        "  no-base64: {kind: standard_webhooks, form: demo-request, secret_env: TEST_NO_BASE64}",
        "  mapped: {kind: typeform, form: pricing, secret_env: TEST_SECRET, map: {phone: answers.call-me}}",
    ]
    return "\n".join(lines)


@pytest.fixture
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SECRET": SECRET,
        "VERIFY": "meatyhamhock",
        "TOKEN": "EAAtoken",
        "NO_BASE64": "whsec_a",
    }.items():
        monkeypatch.setenv(f"TEST_{name}", value)


@pytest_asyncio.fixture
async def site(valkey: str, prefix: str, tmp_path: Path, _secrets: None) -> AsyncIterator[Site]:
    """Give a gateway with a source of each kind."""
    config = write_sources(tmp_path / "config", sources())
    async with open_site(valkey, prefix, tmp_path, config=config, public_url="https://router.example") as opened:
        yield opened
