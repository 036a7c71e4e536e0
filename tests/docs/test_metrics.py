"""The page on metrics: its table is the one in the code."""

from router.entrypoints.metrics import table
from router.entrypoints.metrics.table import METRICS, Metric
from tests.docs.documents import ROOT

PAGE = ROOT / "docs" / "metrics.md"


def row(metric: Metric) -> str:
    """Return the row that the page has of *metric*."""
    labels = " ".join(f"`{label}`" for label in metric.labels) or "–"
    told_by = " ".join(metric.processes)
    return f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {told_by} | {metric.meaning} |"


def test_the_page_shows_the_table() -> None:
    """Every metric has its row, in the order of the code, and there is no other."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `router_")]

    assert rows == [row(metric) for metric in METRICS]


def test_no_metric_is_left_out_of_the_table() -> None:
    """What is defined is listed, once and under a name of its own."""
    defined = [one for one in vars(table).values() if isinstance(one, Metric)]

    assert defined == list(METRICS)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_names_follow_the_conventions_of_prometheus() -> None:
    """A counter ends in _total, what is measured in seconds or bytes says so, and a meaning is a sentence."""
    for metric in METRICS:
        assert metric.name.startswith("router_")
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert metric.unit not in ("seconds", "bytes") or f"_{metric.unit}" in metric.name, metric.name
        assert metric.meaning.endswith("."), metric.name
        assert bool(metric.buckets) == (metric.kind == "histogram"), metric.name
