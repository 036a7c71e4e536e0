"""A worker whose HTTP source of company facts hangs for ever, and one that was not given its key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from router.adapters.enrichment.calls import AT_ONCE
from router.bootstrap import Log, log_of
from router.events.base import parse_instant, rfc3339
from router.ports import Outgoing, Tail
from router.settings import load_settings
from tests.e2e.command import BAD_INPUT, SECRET, expect_failure, router
from tests.e2e.processes import WorkerProcess
from tests.integration.company_source import Answer, company_source
from tests.unit.policy_text import MINIMAL, write

A_SECOND, SECONDS = 100, 5
BUDGET = 0.3  # seconds
COME_WITHIN = 60.0
ANSWERS = {"known.example": Answer({"employees": 1200})}


def configuration(folder: Path, url: str) -> dict[str, str]:
    """Return the settings of a worker whose dataset knows one company, and whose HTTP source is at *url*."""
    http = f"{{url: '{url}', secret_env: FIRM_KEY, map: {{employees: employees}}}}"
    text = MINIMAL + f"enrichment: {{budget: 300ms, dataset: companies.csv, http: {http}}}\n"
    config = write(folder / "config", text, companies_csv="domain,employees\nacme.example,1200\n")
    data = str(folder / "data")
    return {"ROUTER_CONFIG": str(config), "ROUTER_DATA_DIR": data, "ROUTER_SECRET": SECRET, "FIRM_KEY": "sk-fallow"}


def submission(number: int, email: str) -> Outgoing:
    """Return what somebody sent just now."""
    data = {
        "submission_id": f"s{number}",
        "submitted_at": rfc3339(datetime.now(UTC)),
        "form": "demo",
        "email": email,
        "employees": 90,
    }
    return Outgoing("form-submissions", None, orjson.dumps(data))


async def decided(tail: Tail, count: int) -> Sequence[Mapping[str, object]]:
    """Return the data of the first *count* decisions."""
    rows: list[Mapping[str, object]] = []
    async with asyncio.timeout(COME_WITHIN):
        async for record in tail.read(["lead-decisions"], follow=True):
            rows.append(orjson.loads(record.value or b"{}"))
            if len(rows) == count:
                break
    return rows


def status(row: Mapping[str, object]) -> tuple[str, object]:
    """Return what came of looking the company up."""
    enrichment = row["enrichment"]
    assert isinstance(enrichment, dict)
    return enrichment["status"], enrichment["source"]


async def warm(log: Log) -> int:
    """Send one form after the other until an answer came in time, on however busy a machine; return how many."""
    for count in range(1, 20):
        await log.publisher.publish([submission(-count, "eve@known.example")])
        if status((await decided(log.tail, count))[-1]) == ("matched", "http"):
            return count
    raise AssertionError("no answer of the source came in time")


async def test_a_source_that_hangs_for_ever_delays_nobody_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    At a hundred forms a second those of the first moment wait for the budget, the others for nothing.

    Whoever is in the dataset is known all the same, and so is what the source had answered before it hung.
    """
    emails = ("dana{}@acme.example", "dana{}@company-{}.example", "dana{}@gmail.com", "dana{}@known.example")
    async with company_source(ANSWERS) as source:
        settings = configuration(tmp_path, source.url)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        worker = await asyncio.to_thread(WorkerProcess, settings, tmp_path / "worker.log")
        try:
            await asyncio.to_thread(worker.wait_until_ready)
            async with log_of(load_settings()) as log:
                warmed = await warm(log)
                source.hangs, asked = True, len(source.asked)
                begin, count = time.monotonic(), A_SECOND * SECONDS
                for number in range(count):
                    await asyncio.sleep(max(0.0, begin + number / A_SECOND - time.monotonic()))
                    email = emails[number % len(emails)].format(number, number)
                    await log.publisher.publish([submission(number, email)])
                rows = (await decided(log.tail, warmed + count))[warmed:]
        finally:
            ended = await asyncio.to_thread(worker.stop)

    rows = sorted(rows, key=lambda row: int(str(row["submission_id"])[1:]))
    begun, later = sorted(map(_seconds, rows[:A_SECOND])), sorted(map(_seconds, rows[A_SECOND:]))
    p50, p99 = later[len(later) // 2], later[len(later) * 99 // 100]
    with capsys.disabled():
        print(f"\nform to decision: {begun[-1]:.3f} s at most as it begins to hang; p50 {p50:.3f}, p99 {p99:.3f} after")
    found = [status(row) for row in rows]
    hung = [("matched", "companies.csv"), ("degraded", None), ("skipped", None), ("matched", "http")]
    assert found == hung * (count // len(hung))
    # A busy machine is slow by itself, so the bounds are wide: were each batch held up, half of all would take longer.
    assert begun[-1] < 2 * BUDGET + 2.0
    assert p50 < BUDGET / 2
    assert p99 < BUDGET + 1.0
    assert len(source.asked) - asked <= AT_ONCE
    assert {sent["authorization"] for sent in source.headers} == {"bearer sk-fallow"}
    assert "sk-fallow" not in worker.lines()
    assert "enrichment.rests" in worker.lines()
    assert ended == 0


def _seconds(row: Mapping[str, object]) -> float:
    return (parse_instant(str(row["decided_at"])) - parse_instant(str(row["submitted_at"]))).total_seconds()


def test_without_the_key_no_worker_starts(tmp_path: Path) -> None:
    """The variable is named, and what to do; to check the configuration it is not needed."""
    settings = configuration(tmp_path, "https://firm.example/{domain}")
    del settings["FIRM_KEY"]
    ended = router("worker", environment=settings)
    expect_failure(ended, BAD_INPUT, "enrichment.http: FIRM_KEY: not set", "FIRM_KEY_FILE")
    assert not (tmp_path / "data").exists()  # no server was started for it
    assert router("check", settings["ROUTER_CONFIG"]).code == 0
