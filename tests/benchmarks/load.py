"""
What is measured: one policy, thirty reps, and submissions that all go to sales. The same in every run.

People and companies are invented; every person writes once.
"""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from router.events.base import rfc3339
from router.ports import Outgoing

POLICY = Path(__file__).with_name("policy")
REPS = 30
COMPANIES = 2_000
ROOM = 100_000  # a capacity that is never reached
FIRST = ("Ada", "Bea", "Carl", "Dana", "Eli", "Fay", "Gus", "Hana", "Ivo", "June", "Kofi", "Lena", "Mo", "Nia", "Otto")
LAST = ("Adler", "Bianchi", "Castro", "Dahl", "Ekman", "Fofana", "Garcia", "Hughes", "Ito", "Jensen", "Kaya", "Lindt")
TITLES = ("CEO", "VP Sales", "Director of IT", "Head of Marketing", "Operations Manager", "Senior Engineer", "Buyer")
INDUSTRIES = ("software", "healthcare", "logistics", "manufacturing")
COUNTRIES = ("US", "CA", "GB", "DE", "FR")
MESSAGE = "We compare three suppliers this month and would like to see how yours works with our own systems. "


def write_policy(folder: Path, capacity: int) -> Path:
    """Write the configuration with reps of that capacity into *folder* and return it."""
    shutil.copytree(POLICY, folder)
    managers = [{"id": "mia", "name": "Mia", "email": "mia@sales.example"}]
    people = {"reps": [_rep(number, capacity) for number in range(REPS)], "managers": managers}
    (folder / "people.yaml").write_text(json.dumps(people), encoding="utf-8")  # JSON is YAML
    draw = _draw("companies")
    with (folder / "companies.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("domain", "name", "employees", "industry", "country"))
        for number in range(COMPANIES):
            size = draw.choice((240, 480, 900, 1_500, 6_000))
            rows.writerow((_domain(number), f"Company {number}", size, draw.choice(INDUSTRIES), draw.choice(COUNTRIES)))
    return folder


def presences() -> Sequence[Outgoing]:
    """Return one presence a rep: available until told otherwise."""
    now = rfc3339(datetime.now(UTC))
    return [
        Outgoing(
            "rep-presence",
            rep_id.encode(),
            orjson.dumps({"rep_id": rep_id, "status": "available", "at": now, "ttl_seconds": 0}),
        )
        for rep_id in map(_rep_id, range(REPS))
    ]


def submissions(count: int, name: str = "s") -> Iterator[Outgoing]:
    """Yield *count* submissions made now; *name* keeps those of two loads apart."""
    draw = _draw(name)
    for number in range(count):
        first, last, company = draw.choice(FIRST), draw.choice(LAST), draw.randrange(COMPANIES)
        submission_id = f"{name}-{number}"
        data = {
            "submission_id": submission_id,
            "submitted_at": rfc3339(datetime.now(UTC)),
            "form": draw.choice(("demo-request", "pricing")),
            "email": f"{first}.{last}.{number}@{_domain(company)}".lower(),
            "phone": f"+1 212 555 {number % 10_000:04}",
            "first_name": first,
            "last_name": last,
            "company": f"Company {company}",
            "job_title": draw.choice(TITLES),
            "country": draw.choice(COUNTRIES),
            "language": draw.choice(("en", "de", "fr")),
            "message": MESSAGE * draw.randrange(1, 3),
            "page_url": "https://www.vendor.example/demo",
            "utm": {"source": "search", "medium": draw.choice(("cpc", "organic")), "campaign": "spring"},
            "consent": {"newsletter": True},
            "fields": {"budget": "open", "seats": draw.randrange(10, 900)},
        }
        yield Outgoing("form-submissions", submission_id.encode(), orjson.dumps(data))


def _rep(number: int, capacity: int) -> dict[str, object]:
    """Twelve reps speak for enterprise, eighteen for growth; every second one speaks one language more."""
    return {
        "id": _rep_id(number),
        "name": f"Rep {number}",
        "email": f"{_rep_id(number)}@sales.example",
        "capacity": capacity,
        "weight": 1 + number % 3,
        "calendar": "always",
        "manager": "mia",
        "attributes": {
            "team": "enterprise" if number < REPS * 2 // 5 else "growth",
            "languages": ["en", "de", "fr"] if number % 2 else ["en", "de"],
        },
    }


def _rep_id(number: int) -> str:
    return f"rep-{number:02}"


def _domain(number: int) -> str:
    return f"company-{number}.example"


def _draw(name: str) -> random.Random:
    return random.Random(name)  # noqa: S311 - the same load each time, no secret
