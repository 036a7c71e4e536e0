"""What the watchdog finds to stand still, what it shows, and how it tells a manager."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from router.adapters.redis.standing import Standing
from router.domain.audit import Violation
from router.entrypoints.watchdog import findings
from router.entrypoints.watchdog.readings import Readings
from router.events.envelope import decode
from router.events.notification import NotificationRequested
from router.ports import Lag, Received

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LONG_AGO, JUST_NOW = NOW - timedelta(minutes=1), NOW - timedelta(seconds=1)


def standing(outbox: datetime | None = None, timer: datetime | None = None) -> Standing:
    """Return a ledger that stands like this."""
    return Standing(NOW, 7, 2, outbox, 3, 1, timer, None, 1, LONG_AGO, 1, "v1")


def test_what_stands_still_is_found_once_a_topic() -> None:
    """Records of many partitions are one finding; outbox and timers are one each; what is young is none."""
    lags = [Lag("rep-actions", part, 2, LONG_AGO) for part in range(3)] + [Lag("form-submissions", 0, 9, JUST_NOW)]

    found = list(findings.stuck(standing(LONG_AGO, LONG_AGO), lags, "router-x"))

    assert [each.name for each in found] == ["lag router-x rep-actions", "outbox", "timers"]
    assert "6 records wait" in found[0].text
    assert list(findings.stuck(standing(JUST_NOW, JUST_NOW), [Lag("rep-actions", 0, 0)], "router-x")) == []


def test_a_calendar_that_ends_soon_is_found() -> None:
    """The ledger counts a calendar as closed beyond what it knows of it."""
    ends = {"near": NOW + timedelta(days=1), "far": NOW + timedelta(days=13)}

    assert [each.name for each in findings.short_horizon(ends, NOW)] == ["calendar near"]


def test_a_manager_is_told_in_the_contracts_words() -> None:
    """The same violation gives the same notification, which anybody can read; another one gives another."""
    violation = Violation(5, "lead ld_1, clock of s1", "never ended")
    record = findings.told(findings.of_violation(violation), "mia", NOW, "default")
    again = findings.told(findings.of_violation(violation), "mia", NOW + timedelta(hours=1), "default")
    other = findings.told(findings.of_violation(Violation(5, "lead ld_2", "never ended")), "mia", NOW, "default")

    data = decode(Received(record.topic, 0, 0, record.key, record.value, record.headers, NOW)).data
    assert isinstance(data, NotificationRequested)
    assert (data.recipient.type, data.recipient.id, data.lead_id) == ("manager", "mia", "ld_1")
    assert record.headers["ce_id"] == again.headers["ce_id"] != other.headers["ce_id"]


def test_readings_are_shown_under_the_names_of_the_metrics() -> None:
    """Everything that is known has its row, and what is not known has none."""
    readings = Readings()
    assert list(readings.rows()) == []
    readings.behind("router-x", (Lag("rep-actions", 0, 2, LONG_AGO), Lag("rep-actions", 1, 3, LONG_AGO)))
    readings.violations[7] += 2
    readings.standing, readings.log_sequence, readings.clean_at = standing(LONG_AGO), 5, NOW

    rows = {(name, labels): value for name, labels, value in readings.rows()}

    assert rows["router_violations_total", ("7",)] == 2
    assert rows["router_consumer_lag", ("router-x", "rep-actions")] == 5
    assert rows["router_outbox_oldest_seconds", ()] == 60
    assert rows["router_ledger_log_sequence_gap", ()] == 2
    assert rows["router_watchdog_last_clean_pass_timestamp_seconds", ()] == NOW.timestamp()
