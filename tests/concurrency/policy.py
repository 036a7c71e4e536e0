"""
The policies that eight workers quarrel under: thirty-two reps, four pools, one of each strategy, short durations.

There are three, alike but for who is in them and how much each may hold; they follow one another while the
workers play.
"""

from __future__ import annotations

import json
from pathlib import Path

from router.domain.policy import Policy
from router.policy import load_policy
from tests.concurrency.deck import LANGUAGES, MAX_ATTEMPTS, REGIONS, REPS

RETRY_AFTER = 300

RULES = """\
forms:
  hot: {action: demo_request, intent: high}
  warm: {action: pricing_inquiry, intent: high}
  narrow: {action: trial, intent: high}
  plain: {action: contact, intent: low}
  paper: {action: content_download, intent: low}
fit:
  icp_at: 10
  rules: [{name: anybody, when: 'true', points: 50}]
stages:
  - {stage: iql, when: 'form.intent == "high"', reason: asks for a person}
pools:
  inner: {members: 'rep.team == "inner"', strategy: least_loaded}
  outer: {members: 'rep.team == "outer"', strategy: weighted_round_robin}
  desk: {members: 'rep.desk', strategy: in_order}
  everyone: {members: 'true', strategy: longest_idle}
routes:
  - name: hot
    when: 'form.key == "hot"'
    priority: 20
    sla: fast
    steps:
      - {pool: inner, match: 'lead.language in rep.languages', accept_within: 150ms, widen_after: 400ms}
      - {pool: outer, accept_within: 300ms, widen_after: 900ms}
      - {pool: everyone}
  - name: warm
    when: 'form.key == "warm"'
    priority: 10
    sla: slow
    steps:
      - {pool: outer, accept_within: 100ms}
      - {pool: everyone, match: 'lead.region in rep.regions', accept_within: 200ms}
  - name: narrow
    when: 'form.key == "narrow"'
    priority: 10
    sla: middle
    steps:
      - {pool: desk, accept_within: 50ms, widen_after: 300ms}
      - {pool: inner, match: 'lead.language in rep.languages && lead.region in rep.regions', accept_within: 250ms}
  - name: plain
    when: 'form.key == "plain"'
    steps:
      - {pool: everyone, match: 'lead.region in rep.regions'}
  - {name: paper, when: 'form.key == "paper"', to: nurture}
sla:
  fast: {first_touch: 600ms, warn_at: [0.5, 0.8], on_breach: [notify_manager, reassign]}
  middle: {first_touch: 1500ms, warn_at: [0.3], on_breach: [reassign_always]}
  slow: {first_touch: 4s, warn_at: [0.5], on_breach: [notify_manager]}
"""
LIMITS = f"{{max_attempts: {MAX_ATTEMPTS}, misses_before_away: 2, daily_per_rep: 100000, retry_after: {RETRY_AFTER}ms}}"


def policies(folder: Path) -> tuple[Policy, ...]:
    """Return the three policies, written into *folder* first: one to begin with, a wider and a narrower one."""
    usual = [_rep(number, capacity=1 + number % 3) for number in range(len(REPS))]
    wider = [_rep(number, capacity=2 + number % 4, active=number != 5) for number in range(len(REPS))]
    narrower = [_rep(number, capacity=number % 3) for number in range(len(REPS)) if number not in (7, 20)]
    return tuple(_policy(folder / str(index), reps) for index, reps in enumerate((usual, wider, narrower)))


def _rep(number: int, *, capacity: int, active: bool = True) -> dict[str, object]:
    return {
        "id": REPS[number],
        "name": f"Rep {number}",
        "email": f"{REPS[number]}@sales.example",
        "active": active,
        "capacity": capacity,
        "weight": 1 + (number + capacity) % 3,
        "manager": "mia",
        "attributes": {
            "team": "inner" if number % 2 else "outer",
            "desk": number % 8 == 0,
            "languages": [LANGUAGES[number % 3], LANGUAGES[number // 3 % 3]],
            "regions": [REGIONS[number // 2 % 3], REGIONS[number // 5 % 3]],
        },
    }


def _policy(folder: Path, reps: list[dict[str, object]]) -> Policy:
    folder.mkdir(parents=True)
    people = {"reps": reps, "managers": [{"id": "mia", "name": "Mia", "email": "mia@sales.example"}]}
    (folder / "people.yaml").write_text(json.dumps(people), encoding="utf-8")  # JSON is YAML
    (folder / "rules.yaml").write_text(RULES + f"limits: {LIMITS}\n", encoding="utf-8")
    return load_policy(folder).policy
