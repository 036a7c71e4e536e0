"""What is refused before anything looks at it, and how every error looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from tests.gateway.live import Site

JSON = {"Content-Type": "application/json"}
KIB = 1024


async def chunks(size: int) -> AsyncIterator[bytes]:
    """Yield a submission of about *size* bytes in parts."""
    yield b'{"form": "f", "email": "d@acme.example", "message": "'
    for _ in range(size // KIB):
        yield b"x" * KIB
    yield b'"}'


def one(size: int) -> bytes:
    """Return a submission of about *size* bytes."""
    return orjson.dumps({"form": "f", "email": "d@acme.example", "message": "x" * (size - 100)})


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_has_at_most_256_kib(site: Site, chunked: bool) -> None:
    """One object of more is 413, whether its length was told or not; one of a little less is taken."""
    headers = {**await site.bearer("ingest"), **JSON}
    sizes = {300 * KIB: 413, 250 * KIB: 202}

    for size, status in sizes.items():
        body = chunks(size) if chunked else one(size)
        answer = await site.client.post("/v1/submissions", content=body, headers=headers)
        assert answer.status_code == status, answer.text
        assert status != 413 or answer.headers["content-type"] == "application/problem+json"
    assert len(await site.on("form-submissions")) == 1


async def test_a_list_has_at_most_one_mib(site: Site) -> None:
    """A list may be larger than an object, up to 1 MiB; an item of it not."""
    headers = {**await site.bearer("ingest"), **JSON}
    statuses = [
        (await site.client.post("/v1/submissions", content=b"[" + b",".join(items) + b"]", headers=headers)).status_code
        for items in ([one(200 * KIB)] * 4, [one(200 * KIB)] * 6, [one(300 * KIB), one(KIB)])
    ]

    assert statuses == [202, 413, 413]
    assert len(await site.on("form-submissions")) == 4


async def test_a_large_body_is_not_read_to_its_end(site: Site) -> None:
    """A client that announces a gigabyte is answered before it has sent any of it."""
    host, port = site.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /v1/submissions HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n{")
    async with asyncio.timeout(10):
        line = await reader.readline()
    writer.close()

    assert line.startswith(b"HTTP/1.1 413")


async def test_only_json_is_taken(site: Site) -> None:
    """Another media type, or none, is 415; so is a packed body: what it would become has no bound."""
    ingest = await site.bearer("ingest")
    for kind in ("text/plain", "application/xml", "", "application/jsonx"):
        headers = {**ingest, "Content-Type": kind}
        assert (await site.client.post("/v1/submissions", content=one(KIB), headers=headers)).status_code == 415, kind
    packed = {**ingest, **JSON, "Content-Encoding": "gzip"}
    assert (await site.client.post("/v1/submissions", content=one(KIB), headers=packed)).status_code == 415


async def test_what_is_no_json_object_is_refused(site: Site) -> None:
    """Half a document, other bytes and other values are 422, and quoted nowhere."""
    headers = {**await site.bearer("ingest"), **JSON}
    for body in (b"", b"{", b'{"form": "\xff"}', b"null", b"NaN", b'{"form": "\\ud800"}', b"[" * 100_000):
        answer = await site.client.post("/v1/submissions", content=body, headers=headers)
        assert answer.status_code == 422, body[:20]
        assert answer.json()["errors"]


async def test_depth_is_refused_and_not_stumbled_over(site: Site) -> None:
    """`consent` may hold anything, but not deeper than can be written again; the field is named."""
    headers = {**await site.bearer("ingest"), **JSON}
    deep = b'{"form": "ebook", "email": "a@b.example", "consent": {"a": %s1%s}}'
    for depth, status in ((30, 202), (40, 422), (600, 422)):
        answer = await site.client.post("/v1/submissions", content=deep % (b"[" * depth, b"]" * depth), headers=headers)
        assert answer.status_code == status, depth
        assert "consent" in answer.text or status == 202


async def test_every_error_is_a_problem_document(site: Site) -> None:
    """Errors of the framework are told as ours are (RFC 9457); 405 names the methods there are."""
    wrong = (("GET", "/nothing", 404), ("PUT", "/v1/submissions", 405), ("POST", "/v1/submissions/", 404))
    for method, path, status in wrong:
        answer = await site.client.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path
        assert answer.json()["status"] == status
        assert (answer.headers.get("allow") == "POST") == (status == 405)


async def test_every_answer_has_the_headers_that_keep_browsers_safe(site: Site) -> None:
    """Good answers and errors alike are no pages, are kept in no cache and stand in no frame."""
    for path in ("/health/live", "/nothing", "/openapi.json"):
        headers = (await site.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
        assert "strict-transport-security" not in headers


async def test_only_a_trusted_proxy_says_that_a_call_was_secure(site: Site) -> None:
    """From this machine, which is trusted by default, X-Forwarded-Proto counts."""
    answer = await site.client.get("/health/live", headers={"X-Forwarded-Proto": "https"})

    assert "strict-transport-security" in answer.headers
