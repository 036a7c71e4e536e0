"""
Puts together what the players wrote down and what stands in the outbox: the calls in their order, and the topics.

The outbox is the truth; what a player was told has to be the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import redis

from router.domain.audit import Observed
from router.events.base import from_millis
from router.pipeline.render import render
from router.ports import Applied
from tests.concurrency.player import digest
from tests.concurrency.replay import Call, Said

PAGE = 2_000

Entry = tuple[bytes, bytes]
"""Facts and decision."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one player asked in one call, and what it was told."""

    verbs: Sequence[Mapping[str, Any]]
    answers: Sequence[tuple[str, str, str, str]]

    @property
    def order(self) -> tuple[int, int]:
        """Return where the call stands among all: at least one verb of each leaves an entry in the outbox."""
        first, _, second = next(entry for _, entry, *_ in self.answers if entry).partition("-")
        return int(first), int(second)


def outbox(client: redis.Redis, prefix: str) -> dict[str, Entry]:
    """Return every entry of the outbox by its id."""
    found: dict[str, Entry] = {}
    start = "-"
    while True:
        rows: Any = client.xrange(prefix + "out", min=start, count=PAGE)
        found.update((entry.decode(), (values[b"f"], values[b"d"])) for entry, values in rows)
        if len(rows) < PAGE:
            return found
        start = "(" + rows[-1][0].decode()


def told(folder: Path) -> list[Told]:
    """Return all that the players wrote down, in the order in which the ledger heard it."""
    lines = (line for path in sorted(folder.glob("*.jsonl")) for line in path.read_bytes().splitlines())
    rows = (orjson.loads(line) for line in lines)
    return sorted((Told(row["verbs"], row["told"]) for row in rows), key=lambda each: each.order)


def errors(calls: Iterable[Told]) -> list[str]:
    """Return the verbs at which the ledger itself failed."""
    return [
        f"{verb}: {message}"
        for call in calls
        for verb, (code, *_, message) in zip(call.verbs, call.answers, strict=True)
        if code == "error"
    ]


def differences(calls: Iterable[Told], entries: Mapping[str, Entry]) -> list[str]:
    """Return where players were told something else than stands in the outbox, and entries that nobody was told of."""
    seen = [(entry, answer) for call in calls for _, entry, answer, _ in call.answers if entry]
    wrong = [f"{entry}: told otherwise" for entry, answer in seen if digest(entries[entry][0]) != answer]
    counts = Counter(entry for entry, _ in seen)
    wrong += [f"{entry}: told {count} times" for entry, count in counts.items() if count > 1]
    return wrong + [f"{entry}: told nobody" for entry in entries.keys() - counts.keys()]


def calls(told: Iterable[Told], entries: Mapping[str, Entry]) -> Iterator[Call]:
    """Give the calls with the facts that stand in the outbox for them."""
    for one in told:
        said = [
            Said(verb, code, orjson.loads(entries[entry][0]) if entry else ())
            for verb, (code, entry, *_) in zip(one.verbs, one.answers, strict=True)
        ]
        yield Call(next(fact["at"] for each in said for fact in each.facts), said)


def topics(entries: Mapping[str, Entry]) -> Iterator[Observed]:
    """Render every entry of the outbox into the records that a worker would publish."""
    offset = 0
    for entry, (facts, decision) in entries.items():
        for record in render(Applied("done", facts, decision, entry.encode()), "game"):
            header = {name: value.decode() for name, value in record.headers.items()}
            data = orjson.loads(record.value or b"")
            yield Observed(record.topic, 0, offset, header["ce_type"], header["ce_id"], data)
            offset += 1


def presences(history: Iterable[Call]) -> Iterator[Observed]:
    """
    Give the presences that the players told as they would stand on their topic, taken when the ledger took them.

    A ttl stands there in whole seconds, so it is rounded up; `Replay` has it to the millisecond.
    """
    offset = 0
    for call in history:
        for said in call.said:
            verb = said.verb
            if verb["verb"] == "attend":
                data = {
                    "rep_id": verb["rep_id"],
                    "status": verb["status"],
                    "at": from_millis(verb["at"]),
                    "ttl_seconds": -(-verb["ttl"] // 1000),
                    "heartbeat": verb["heartbeat"],
                }
                yield Observed("rep-presence", 1, offset, None, None, data, written_at=instant(call.now))
                offset += 1


def instant(millis: int) -> datetime:
    """Return the instant of *millis*."""
    return datetime.fromtimestamp(millis / 1000, UTC)
