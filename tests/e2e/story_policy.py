"""The configuration of the tests that follow single leads: each has a form, a route and reps of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ACCEPT_WITHIN, WIDEN_AFTER, FIRST_TOUCH, LONG = 4.0, 2.0, 4.0, 60.0
"""Seconds. Whoever is to act in time has half of each, on a busy machine too."""

MANAGER_OF = {
    "ana": "mia",
    "ben": "mia",
    "cleo": "mia",
    "eve": "mia",
    "bob": "tom",
    "bea": "tom",
    "gil": "tom",
    "gus": "tom",
}
REPS = tuple(MANAGER_OF)
"""Who is there; `dan` stands in the configuration and is not active."""

POOLS = {"first": ["ana", "ben"], "second": ["cleo"], "pair": ["bob", "bea"], "one": ["gil"], "other": ["gus"]}


def write(directory: Path) -> Path:
    """Write it into *directory* and return that."""
    directory.mkdir(parents=True)
    for name, content in _files().items():
        (directory / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return directory


def _files() -> Mapping[str, Mapping[str, Any]]:
    steps: dict[str, list[dict[str, Any]]] = {
        "offered": [
            {"pool": "first", "accept_within": _span(ACCEPT_WITHIN), "widen_after": _span(LONG)},
            {"pool": "second", "accept_within": _span(ACCEPT_WITHIN)},
        ],
        "late": [{"pool": "pair"}],
        "full": [{"pool": "one"}],
        "widened": [{"pool": "one", "widen_after": _span(WIDEN_AFTER)}, {"pool": "other"}],
        "unheard": [{"pool": "nobody"}],
        **{f"for-{rep}": [{"pool": f"only-{rep}"}] for rep in REPS},
    }
    targets = {"offered": "long", "late": "short", "widened": "long", "unheard": "short"}
    members = {pool: f"rep.id in {_list(reps)}" for pool, reps in POOLS.items()}
    members |= {"nobody": 'rep.id == "dan"'} | {f"only-{rep}": f'rep.id == "{rep}"' for rep in REPS}
    return {
        "leads": {
            "forms": {form: {"action": "demo_request", "intent": "high"} for form in steps},
            "fit": {"icp_at": 50, "rules": [{"name": "anybody", "when": "true", "points": 60}]},
            "stages": [{"stage": "iql", "when": 'form.intent == "high"'}],
        },
        "people": {
            "reps": [*(_rep(rep) for rep in REPS), {**_rep("dan"), "active": False}],
            "managers": [{"id": name, "name": name, "email": f"{name}@sales.example"} for name in ("mia", "tom")],
            "pools": {pool: {"members": who, "strategy": "in_order"} for pool, who in members.items()},
        },
        "routes": {
            "routes": [
                {
                    "name": form,
                    "when": f'form.key == "{form}"',
                    "escalate_to": "mia",
                    "steps": each,
                    **({"sla": targets[form]} if form in targets else {}),
                }
                for form, each in steps.items()
            ]
        },
        "sla": {
            "sla": {
                "long": {"first_touch": _span(LONG), "warn_at": [0.5]},
                "short": {
                    "first_touch": _span(FIRST_TOUCH),
                    "warn_at": [0.5],
                    "on_breach": ["notify_manager", "reassign"],
                },
            },
            "limits": {"max_attempts": 5, "misses_before_away": 3, "retry_after": "1s"},
        },
    }


def _rep(rep: str) -> Mapping[str, Any]:
    manager = MANAGER_OF.get(rep, "mia")
    return {"id": rep, "name": rep, "email": f"{rep}@sales.example", "capacity": 1, "manager": manager}


def _span(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _list(names: Sequence[str]) -> str:
    return json.dumps(list(names))  # CEL writes lists of strings alike
