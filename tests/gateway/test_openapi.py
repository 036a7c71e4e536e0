"""The gateway's description of itself: complete, with examples that work, and true of every answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from router.adapters.redis.keys import Scope
from tests.gateway.live import open_site

HOME = "https://www.example.com"
EXAMPLES = 40
"""Requests that are made up for each call, of valid and of invalid data."""

NOT_BY_FUZZING = {"/v1/events"}  # its answer has no end; tests/gateway/test_stream.py asks for it
CALLS = (
    ("POST", "/v1/submissions"),
    ("POST", "/v1/activities"),
    ("POST", "/v1/outcomes"),
    ("POST", "/v1/forms/{form}"),
    ("OPTIONS", "/v1/forms/{form}"),
    ("POST", "/v1/webhooks/{source}"),
    ("GET", "/v1/webhooks/{source}"),
    ("POST", "/v1/reps/{rep_id}/presence"),
    ("POST", "/v1/leads/{lead_id}/actions"),
    ("GET", "/v1/leads/{lead_id}"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
)


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway in a thread of its own, since what asks here waits for each answer."""

    url: str
    keys: dict[Scope, str]
    description: dict[str, Any]

    def credentials(self, path: str) -> dict[str, Any]:
        """Return what lets a call in."""
        if path.startswith("/v1/forms"):
            return {"params": {"key": self.keys["form"]}, "headers": {"Origin": HOME}}
        return {"headers": {"Authorization": f"Bearer {self.keys['admin']}"}}


@pytest.fixture(scope="module")
def running(valkey: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Serve while the tests of this module run."""
    ready: Future[tuple[str, dict[Scope, str], asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        async with open_site(valkey, "test-openapi-", tmp_path_factory.mktemp("openapi")) as site:
            keys: dict[Scope, str] = {"admin": await site.key("admin"), "form": await site.key("form", origins=[HOME])}
            ready.set_result((site.url, keys, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    url, keys, loop, stop = ready.result(30)
    yield Running(url, keys, requests.get(f"{url}/openapi.json", timeout=10).json())
    loop.call_soon_threadsafe(stop.set)
    thread.join(30)


def described(running: Running) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and description of each call."""
    for path, methods in running.description["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_every_call_is_described(running: Running) -> None:
    """The calls of the contract are there, and each that is there is tried below."""
    found = {(method, path) for method, path, _ in described(running)}

    assert running.description["openapi"].startswith("3.1")
    assert found == {*CALLS, ("GET", "/v1/events")}


def test_every_body_has_examples_and_every_error_its_document(running: Running) -> None:
    """Who reads the description sees what to send, and that errors are problem documents."""
    for method, path, operation in described(running):
        assert operation["summary"], (method, path)
        for media in operation.get("requestBody", {}).get("content", {}).values():
            assert media.get("example") or media.get("examples") or "webhooks" in path, (method, path)
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and path != "/health/ready" and "webhooks" not in path:
                assert list(answer["content"]) == ["application/problem+json"], (method, path, status)


def test_the_examples_are_taken(running: Running) -> None:
    """Each example of a body that no lead has to be there for gets the answer that its call promises."""
    for method, path, operation in described(running):
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            if media != "application/json" or "{lead_id}" in path or path == "/v1/outcomes" or "webhooks" in path:
                continue
            url = running.url + path.replace("{rep_id}", "ana").replace("{form}", "demo-request")
            for example in content.get("examples", {"one": {"value": content.get("example")}}).values():
                body = (
                    {key: value for key, value in example["value"].items() if key != "_next"}
                    if isinstance(example["value"], dict)
                    else example["value"]
                )
                answer = requests.request(method, url, json=body, timeout=10, **running.credentials(path))
                assert answer.status_code == 202, (path, answer.text)


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_whatever_comes_is_answered_as_described(running: Running, method: str, path: str) -> None:
    """Valid and invalid requests, with a key and without: no 5xx, no status, kind or form that is not described."""
    schema = schemathesis.openapi.from_url(f"{running.url}/openapi.json")
    operation = schema[path][method]
    there = {"rep_id": "ana"} if "{rep_id}" in path else None
    modes = [operation.as_strategy(generation_mode=GenerationMode.POSITIVE, path_parameters=there)]
    if operation.body or list(operation.iter_parameters()):
        modes.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    credentials = running.credentials(path)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(*modes), st.sampled_from([True, True, True, False]))
    def ask(case: schemathesis.Case[Any], let_in: bool) -> None:
        given_more = credentials if let_in else {}
        response = case.call(base_url=running.url, timeout=20, **given_more)
        assert response.status_code < 500, (response.status_code, response.text)
        case.validate_response(
            response,
            checks=[
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
                response_headers_conformance,
            ],
        )

    ask()
