"""
How long `router rebuild` takes: a log of so many events on a real Kafka, an empty Redis, and the command's own time.

The events are those of a router that has worked for some days: every lead is decided, most are assigned, accepted,
called and over, the last ones are open; reps beat, leads behave. They carry the data that real ones do, in the size of
real ones. Only their times are made up. All are written within minutes, so no instant spares the command a record.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # the package ships no types

from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.producer import KafkaPublisher
from router.domain.company import CompanyFacts
from router.domain.decision import Decision, decide, decision_id, wire
from router.domain.identity import identify
from router.domain.policy import Policy
from router.events.base import from_millis, rfc3339, to_millis
from router.events.envelope import decode_value
from router.events.submission import FormSubmitted
from router.pipeline import verbs
from router.pipeline.read_back import INPUTS
from router.pipeline.render import render
from router.policy.load import load_policy
from router.ports import Applied, Outgoing
from router.settings import identity_key, load_settings
from tests.benchmarks.load import REPS, presences, submissions, write_policy
from tests.benchmarks.place import SECRET, Place, Servers, new_place

EVENTS = 1_000_000
A_LEAD = 11  # events, nearly
DAYS = timedelta(days=6)
OPEN = 50  # of the last leads: one in so many stays open
BEATS = 1  # of a lead
AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Timed:
    """What the command said of itself, and what its process took."""

    events: int
    open_leads: int
    leads: int
    read_seconds: float
    seconds: float
    with_start: float
    cpu_seconds: float
    most_memory_mib: int


@dataclass(slots=True)
class Past:
    """The history of one router, lead after lead."""

    policy: Policy
    key: bytes
    workspace: str
    until: datetime
    sequence: int = 0
    written: int = 0
    open_leads: int = 0
    leads: int = 0

    def events(self, count: int) -> Iterator[Outgoing]:
        """Yield about *count* events, in the order in which they happened."""
        yield from presences()
        leads = count // A_LEAD
        kept: dict[int, Decision] = {}
        for number, record in enumerate(submissions(leads)):
            sent = self.until - DAYS + number * DAYS / leads
            yield from self._lead(
                number, orjson.loads(record.value or b""), sent, kept, stays=number >= leads - leads // OPEN
            )

    def _lead(
        self, number: int, form: dict[str, Any], sent: datetime, kept: dict[int, Decision], *, stays: bool
    ) -> Iterator[Outgoing]:
        form["submitted_at"] = rfc3339(sent)
        submitted = decode_value("form-submissions", orjson.dumps(form), {}).data
        assert isinstance(submitted, FormSubmitted)
        who = identify(submitted.email, submitted.phone, submitted.country, self.key)
        assert who is not None
        like = kept.get(number % 200)
        if like is None:  # a decision takes longer than all else of a lead: those alike are made of one
            company = CompanyFacts("matched", "companies.csv", {"employees": 900, "name": "Company", "country": "US"})
            like = kept[number % 200] = decide(submitted, who, company, 0.0, self.policy, received_at=sent, now=sent)
        yield Outgoing("form-submissions", submitted.submission_id.encode(), orjson.dumps(form))
        at, rep = form["submitted_at"], f"rep-{number % REPS:02}"
        behaved = {"activity_id": f"b-{number}", "at": at, "kind": "page_view", "email": form["email"]}
        yield Outgoing("lead-activities", None, orjson.dumps(behaved))
        beat = {"rep_id": rep, "status": "available", "at": at, "heartbeat": True, "ttl_seconds": 0}
        yield Outgoing("rep-presence", rep.encode(), orjson.dumps(beat))
        yield from self._story(submitted, who.lead_id, like, to_millis(sent), number, stays=stays)

    def _story(
        self, form: FormSubmitted, lead_id: str, like: Decision, at: int, number: int, *, stays: bool
    ) -> Iterator[Outgoing]:
        rep, sub = f"rep-{number % REPS:02}", form.submission_id
        told = wire(like) | {
            "decision_id": decision_id(sub), "submission_id": sub, "lead_id": lead_id, "submitted_at": from_millis(at),
            "received_at": from_millis(at + 5), "decided_at": from_millis(at + 10),
            "touch_by": from_millis(at + 1_800_000), "to": "sales",
        }  # fmt: skip
        card = orjson.dumps(verbs.card(like, form)).decode()
        self.leads += 1
        self.open_leads += stays
        who = {"lead": lead_id, "sub": sub, "attempt": 1, "rep": rep, "submitted": at}
        common = who | {
            "route": like.route.name if like.route else None, "step": 1, "pool": "enterprise",
            "touch_by": at + 1_800_000, "policy": self.policy.version,
        }  # fmt: skip
        clock = who | {
            "target": "hot", "first_touch": 1_800_000, "due": at + 1_800_000, "received": at + 5, "decided": at + 10,
            "queue": 2, "accept": 9_000,
        }  # fmt: skip
        candidates = [(rep, "eligible"), *((f"rep-{other:02}", "at_capacity") for other in range(19))]
        offer = {"accept_by": at + 600_012, "cands": candidates, "considered": 30, "seq": self._next()}
        first = [
            {"t": "decided", "lead": lead_id, "sub": sub, "to": "sales", "at": at + 12},
            {"t": "assigned", "at": at + 12, **common, **offer},
            {
                "t": "notify",
                "kind": "assigned",
                "role": "rep",
                "to": rep,
                "at": at + 12,
                "about": "",
                "card": card,
                **who,
            },
        ]
        yield from self._render(first, orjson.dumps(told))
        if stays:
            return
        answer = {"action_id": f"a-{number}", "lead_id": lead_id, "rep_id": rep, "action": "accept", "attempt": 1}
        yield Outgoing("rep-actions", None, orjson.dumps(answer | {"at": from_millis(at + 9_000)}))
        accepted = {"t": "accepted", "at": at + 9_012, **common, "acted": at + 9_000, "seq": self._next()}
        yield from self._render([accepted])
        if number % 3 == 0:
            yield from self._render(
                [{"t": "warned", "at": at + 900_000, "end": at + 900_000, "threshold": 0.5, **clock}]
            )
        call = answer | {"action_id": f"t-{number}", "action": "touch", "at": from_millis(at + 1_000_000)}
        yield Outgoing("rep-actions", None, orjson.dumps(call))
        touched = {"t": "touched", "at": at + 1_000_010, **common, "acted": at + 1_000_000, "seq": self._next()}
        yield from self._render([touched, {"t": "met", "at": at + 1_000_010, "end": at + 1_000_000, **clock}])

    def _next(self) -> int:
        self.sequence += 1
        return self.sequence

    def _render(self, facts: Sequence[Mapping[str, Any]], decision: bytes = b"") -> list[Outgoing]:
        return render(Applied("done", orjson.dumps(facts), decision), self.workspace)


async def filled(servers: Servers, count: int) -> tuple[Place, Past, Mapping[str, str]]:
    """Make topics with about *count* events on them; return what they tell, and the settings to rebuild by."""
    place = await new_place(servers)
    environment = {
        "ROUTER_KAFKA": servers.kafka,
        "ROUTER_REDIS_URL": servers.redis,
        "ROUTER_CONFIG": str(write_policy(servers.folder / f"{place.prefix}config", 100_000)),
        "ROUTER_SECRET": SECRET,
        "ROUTER_TOPIC_PREFIX": place.prefix,
        "ROUTER_WORKSPACE": place.prefix.strip("-"),
    }
    os.environ |= environment
    policy = load_policy(servers.folder / f"{place.prefix}config").policy
    past = Past(policy, identity_key(load_settings()), place.prefix.strip("-"), datetime.now().astimezone())
    publisher = KafkaPublisher(KafkaConnection(servers.kafka), place.prefix)
    batch: list[Outgoing] = []
    for record in past.events(count):
        batch.append(record)
        past.written += 1
        if len(batch) >= AT_ONCE:
            await publisher.publish(batch)
            batch.clear()
    await publisher.publish(batch)
    await publisher.aclose()
    await _consumed(place, f"router-{past.workspace}")
    return place, past, environment


async def _consumed(place: Place, group: str) -> None:
    """Let it look as if the workers had consumed everything."""
    consumer = AIOKafkaConsumer(bootstrap_servers=place.servers.kafka, group_id=group, enable_auto_commit=False)
    parts = range(place.partitions)
    await consumer.start()
    try:
        partitions = [TopicPartition(place.prefix + topic, part) for topic in INPUTS for part in parts]
        consumer.assign(partitions)
        await consumer.commit(await consumer.end_offsets(partitions))
    finally:
        await consumer.stop()


def timed(environment: Mapping[str, str]) -> Timed:
    """Run the command as a user would and return what it took."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "router.cli", "rebuild", "--json"]
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=True)
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    said = orjson.loads(done.stdout)
    return Timed(
        events=said["events"],
        open_leads=said["leads_open"],
        leads=said["leads_over"] + said["leads_open"],
        read_seconds=said["read_seconds"],
        seconds=said["seconds"],
        with_start=round(took, 1),
        cpu_seconds=round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        most_memory_mib=after.ru_maxrss // 1024,
    )


def run(servers: Servers, count: int = EVENTS) -> Timed:
    """Fill a log and time the command; what it restores must be what was written."""
    _, past, environment = asyncio.run(filled(servers, count))
    print(f"{past.written:,} events written, {past.open_leads:,} leads open", file=sys.stderr, flush=True)
    found = timed(environment)
    assert (found.events, found.open_leads, found.leads) == (past.written, past.open_leads, past.leads)
    return found


def tell(found: Timed, *, as_json: bool) -> None:
    """Print it."""
    if as_json:
        print(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2).decode())
        return
    speed = found.events / found.seconds
    print(f"{found.events:,} events, {found.leads:,} leads of which {found.open_leads:,} open")
    print(f"read in {found.read_seconds:.1f} s, all in {found.seconds:.1f} s: {speed:,.0f} events/s")
    print(f"the command: {found.with_start:.1f} s, {found.cpu_seconds:.1f} s of a core, {found.most_memory_mib} MiB")
