"""A small configuration that checks, and ways to break it: for the tests of the policy reader."""

from __future__ import annotations

from pathlib import Path

from router.policy import Loaded, PolicyInvalid, Problem, load_policy

MINIMAL = """\
forms:
  demo: {action: demo_request, intent: high}
  trial: {action: free_trial, intent: high, when: 'fit.icp'}
  ebook: {action: content_download, intent: low}
fit:
  icp_at: 60
  rules:
    - {name: size, when: 'company.employees >= 50', points: 70}
    - {name: students, when: 'lead.email_domain.endsWith(".edu")', points: -100}
  segments:
    - {name: enterprise, when: 'company.employees >= 1000'}
    - {name: small, when: 'true'}
engagement:
  half_life: 14d
  mql_at: 50
  points: {page_view: 1, webinar: 30}
stages:
  - {stage: rejected, when: 'lead.disposable_email', reason: a disposable address}
  - {stage: sql, when: 'fit.icp && form.action == "demo_request" && lead.seniority_rank >= 4'}
  - {stage: iql, when: 'fit.icp && form.intent == "high"'}
  - {stage: mql, when: 'fit.icp && engagement.score >= 50'}
tags:
  - {tag: big, when: 'company.employees >= 5000'}
calendars:
  office: {timezone: Europe/Oslo, hours: {mon-fri: ["09:00-17:00"]}, holidays: {country: NO}}
reps:
  - {id: ana, name: Ana, email: ana@sales.example, calendar: office, manager: mia, attributes: {languages: [en, 'no']}}
  - {id: ben, name: Ben, email: ben@sales.example, capacity: 1, weight: 2, attributes: {languages: [en]}}
managers:
  - {id: mia, name: Mia, email: mia@sales.example}
pools:
  all: {members: 'true', strategy: least_loaded}
  bens: {members: 'rep.id == "ben"', strategy: in_order}
routes:
  - name: hot
    when: 'stage in ["iql", "sql"]'
    priority: 10
    sla: fast
    escalate_to: mia
    sticky: [owner]
    steps:
      - {pool: all, match: 'lead.language in rep.languages', accept_within: 60s, widen_after: 90s}
      - {pool: bens}
  - {name: rest, when: 'stage == "mql"', to: nurture}
sla:
  fast: {first_touch: 5m, warn_at: [0.5, 0.8], on_breach: [notify_manager]}
  office-hours: {first_touch: 8h, clock: working, calendar: office}
limits: {max_age: 7d}
"""


def write(folder: Path, text: str = MINIMAL, **files: str) -> Path:
    """Write *text* and further *files* (`companies_csv` is companies.csv) as a configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.yaml").write_text(text, encoding="utf-8")
    for name, content in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(content, encoding="utf-8")
    return folder


def load(folder: Path, text: str = MINIMAL, **files: str) -> Loaded:
    """Write a configuration and load it."""
    return load_policy(write(folder, text, **files))


def change(old: str, new: str, text: str = MINIMAL) -> str:
    """Return *text* with one thing changed, which must be there."""
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def problems(folder: Path, text: str, **files: str) -> tuple[Problem, ...]:
    """Return what is wrong with a configuration; nothing where it checks."""
    try:
        load(folder, text, **files)
    except PolicyInvalid as exc:
        return exc.problems
    return ()


def line_of(needle: str, text: str) -> int:
    """Return the line, from 1, in which *needle* first stands."""
    return text[: text.index(needle)].count("\n") + 1
