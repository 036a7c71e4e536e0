"""What a notifier that dies leaves behind: nothing is lost, at whichever moment; what was on its way may come twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from router.adapters.embedded.entries import stream_key
from router.adapters.redis.deliveries import Deliveries, Parcel
from tests.notifier.office import Office, note, notes, office_at, until
from tests.notifier.receivers import Receiver
from tests.notifier.test_delivery import to_hooks
from tests.valkey import ValkeyServer

ROOT = Path(__file__).resolve().parents[2]


async def test_kept_and_not_committed(office: Office, receiver: Receiver) -> None:
    """Dead between the queue and the commit: the log gives the batch again, and it is a repeat."""
    office.configure(to_hooks(crm=receiver.url))
    await office.start()
    await office.write(*notes(5))
    await until(lambda: len(receiver.requests) == 5)
    await office.until_idle("crm")
    await office.stop()

    stream = stream_key(office.prefix, "rep-notifications")
    await office.client.xgroup_setid(stream, f"router-{office.workspace}-notifier", "0")  # as if never committed
    await office.start()
    await office.write(note(name="next"))
    await until(lambda: "next" in receiver.ids)
    await office.until_idle("crm")

    assert len(receiver.ids) == 6


async def test_taken_up_and_not_sent(office: Office, receiver: Receiver) -> None:
    """Dead with a message in hand: it is another's when the lease is over, and not before."""
    office.configure(to_hooks(crm=receiver.url))
    receiver.always = 500
    await office.start()
    await office.write(note(name="ntf_1"))
    await until(lambda: receiver.requests)
    await office.stop()
    receiver.always = None
    told = len(receiver.requests)
    await office.client.zadd(f"{{{office.workspace}}}:notify:due:crm", {await _only(office): 0})
    [parcel] = (await office.deliveries.take("crm", 1, lease_ms=1500)).parcels  # it dies here

    assert (await office.deliveries.take("crm", 1, lease_ms=1500)).parcels == []
    await office.start()
    await until(lambda: len(receiver.requests) > told)
    await office.until_idle("crm")

    assert receiver.ids[told:] == ["ntf_1"]
    assert parcel.channel == "crm"


async def _only(office: Office) -> str:
    [name] = await office.client.zrange(f"{{{office.workspace}}}:notify:due:crm", 0, -1)
    assert isinstance(name, bytes)
    return name.decode()


async def test_given_up_and_not_let_go_of(office: Office) -> None:
    """
    Dead between the dead letter and the queue, or sent to the log again by somebody: it is a message again.

    Where it fails again, its dead letter has the same id.
    """
    office.configure(to_hooks(crm="http://127.0.0.1:9/hook"))
    await office.start()
    await office.write(note(name="ntf_1", touch_in=0.5))
    [letter] = await office.until_dead_letters(1)
    await office.until_idle("crm")

    await office.write(note(name="ntf_1", touch_in=0.5))
    await office.until_dead_letters(1, records=2)

    assert letter["detail"].startswith("channel crm never took ntf_1")
    assert len(await office.dead_letters()) == 1


async def test_one_over_and_one_late(valkey: str, prefix: str) -> None:
    """What is over stays over: a notifier that comes late with its answer brings nothing back."""
    client = Redis.from_url(valkey)
    queue = Deliveries(client, prefix)
    parcel = Parcel("crm", "one", 4_000_000_000_000, b"{}")
    await queue.put([parcel])
    await queue.take("crm", 1, lease_ms=1)
    await queue.finish("crm", "one")
    await queue.later("crm", ["one"], 0)

    assert (await queue.take("crm", 1, lease_ms=1)).parcels == []
    assert await queue.put([parcel]) == frozenset()
    assert (await queue.take("crm", 1, lease_ms=1)).parcels == []
    await client.aclose()


async def test_redis_is_killed_and_comes_back(
    own_valkey: ValkeyServer, prefix: str, office: Office, receiver: Receiver
) -> None:
    """What was kept is there again, and the notifier goes on by itself."""
    receiver.always = 500
    async with office_at(own_valkey.url, prefix, office.folder) as own:
        own.configure(to_hooks(crm=receiver.url))
        await own.start()
        await own.write(*notes(3))
        await until(lambda: len(set(receiver.ids)) == 3)

        await asyncio.to_thread(own_valkey.kill)
        receiver.always = None
        sent = len(receiver.requests)
        await asyncio.to_thread(own_valkey.start)

        await until(lambda: len(set(receiver.ids[sent:])) == 3, within=30.0)
        await own.until_idle("crm", within=30.0)
        await own.write(note(name="after"))
        await until(lambda: "after" in receiver.ids, within=30.0)


@contextmanager
def process(folder: Path, name: str, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run `router notifier` as a user would."""
    lines = folder / f"{name}.log"
    with lines.open("wb") as out:
        command = [sys.executable, "-m", "router.cli", "notifier"]
        running = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT, cwd=folder)
    try:
        yield running, lines
    finally:
        running.kill()
        running.wait(10)


@pytest.mark.slow
async def test_killed_in_the_middle_of_a_request(
    own_valkey: ValkeyServer, office: Office, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL: the next notifier sends it under the same id, and what was delivered not again. SIGTERM: exit 0."""
    monkeypatch.setenv("ROUTER_REDIS_URL", own_valkey.url)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    office.configure(to_hooks(crm=receiver.url))
    await _publish(note(name="first"))

    with process(tmp_path, "one", dict(os.environ)) as (running, lines):
        await until(lambda: receiver.ids == ["first"], within=40.0)
        await _gone(own_valkey.url, office.workspace)
        receiver.takes = 60.0
        await _publish(note(name="second"))
        await until(lambda: receiver.ids == ["first", "second"], within=20.0)
        running.send_signal(signal.SIGKILL)
        running.wait(10)
        assert "Traceback" not in lines.read_text()

    receiver.takes = 0.0
    with process(tmp_path, "two", dict(os.environ)) as (running, lines):
        await until(lambda: len(receiver.ids) == 3, within=40.0)
        await _gone(own_valkey.url, office.workspace)
        running.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(running.wait, 20) == 0
        assert "notifier.stopped" in lines.read_text()

    assert receiver.ids == ["first", "second", "second"]


async def _publish(*records: object) -> None:
    from router.bootstrap import log_of  # noqa: PLC0415 - opens what the environment names
    from router.settings import load_settings  # noqa: PLC0415 - as above

    async with log_of(load_settings()) as log:
        await log.publisher.publish(records)  # type: ignore[arg-type]  # records of `note`


async def _gone(url: str, workspace: str) -> None:
    client = Redis.from_url(url)
    async with asyncio.timeout(15):
        while await client.zcard(f"{{{workspace}}}:notify:until:crm"):  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.02)
    await client.aclose()
