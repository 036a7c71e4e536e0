"""The configuration of the large tests: thirty reps, three pools, one SLA target whose length the test chooses."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.scenario_companies import Company

REPS = tuple(f"rep-{number:02}" for number in range(1, 31))


def write_policy(
    directory: Path,
    companies: Iterable[Company],
    *,
    first_touch: timedelta = timedelta(seconds=60),
    accept_within: timedelta = timedelta(seconds=5),
) -> Path:
    """
    Write a configuration without calendars into *directory*, in the files of the contract, and return it.

    Sales gets what asks for a demo or a price at a company of fifty and more. `enterprise` has to
    be accepted in *accept_within*, the other routes assign directly.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in _files(_duration(first_touch), _duration(accept_within)).items():
        (directory / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    with (directory / "companies.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("domain", "name", "employees", "industry", "country"))
        writer.writerows((each.domain, each.name, each.employees, each.industry, each.country) for each in companies)
    return directory


def _duration(length: timedelta) -> str:
    return f"{length // timedelta(milliseconds=1)}ms"


def _files(first_touch: str, accept_within: str) -> Mapping[str, Mapping[str, Any]]:
    return {
        "forms.yaml": {
            "forms": {
                "demo-request": {"action": "demo_request", "intent": "high"},
                "pricing": {"action": "pricing_inquiry", "intent": "high"},
                "ebook": {"action": "content_download", "intent": "low"},
            }
        },
        "fit.yaml": {
            "fit": {
                "icp_at": 50,
                "rules": [
                    {"name": "size", "when": "company.employees >= 50", "points": 50},
                    {"name": "large", "when": "company.employees >= 1000", "points": 20},
                    {"name": "home", "when": 'company.country in ["US", "GB"]', "points": 10},
                    {"name": "students", "when": 'lead.email_domain.endsWith(".edu")', "points": -100},
                ],
                "segments": [
                    {"name": "enterprise", "when": "company.employees >= 1000"},
                    {"name": "mid-market", "when": "true"},
                ],
            }
        },
        "stages.yaml": {
            "stages": [
                {
                    "stage": "sql",
                    "when": 'fit.icp && form.action == "demo_request" && lead.seniority_rank >= 4',
                    "reason": "a decision maker asks for a demo",
                },
                {"stage": "iql", "when": 'fit.icp && form.intent == "high"', "reason": "fits, and says what they want"},
                {"stage": "mql", "when": "fit.icp", "reason": "fits"},
            ],
            "tags": [{"tag": "pricing", "when": 'form.action == "pricing_inquiry"'}],
        },
        "people.yaml": {"reps": [_rep(place) for place in range(len(REPS))], "managers": _MANAGERS},
        "routes.yaml": {"pools": _POOLS, "routes": _routes(accept_within)},
        "sla.yaml": {
            "sla": {
                "hot": {
                    "first_touch": first_touch,
                    "clock": "elapsed",
                    "warn_at": [0.5, 0.8],
                    "on_breach": ["notify_manager", "reassign"],
                }
            },
            "limits": {"max_attempts": 5, "misses_before_away": 2, "retry_after": "1s"},
        },
        "enrichment.yaml": {"enrichment": {"budget": "300ms", "dataset": "companies.csv"}},
    }


_MANAGERS = [
    {"id": "mia", "name": "Mia", "email": "mia@sales.example"},
    {"id": "tom", "name": "Tom", "email": "tom@sales.example"},
]

_POOLS = {
    "enterprise": {"members": 'rep.team == "enterprise"', "strategy": "least_loaded"},
    "growth": {"members": 'rep.team == "growth"', "strategy": "weighted_round_robin"},
    "everyone": {"members": "true", "strategy": "least_loaded"},
}


def _rep(place: int) -> Mapping[str, Any]:
    """Return the rep at *place*: twelve for enterprise, eighteen for growth; capacities 2 to 5, weights 1 to 3."""
    return {
        "id": REPS[place],
        "name": f"Rep {place + 1}",
        "email": f"{REPS[place]}@sales.example",
        "capacity": 2 + place % 4,
        "weight": 1 + place % 3,
        "manager": _MANAGERS[place % 2]["id"],
        "attributes": {"team": "enterprise" if place < 12 else "growth"},
    }


def _routes(accept_within: str) -> list[Mapping[str, Any]]:
    return [
        {
            "name": "enterprise",
            "when": 'stage in ["sql", "iql"] && fit.segment == "enterprise"',
            "priority": 20,
            "sla": "hot",
            "escalate_to": "mia",
            "sticky": ["owner", "account"],
            "steps": [
                {"pool": "enterprise", "accept_within": accept_within},
                {"pool": "everyone", "accept_within": accept_within},
            ],
        },
        {
            "name": "growth",
            "when": 'stage in ["sql", "iql"]',
            "priority": 10,
            "sla": "hot",
            "escalate_to": "tom",
            "steps": [{"pool": "growth"}, {"pool": "everyone"}],
        },
        {"name": "readers", "when": 'stage == "mql"', "to": "nurture"},
    ]
