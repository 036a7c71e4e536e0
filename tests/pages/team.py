"""A small team: two reps who always work, one manager, five minutes to call."""

from __future__ import annotations

from pathlib import Path

TEAM = """
forms:
  demo-request: {action: demo_request, intent: high}
  newsletter: {action: newsletter_signup, intent: none}
fit:
  icp_at: 60
  rules:
    - {name: anybody, when: 'true', points: 70}
stages:
  - {stage: sql, when: 'form.action == "demo_request"', reason: asks for a person}
reps:
  - {id: ana, name: Ana Prado, email: ana@sales.example, capacity: 3, manager: mia}
  - {id: ben, name: Ben Okafor, email: ben@sales.example, capacity: 3, manager: mia}
managers:
  - {id: mia, name: Mia Chen, email: mia@sales.example}
pools:
  everyone: {members: 'true', strategy: in_order}
routes:
  - name: hot
    when: 'stage == "sql"'
    priority: 10
    sla: hot
    steps:
      - {pool: everyone, accept_within: 3m}
sla:
  hot: {first_touch: 5m, clock: elapsed, warn_at: [0.5, 0.8], on_breach: [notify_manager]}
limits: {max_attempts: 5, misses_before_away: 2, max_age: 7d, retry_after: 30s}
"""


def write_team(folder: Path, more: str = "") -> Path:
    """Write the configuration under *folder*, with *more* sections, and return where it is."""
    config = folder / "team"
    config.mkdir(parents=True, exist_ok=True)
    (config / "team.yaml").write_text(TEAM + more, encoding="utf-8")
    return config
