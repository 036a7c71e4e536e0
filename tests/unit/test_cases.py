"""The examples beside a configuration: what they compare, and how a failing one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.entrypoints.check import Report, check
from tests.unit.policy_text import MINIMAL, write

GOOD = """\
- name: a director asks for a demo
  submission: {form: demo, email: dana@acme.example, job_title: Director}
  company: {employees: 1200}
  at: "2026-03-02T15:00:00Z"
  expect: {stage: sql, route: hot, to: sales, touch_by: "2026-03-02T16:05:00+01:00", fit: {icp: true}, tags: []}
"""


def checked(folder: Path, cases: str) -> Report:
    """Check the small configuration with *cases*."""
    write(folder)
    (folder / "cases").mkdir()
    (folder / "cases" / "all.yaml").write_text(cases, encoding="utf-8")
    return check(folder)


def lines(report: Report) -> str:
    """Return all that the report complains of."""
    told = [*map(str, report.errors), *(line for case in report.cases for line in case.lines())]
    return "\n".join(told)


def test_a_case_that_comes_out_as_expected_passes(tmp_path: Path) -> None:
    """Fields, parts of fields and instants in another offset are compared."""
    report = checked(tmp_path, GOOD)
    assert lines(report) == ""
    assert report.ok


@pytest.mark.parametrize("turned", [False, True])
def test_an_activity_of_a_case_counts_as_a_worker_counts_it(tmp_path: Path, turned: bool) -> None:
    """Once by its id, and as the person's where it is told of the company, too."""
    told = [
        "{activity_id: v1, at: '2026-03-02T15:00:00Z', kind: webinar, email: dana@acme.example}",
        "{activity_id: v1, at: '2026-03-02T15:00:00Z', kind: page_view, domain: acme.example}",
        "{activity_id: v2, at: '2026-03-02T15:00:00Z', kind: page_view, domain: acme.example}",
    ]
    activities = ", ".join(reversed(told) if turned else told)
    case = GOOD.replace("expect: {", "expect: {engagement: {score: 31}, ")
    report = checked(tmp_path, case.replace("  expect:", f"  activity: [{activities}]\n  expect:"))
    assert lines(report) == ""
    assert report.ok


def test_a_failing_case_names_case_field_expected_and_actual(tmp_path: Path) -> None:
    """Every field of `expect` is compared, and each difference told with its place."""
    report = checked(tmp_path, GOOD.replace("stage: sql", "stage: mql").replace("icp: true", "icp: false"))
    assert not report.ok
    told = lines(report)
    assert "all.yaml:1: case 'a director asks for a demo': stage: expected mql, actual sql" in told
    assert "fit.icp: expected False, actual True" in told


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("stage: sql", "stge: sql", "a decision has no field 'stge'"),
        ("  expect:", "  exspect:", "unknown key 'exspect'"),
        ("employees: 1200", "emploees: 1200", "company has no attribute 'emploees'"),
        ("2026-03-02T15:00:00Z", "2026-03-02", "is no time"),
        ("email: dana@acme.example", "email: dana", "neither email nor phone identifies anybody"),
        ("form: demo, ", "", "form"),
        ("- name", "name", "cases are a list"),
        ("company: {employees: 1200}", "company: 5", "must hold keys and values"),
    ],
)
def test_a_case_that_cannot_be_run_is_an_error(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A misspelt case never passes by comparing nothing."""
    cases = "".join(line[2:] + "\n" for line in GOOD.splitlines()) if new == "name" else GOOD.replace(old, new, 1)
    report = checked(tmp_path, cases)
    assert not report.ok
    assert message in lines(report)


def test_a_field_that_a_submission_does_not_have_is_a_warning(tmp_path: Path) -> None:
    """Events may carry anything; in a case a misspelt field is told."""
    report = checked(tmp_path, GOOD.replace("form: demo,", "form: demo, jobtitle: x,"))
    assert any("'jobtitle'" in str(one) and "job_title" in str(one) for one in report.warnings)


def test_names_of_cases_are_unique(tmp_path: Path) -> None:
    """A copied case must be given a name of its own."""
    assert "stands in" in lines(checked(tmp_path, GOOD + GOOD))


def test_without_company_the_dataset_is_asked(tmp_path: Path) -> None:
    """A case without `company` looks its company up; `known: false` is a miss."""
    write(
        tmp_path,
        MINIMAL + "enrichment: {dataset: companies.csv}\n",
        companies_csv="domain,employees\nacme.example,900\n",
    )
    (tmp_path / "cases").mkdir()
    text = GOOD.replace("  company: {employees: 1200}\n", "")
    missed = GOOD.replace("a director", "unknown").replace("employees: 1200", "known: false").split("expect:")[0]
    (tmp_path / "cases" / "all.yaml").write_text(
        text + missed + "expect: {stage: lead, enrichment: {status: missed}}\n"
    )
    assert lines(check(tmp_path)) == ""


def test_the_shipped_configuration_checks_without_a_warning() -> None:
    """What the router ships has at least 25 cases, all of which pass."""
    report = check(Path("config"))
    assert lines(report) == ""
    assert report.warnings == ()
    assert len(report.cases) >= 25


def test_every_route_and_every_stage_shipped_has_a_case() -> None:
    """A change of the shipped policy without a case is incomplete."""
    import yaml  # noqa: PLC0415 - only here

    expected = [
        case["expect"] for path in Path("config/cases").glob("*.yaml") for case in yaml.safe_load(path.read_text())
    ]
    policy = check(Path("config")).policy
    assert policy is not None
    assert {route.name for route in policy.routes} <= {one.get("route") for one in expected}
    assert {"rejected", "lead", "mql", "iql", "sql"} <= {one.get("stage") for one in expected}
