"""Timers, and the clock of a lead: warned, breached, met, resolved, cancelled."""

from __future__ import annotations

from router.domain.ledger.facts import Fact, fact
from router.domain.ledger.state import DAY, Lead, Ledger


def set_timer(ledger: Ledger, kind: str, lead: str, due: int) -> None:
    """Set or move a timer."""
    ledger.timers[(kind, lead)] = due


def cancel(ledger: Ledger, lead: Lead, *kinds: str) -> None:
    """Clear timers of a lead; one that is not set is no error."""
    for kind in kinds:
        ledger.timers.pop((kind, lead.id), None)


def cancel_all(ledger: Ledger, lead: Lead) -> None:
    """Clear all that still runs for a lead that is over."""
    cancel(ledger, lead, "accept", "remind", "widen", "retry")
    cancel_clock(ledger, lead)


def cancel_clock(ledger: Ledger, lead: Lead) -> None:
    """Clear the timers of the lead's clock."""
    thresholds = lead.clock.warn_at if lead.clock else ()
    cancel(ledger, lead, "breach", "late", *(f"warn{index}" for index in range(len(thresholds))))


def start(ledger: Ledger, lead: Lead, now: int) -> None:
    """Start the lead's clock; a threshold that has passed is not warned of. Without one it is late after a day."""
    if lead.clock is None:
        if lead.submitted + DAY <= now:
            lead.overdue = True
        else:
            set_timer(ledger, "late", lead.id, lead.submitted + DAY)
        return
    for index, (threshold, at) in enumerate(lead.clock.warn_at):
        if now < at < lead.clock.due_at and threshold not in lead.warned:
            set_timer(ledger, f"warn{index}", lead.id, at)
    lead.overdue = lead.clock.due_at <= now
    if not lead.overdue:
        set_timer(ledger, "breach", lead.id, lead.clock.due_at)


def sla(lead: Lead, kind: str, now: int, end: int, **more: object) -> list[Fact]:
    """Make the fact of one turn of the clock; *end* is the instant up to which time is counted."""
    if lead.clock is None:
        return []
    waiting = max(0, end - lead.unheld_since) if lead.state == "waiting" else 0
    values: dict[str, object] = {
        "at": now,
        "end": end,
        "lead": lead.id,
        "sub": lead.sub,
        "target": lead.clock.target,
        "first_touch": lead.clock.first_touch,
        "due": lead.clock.due_at,
        "submitted": lead.submitted,
        "received": lead.received,
        "decided": lead.decided,
        "queue": lead.unheld_ms + waiting,
        "accept": lead.accept_ms,
        "rep": lead.rep,
        "attempt": lead.attempt,
        "open": _open_between(lead.clock.open, lead.submitted, end),
    }
    return [fact(kind, **(values | more))]


def _open_between(spans: tuple[tuple[int, int], ...] | None, start: int, end: int) -> int | None:
    if spans is None:
        return None
    return sum(max(0, min(until, end) - max(since, start)) for since, until in spans)


def touched(lead: Lead, acted: int, now: int) -> list[Fact]:
    """End the clock by a touch made at *acted*: met, or resolved after a breach (told now, where it was not yet)."""
    if lead.clock is None:
        return []
    if not lead.breached and acted <= lead.clock.due_at:
        return sla(lead, "met", now, acted)
    out = [] if lead.breached else sla(lead, "breached", now, now)
    lead.breached = True
    return out + sla(lead, "resolved", now, acted, in_time=acted <= lead.clock.due_at)
