"""A submission comes in: it opens a lead, opens it again, or is attached to one that is open."""

from __future__ import annotations

from dataclasses import replace

from router.domain.ledger import breaches, clocks, offers
from router.domain.ledger.facts import Answer, Fact, fact
from router.domain.ledger.state import STAGES, Lead, Ledger
from router.domain.ledger.verbs import Clock, Place


def place(ledger: Ledger, verb: Place, now: int) -> Answer:
    """Settle where a submission goes: to sales (assigned or waiting), attached to an open lead, or as proposed."""
    if verb.submission_id in ledger.submissions:
        return Answer("repeat")
    if any(step.audience not in ledger.audiences for step in verb.steps):
        return Answer("unknown_audience")
    ledger.submissions.add(verb.submission_id)
    lead = ledger.leads.setdefault(verb.lead_id, Lead(verb.lead_id, first=now))
    if lead.erased is not None and verb.submitted_at <= lead.erased:
        old = fact("decided", lead=lead.id, sub=verb.submission_id, to="none", at=now, erased=True)
        return Answer("done", [old], verb.decision)
    attached = lead.is_open and verb.stage != "rejected"
    to = "attached" if attached else verb.to
    out = [fact("decided", lead=lead.id, sub=verb.submission_id, to=to, at=now)]
    if attached:
        out += offers.notify(lead, "repeat", ("rep", lead.rep), now, verb.submission_id, verb.card)
    if to == "sales":
        out += _open(ledger, lead, verb, now)
    elif attached and verb.to == "sales" and is_more(verb, lead):
        out += _lift(ledger, lead, verb, now)
    return Answer("done", out, verb.decision)


def _open(ledger: Ledger, lead: Lead, verb: Place, now: int) -> list[Fact]:
    """Start anew under this submission; `attempt` goes on."""
    fresh = Lead(
        lead.id,
        first=lead.first,
        attempt=lead.attempt,
        last_rep=lead.last_rep,
        sub=verb.submission_id,
        submitted=verb.submitted_at,
        received=verb.received_at,
        decided=verb.decided_at,
        clock=verb.clock,
        owners=() if lead.last_rep is None else (lead.last_rep,),
        opened=now,
        erased=lead.erased,
        unheld_since=min(verb.decided_at, now),
    )
    for name in Lead.__dataclass_fields__:
        setattr(lead, name, getattr(fresh, name))
    _route(ledger, lead, verb, now)
    clocks.start(ledger, lead, now)
    out = offers.offer(ledger, lead, now)
    if lead.clock is not None and lead.clock.due_at <= now:
        out += breaches.tell(ledger, lead, now)
    return out


def _route(ledger: Ledger, lead: Lead, verb: Place, now: int) -> None:
    """Let the lead go the way that this submission was decided to go."""
    lead.policy, lead.route, lead.steps = verb.policy_version, verb.route, verb.steps
    lead.stage, lead.priority = verb.stage, verb.priority
    lead.escalate_to, lead.considered, lead.card = verb.escalate_to, verb.considered, verb.card
    lead.company = verb.company
    account = ledger.accounts.get(verb.company or "") if verb.sticky_account else None
    if account is not None and account not in lead.owners:
        lead.owners = (*lead.owners, account)
    for step in verb.steps:
        ledger.used[step.audience] = now


def is_more(verb: Place, lead: Lead) -> bool:
    """Tell whether a submission is worth more than the open lead that it is attached to."""
    return STAGES.index(verb.stage) > STAGES.index(lead.stage) or verb.priority > lead.priority


def _lift(ledger: Ledger, lead: Lead, verb: Place, now: int) -> list[Fact]:
    """
    Let a repeat that is worth more lift an open lead: one that waits is placed anew, one that is held stays there.

    There is one clock for each opening: it goes on under the submission that opened the lead, and what it promised is
    never put off.
    """
    waits = lead.state == "waiting"
    clock = lifted(lead, verb, waits=waits)
    changed = clock is not lead.clock
    if changed:
        clocks.cancel_clock(ledger, lead)
        lead.clock = clock
        clocks.start(ledger, lead, now)
    stage = max(lead.stage, verb.stage, key=STAGES.index)
    out: list[Fact] = []
    if waits:
        clocks.cancel(ledger, lead, "widen", "retry")
        _route(ledger, lead, verb, now)
        lead.state, lead.reach = "seen", 1
        out += offers.offer(ledger, lead, now)
    else:
        lead.priority, lead.card = max(lead.priority, verb.priority), verb.card
    lead.stage = stage
    if changed and lead.overdue:
        out += (breaches.tell if waits else breaches.breach)(ledger, lead, now)
    return out


def lifted(lead: Lead, verb: Place, *, waits: bool) -> Clock | None:
    """Return the clock after lifting: the new target for one that waits, for one that is held only if due earlier."""
    old, new = lead.clock, verb.clock
    if new is None or lead.breached:
        return old
    if old is None:
        return new
    if old.due_at <= new.due_at and not waits:
        return old
    return replace(new, due_at=min(old.due_at, new.due_at), open=_spans(old, new, verb.submitted_at))


def _spans(old: Clock, new: Clock, at: int) -> tuple[tuple[int, int], ...] | None:
    """
    Return what the lifted clock counts as open: until *at*, the repeat, what the old one counted.

    The new one knows of nothing before that, and time is counted from the submission that opened the lead.
    """
    if old.open is None or new.open is None:
        return new.open
    return (*((since, min(until, at)) for since, until in old.open if since < at), *new.open)
