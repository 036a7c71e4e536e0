"""A record of the log as the audit wants it: taken apart as the pipeline takes it, and judged by nobody yet."""

from __future__ import annotations

from router.domain.audit.observed import Observed
from router.errors import InvalidEvent
from router.events import INPUT_TOPICS
from router.events.envelope import peek, source
from router.ports import Received


def observe(record: Received, workspace: str) -> Observed | None:
    """Return what *record* says; None for what another workspace has written, where two share the topics."""
    if record.topic not in INPUT_TOPICS and record.headers.get("ce_source") != source(workspace).encode():
        return None
    try:
        ce_type, ce_id, data = peek(record)
    except InvalidEvent:
        return Observed(record.topic, record.partition, record.offset, None, None, None, record.written_at)
    return Observed(record.topic, record.partition, record.offset, ce_type, ce_id, data, record.written_at)
