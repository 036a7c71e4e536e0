"""What the passing of time brings to a lead that nobody touched: reminder, warning, breach, and the end of it all."""

from __future__ import annotations

from router.domain.ledger import choices, clocks, offers
from router.domain.ledger.facts import Fact
from router.domain.ledger.state import Lead, Ledger


def remind(lead: Lead, now: int) -> list[Fact]:
    """Ask the holder once more to accept."""
    return offers.notify(lead, "reminder", ("rep", lead.rep), now, "")


def warn(lead: Lead, index: int, now: int) -> list[Fact]:
    """Tell the holder, or whoever answers for a lead without one, that a share of the time has passed."""
    assert lead.clock is not None  # noqa: S101 - only a clock sets this timer
    threshold = lead.clock.warn_at[index][0]
    lead.warned.append(threshold)
    to = ("rep", lead.rep) if lead.rep is not None else ("manager", lead.escalate_to)
    told = offers.notify(lead, "sla_warning", to, now, f"{lead.sub}:{threshold:g}")
    return clocks.sla(lead, "warned", now, now, threshold=threshold) + told


def breach(ledger: Ledger, lead: Lead, now: int) -> list[Fact]:
    """Say that the clock ran out, and move the lead on where the target asks for it and somebody else can take it."""
    lead.overdue = True
    out = tell(ledger, lead, now)
    asks = lead.clock.on_breach if lead.clock else ()
    movable = (lead.state == "held" and "reassign" in asks) or (lead.rep is not None and "reassign_always" in asks)
    if not movable or not choices.somebody_else(ledger, lead, now):
        return out
    holder = str(lead.rep)
    return out + offers.unassign(ledger, lead, "breached", now) + offers.settle(ledger, now, {holder})


def tell(ledger: Ledger, lead: Lead, now: int) -> list[Fact]:
    """Say that the clock ran out."""
    lead.breached = True
    out = clocks.sla(lead, "breached", now, now)
    if lead.rep is not None:
        out += offers.notify(lead, "sla_breach", ("rep", lead.rep), now, lead.sub)
    if lead.clock is not None and "notify_manager" in lead.clock.on_breach:
        out += offers.notify(lead, "sla_breach", _manager(ledger, lead), now, lead.sub)
    return out


def abandon(ledger: Ledger, lead: Lead, now: int) -> list[Fact]:
    """Give up a lead that nobody touched, and tell its manager: it must not cost a rep's capacity for ever."""
    out = offers.assignment(ledger, lead, "closed", now, reason="abandoned")
    cancelled = [] if lead.breached else clocks.sla(lead, "cancelled", now, now)
    told = offers.notify(lead, "sla_breach", _manager(ledger, lead), now, f"abandoned:{lead.sub}")
    return [out, *cancelled, *told, *offers.finish(ledger, lead, "closed", now)]


def _manager(ledger: Ledger, lead: Lead) -> tuple[str, str | None]:
    own = ledger.reps[lead.rep].manager if lead.rep is not None else None
    return ("manager", own or lead.escalate_to)
