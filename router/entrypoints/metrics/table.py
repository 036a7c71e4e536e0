"""
All metrics of all processes: name, kind, unit, labels, meaning, and who tells them. docs/metrics.md shows this table.

No label carries personal data or what somebody sent: each has few values, from the contract or the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]
Process = Literal["worker", "gateway", "notifier", "watchdog"]

SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds in seconds of what takes milliseconds."""
ARRIVALS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 14400.0)
"""Bounds in seconds of how long a lead is on its way to a rep."""
CONTACTS: Final = (15.0, 30.0, 60.0, 120.0, 180.0, 240.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0, 86400.0)
"""Bounds in seconds of how long a person waits; 300 is the five minutes that all of this is for."""
WORKER: Final[tuple[Process, ...]] = ("worker",)
READERS: Final[tuple[Process, ...]] = ("worker", "notifier")
WATCHDOG: Final[tuple[Process, ...]] = ("watchdog",)
LEDGER_READERS: Final[tuple[Process, ...]] = ("worker", "watchdog")


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One row. `processes` tell it; `buckets` are the bounds of a histogram."""

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    meaning: str
    processes: tuple[Process, ...]
    buckets: tuple[float, ...] = ()


# --- every process ----------------------------------------------------------------------------------------------------

INFO = Metric(
    "router_info",
    "gauge",
    "1",
    ("process", "version"),
    "1 while the process runs.",
    ("worker", "gateway", "notifier", "watchdog"),
)
LOOP_LAG = Metric(
    "router_loop_lag_seconds",
    "histogram",
    "seconds",
    (),
    "How much later than asked for the event loop came round, ten times a second.",
    ("worker", "notifier", "watchdog"),
    SHORT,
)
DEPENDENCY_DOWN = Metric(
    "router_dependency_down",
    "gauge",
    "1",
    ("dependency",),
    "1 while `redis` or `log` does not answer, else 0.",
    ("worker", "notifier", "watchdog"),
)
DEPENDENCY_DOWN_SECONDS = Metric(
    "router_dependency_down_seconds_total",
    "counter",
    "seconds",
    ("dependency",),
    "For how long `redis` or `log` did not answer, in all.",
    ("worker", "notifier", "watchdog"),
)

# --- what comes in ----------------------------------------------------------------------------------------------------

RECEIVED = Metric(
    "router_events_received_total",
    "counter",
    "events",
    ("topic",),
    "Events that were taken to their end: what follows from them is on the log.",
    READERS,
)
BATCH_SECONDS = Metric(
    "router_batch_seconds",
    "histogram",
    "seconds",
    ("topic",),
    "How long a batch took to its end, waiting for a server that was away included.",
    READERS,
    SHORT,
)
INPUT_LAG = Metric(
    "router_input_lag_records",
    "gauge",
    "records",
    ("topic",),
    "Records that are not yet taken to their end: on Kafka those of this process's partitions, on the embedded log "
    "those that nobody has taken and its own.",
    READERS,
)

# --- what goes out ----------------------------------------------------------------------------------------------------

PUBLISHED = Metric(
    "router_events_published_total",
    "counter",
    "events",
    ("type",),
    "Events that the log has taken, by `ce_type`; what is published again after a crash counts again.",
    READERS,
)
PUBLISH_SECONDS = Metric(
    "router_publish_seconds",
    "histogram",
    "seconds",
    (),
    "How long the log took to acknowledge a batch.",
    READERS,
    SHORT,
)
DEAD_LETTERS = Metric(
    "router_dead_letters_total",
    "counter",
    "events",
    ("topic", "code"),
    "Events that became dead letters, by the topic that they came from.",
    READERS,
)
DECISIONS = Metric(
    "router_decisions_total",
    "counter",
    "decisions",
    ("stage", "to"),
    "Decisions, those of test submissions too.",
    WORKER,
)
UNASSIGNED = Metric(
    "router_leads_unassigned_total",
    "counter",
    "leads",
    ("reason",),
    "Leads taken from a rep; `accept_timeout` is a miss.",
    WORKER,
)
ASSIGN_SECONDS = Metric(
    "router_assign_seconds",
    "histogram",
    "seconds",
    (),
    "From `submitted_at` to the first assignment that a lead ever had.",
    WORKER,
    ARRIVALS,
)
TOUCH_SECONDS = Metric(
    "router_touch_seconds",
    "histogram",
    "seconds",
    (),
    "From `submitted_at` to the touch, at the touch's own time.",
    WORKER,
    CONTACTS,
)

# --- the ledger -------------------------------------------------------------------------------------------------------

LEDGER_SECONDS = Metric(
    "router_ledger_call_seconds",
    "histogram",
    "seconds",
    ("verb",),
    "How long one call of the ledger took, for all verbs of its batch.",
    WORKER,
    SHORT,
)
ROUNDS = Metric(
    "router_rounds_total",
    "counter",
    "rounds",
    ("round",),
    "Looks for timers that are due (`tick`) and for what a dead process left in the outbox (`sweep`).",
    WORKER,
)
POLICY = Metric(
    "router_policy_info",
    "gauge",
    "1",
    ("version",),
    "1 for the version of the policy in force.",
    WORKER,
)
OPEN = Metric("router_open_leads", "gauge", "leads", (), "Leads that are open.", WORKER)
WAITING = Metric("router_waiting_leads", "gauge", "leads", (), "Open leads that no rep holds.", WORKER)
WAITING_OLDEST = Metric(
    "router_waiting_oldest_seconds",
    "gauge",
    "seconds",
    (),
    "Time since `submitted_at` of the waiting lead that was submitted first; 0 where none waits.",
    LEDGER_READERS,
)
OUTBOX = Metric(
    "router_outbox_entries",
    "gauge",
    "entries",
    (),
    "Entries of the outbox: settled, and not yet known to be on the log.",
    LEDGER_READERS,
)
OUTBOX_OLDEST = Metric(
    "router_outbox_oldest_seconds",
    "gauge",
    "seconds",
    (),
    "Age of the oldest entry of the outbox; 0 where it is empty.",
    LEDGER_READERS,
)
TIMERS_OVERDUE = Metric(
    "router_timers_overdue",
    "gauge",
    "timers",
    (),
    "Timers that were due more than two seconds ago and have not fired.",
    LEDGER_READERS,
)
CALENDAR_HORIZON = Metric(
    "router_calendar_horizon_seconds",
    "gauge",
    "seconds",
    (),
    "How far ahead the ledger knows the calendar that it knows least far ahead; beyond that it counts as closed. Not "
    "there without calendars.",
    WORKER,
)
REDIS_MEMORY = Metric("router_redis_memory_bytes", "gauge", "bytes", (), "Memory that Redis uses.", WORKER)
REDIS_MEMORY_LIMIT = Metric(
    "router_redis_memory_limit_bytes",
    "gauge",
    "bytes",
    (),
    "Memory that Redis may use: its `maxmemory`, or the machine's memory where that is 0.",
    WORKER,
)

# --- the gateway ------------------------------------------------------------------------------------------------------

REQUESTS = Metric(
    "router_http_requests_total",
    "counter",
    "requests",
    ("method", "route", "status"),
    "Requests answered; the route is the path with its parameters unfilled.",
    ("gateway",),
)
REQUEST_SECONDS = Metric(
    "router_http_request_seconds",
    "histogram",
    "seconds",
    ("route",),
    "From a request to the end of its answer.",
    ("gateway",),
    SHORT,
)
ACCEPTED = Metric(
    "router_http_events_accepted_total",
    "counter",
    "events",
    ("topic",),
    "Events that came in over HTTP and that the log has taken.",
    ("gateway",),
)
REPEATED = Metric(
    "router_http_submissions_repeated_total",
    "counter",
    "submissions",
    (),
    "Submissions answered as duplicates.",
    ("gateway",),
)
STREAMS = Metric("router_http_streams", "gauge", "streams", (), "Streams that are open.", ("gateway",))

# --- the watchdog -----------------------------------------------------------------------------------------------------

VIOLATIONS = Metric(
    "router_violations_total",
    "counter",
    "violations",
    ("promise",),
    "Breaks of a promise of docs/delivery-guarantees.md that the log shows, by its number.",
    WATCHDOG,
)
CONSUMER_LAG = Metric(
    "router_consumer_lag",
    "gauge",
    "records",
    ("group", "topic"),
    "Records that the group has not committed.",
    WATCHDOG,
)
SEQUENCE_GAP = Metric(
    "router_ledger_log_sequence_gap",
    "gauge",
    "events",
    (),
    "By how much the ledger's sequence is ahead of lead-assignments; below 0 the ledger has forgotten.",
    WATCHDOG,
)
CLEAN_PASS = Metric(
    "router_watchdog_last_clean_pass_timestamp_seconds",
    "gauge",
    "seconds",
    (),
    "When the watchdog last looked through everything and found nothing, in Unix time.",
    WATCHDOG,
)

METRICS: Final = (
    INFO,
    LOOP_LAG,
    DEPENDENCY_DOWN,
    DEPENDENCY_DOWN_SECONDS,
    RECEIVED,
    BATCH_SECONDS,
    INPUT_LAG,
    PUBLISHED,
    PUBLISH_SECONDS,
    DEAD_LETTERS,
    DECISIONS,
    UNASSIGNED,
    ASSIGN_SECONDS,
    TOUCH_SECONDS,
    LEDGER_SECONDS,
    ROUNDS,
    POLICY,
    OPEN,
    WAITING,
    WAITING_OLDEST,
    OUTBOX,
    OUTBOX_OLDEST,
    TIMERS_OVERDUE,
    CALENDAR_HORIZON,
    REDIS_MEMORY,
    REDIS_MEMORY_LIMIT,
    REQUESTS,
    REQUEST_SECONDS,
    ACCEPTED,
    REPEATED,
    STREAMS,
    VIOLATIONS,
    CONSUMER_LAG,
    SEQUENCE_GAP,
    CLEAN_PASS,
)
"""All of them; a test finds one that was left out."""
