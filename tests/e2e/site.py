"""A deployment under test: its environment, and the processes that run in it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from router.entrypoints.topics import create
from router.settings import Settings, load_settings
from tests.e2e.processes import WorkerProcess

SECRET = "a secret of at least thirty-two characters"  # noqa: S105 - made up


class Site:
    """One deployment under test: its settings, and the workers that run on them."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment = environment
        self._folder = folder
        self._count = 0
        self.module = "router.cli"
        """What its processes run."""

    def start_worker(self, command: str = "worker", **more: str) -> WorkerProcess:
        """Start one more worker and wait until it consumes; *more* is its environment beyond that of the site."""
        self._count += 1
        log = self._folder / f"worker-{self._count}.log"
        worker = WorkerProcess({**self.environment, **more}, log, command, self.module)
        worker.wait_until_ready()
        return worker


def site_in(folder: Path, monkeypatch: pytest.MonkeyPatch, prefix: str, config: Path, **more: str) -> Site:
    """Return a deployment on the embedded log that keeps its data in *folder*; this process has its settings too."""
    environment = {
        "ROUTER_CONFIG": str(config),
        "ROUTER_DATA_DIR": str(folder / "data"),
        "ROUTER_SECRET": SECRET,
        "ROUTER_TOPIC_PREFIX": prefix,
        "ROUTER_WORKSPACE": prefix.strip("-"),
        **more,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Site(environment, folder)


def on_servers(site: Site, monkeypatch: pytest.MonkeyPatch, kafka: str, redis_url: str) -> Settings:
    """Move the site to real servers, with its topics made."""
    for name, value in {"ROUTER_KAFKA": kafka, "ROUTER_REDIS_URL": redis_url}.items():
        site.environment[name] = value
        monkeypatch.setenv(name, value)
    settings = load_settings()
    asyncio.run(create(settings))
    return settings
