"""What ships for Prometheus and Grafana asks only for metrics that exist, and each alert has its page in the runbook."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.entrypoints.metrics.figures import Figures
from router.entrypoints.metrics.table import METRICS
from tests.docs.documents import ROOT, Document

MONITORING = ROOT / "deploy" / "monitoring"
RUNBOOK = ROOT / "docs" / "runbook.md"
COLUMNS = 24

Rule = Mapping[str, Any]
Panel = Mapping[str, Any]


def rules() -> list[Rule]:
    """Return every alert that ships."""
    document = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def panels() -> list[Panel]:
    """Return every panel of the dashboard."""
    shown: list[Panel] = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    return shown


def queries() -> Iterator[tuple[str, str]]:
    """Yield where it stands and what it asks, for each query of alerts and dashboard."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m")


def series() -> dict[str, frozenset[str]]:
    """Return the labels of each series that a process can show, by its name."""
    found = {name: frozenset[str]() for name in re.findall(r"^(process_\w+) ", Figures().text().decode(), re.MULTILINE)}
    for metric in METRICS:
        labels = frozenset(metric.labels)
        if metric.kind == "histogram":
            found |= {f"{metric.name}_bucket": labels | {"le"}, f"{metric.name}_sum": labels}
            found[f"{metric.name}_count"] = labels
        else:
            found[metric.name] = labels
    return found


@pytest.fixture
def promtool() -> str:
    """Give Prometheus' tool; skips with the reason where there is none, in CI that is a failure."""
    found = shutil.which("promtool")
    if found is None:
        reason = "promtool is not installed; Debian has it in the package prometheus"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def check(promtool: str, *arguments: str | Path) -> None:
    """Run promtool, and show what it says where it is not content."""
    done = subprocess.run([promtool, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=MONITORING)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("where", "query"), list(queries()))
def test_a_query_asks_for_what_exists(where: str, query: str) -> None:
    """Each metric is in the table, and each label that chooses among its series is one of the metric's."""
    known = series()
    names = re.findall(r"\b(?:router|process)_\w+", query)
    assert names, where
    assert set(names) <= known.keys(), where
    for name, selectors in re.findall(r"\b((?:router|process)_\w+)\{([^}]*)\}", query):
        assert set(re.findall(r"(\w+)\s*(?:=|!)", selectors)) <= known[name], where


def test_every_metric_of_the_ledger_and_of_promises_is_looked_at() -> None:
    """What nobody looks at need not be told."""
    asked = " ".join(query for _, query in queries())
    unasked = [metric.name for metric in METRICS if metric.name not in asked]
    assert unasked == ["router_dependency_down_seconds_total"]  # for reports on availability


def test_prometheus_takes_the_alerts(promtool: str) -> None:
    """As `rule_files` of its configuration."""
    check(promtool, "check", "rules", "alerts.yaml")


def test_alerts_fire_when_they_should_and_only_then(promtool: str) -> None:
    """For each there is a case in which it fires, and one deployment in which all is well and none does."""
    check(promtool, "test", "rules", "alerts.test.yaml")
    cases = yaml.safe_load((MONITORING / "alerts.test.yaml").read_text(encoding="utf-8"))["tests"]
    looks = [look for case in cases for look in case["alert_rule_test"]]
    names = {rule["alert"] for rule in rules()}
    assert {look["alertname"] for look in looks if look.get("exp_alerts")} == names
    assert {look["alertname"] for look in cases[0]["alert_rule_test"] if not look.get("exp_alerts")} == names


def test_prometheus_understands_the_dashboard(promtool: str, tmp_path: Path) -> None:
    """Each of its queries parses."""
    asked = [query for _, query in queries()]
    recorded = [{"record": f"test:query{number}", "expr": query} for number, query in enumerate(asked)]
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": recorded}]}), encoding="utf-8")
    check(promtool, "check", "rules", rules)


def test_panels_stand_side_by_side() -> None:
    """Each has a title, a sentence on what it shows, its own id and its own place, and asks the chosen data source."""
    places: set[tuple[int, int]] = set()
    assert len({panel["id"] for panel in panels()}) == len(panels())
    for panel in panels():
        place = panel["gridPos"]
        covers = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= COLUMNS
        assert not covers & places, panel["title"]
        places |= covers
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["description"].endswith(".")
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_each_alert_has_its_page() -> None:
    """The runbook has a section for each alert, in the same order, and for nothing else."""
    page = Document(RUNBOOK, RUNBOOK.read_text(encoding="utf-8"))
    names = [rule["alert"] for rule in rules()]
    assert [heading for heading in page.headings if heading.startswith("Router")] == names
    for rule in rules():
        path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert ROOT / path == RUNBOOK
        assert anchor in page.anchors(), rule["alert"]
        assert anchor == rule["alert"].lower()
        assert rule["labels"]["severity"] in ("critical", "warning")


@pytest.mark.parametrize("section", RUNBOOK.read_text(encoding="utf-8").split("\n## Router")[1:])
def test_a_page_says_what_it_means_how_to_look_and_what_to_do(section: str) -> None:
    """In these three steps, so that who is woken up knows where to read."""
    assert [word for word in ("**Means.**", "**Look.**", "**Do.**") if word not in section] == []
