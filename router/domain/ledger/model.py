"""
The ledger as a plain state machine: who holds which lead, who is free, who waits, which timer is next.

It is the specification of the Lua functions in `router/adapters/redis/lua`;
`tests/model` drives both with the same verbs and demands the same facts. Time
is an argument, in whole milliseconds. Nothing here does I/O.
"""

from __future__ import annotations

from router.domain.ledger import clocks, duty, offers, reps
from router.domain.ledger.facts import Answer, Fact, fact
from router.domain.ledger.install import audience, install
from router.domain.ledger.state import Lead, LeadState, Ledger, Rep
from router.domain.ledger.verbs import Act, Attend, Audience, Close, Place, Tick, Verb

STALE = 300_000  # an action this much older than the lead's opening belongs to an earlier one
CLOSING = ("won", "lost", "disqualified")


def apply(ledger: Ledger, verb: Verb, now: int) -> Answer:
    """Apply one verb at *now*. First come presences and calendars that ran out in the meantime."""
    before = duty.advance(ledger, now)
    match verb:
        case Place():
            answer = place(ledger, verb, now)
        case Act():
            answer = act(ledger, verb, now)
        case Close():
            answer = close(ledger, verb, now)
        case Attend():
            answer = attend(ledger, verb, now)
        case Audience():
            answer = audience(ledger, verb, now)
        case Tick():
            answer = tick(ledger, verb, now)
        case _:
            answer = install(ledger, verb, now)
    return Answer(answer.code, before + answer.facts, answer.decision)


def place(ledger: Ledger, verb: Place, now: int) -> Answer:
    """Settle where a submission goes: to sales (assigned or waiting), attached to an open lead, or as proposed."""
    if verb.submission_id in ledger.submissions:
        return Answer("repeat")
    if any(step.audience not in ledger.audiences for step in verb.steps):
        return Answer("unknown_audience")
    ledger.submissions.add(verb.submission_id)
    lead = ledger.leads.setdefault(verb.lead_id, Lead(verb.lead_id))
    if lead.is_open and verb.stage != "rejected":
        decided = fact("decided", lead=lead.id, sub=verb.submission_id, to="attached", at=now)
        told = offers.notify(lead, "repeat", ("rep", lead.rep), now, verb.submission_id, verb.card)
        return Answer("done", [decided, *told], verb.decision)
    decided = fact("decided", lead=lead.id, sub=verb.submission_id, to=verb.to, at=now)
    if verb.to != "sales":
        return Answer("done", [decided], verb.decision)
    _open(lead, verb, now)
    clocks.start(ledger, lead, now)
    out = _back_to_last(ledger, lead, now) or offers.offer(ledger, lead, now)
    if lead.clock is not None and lead.clock.due_at <= now:
        out += _tell_breach(ledger, lead, now)
    return Answer("done", [decided, *out], verb.decision)


def _open(lead: Lead, verb: Place, now: int) -> None:
    """Start anew under this submission; `attempt` goes on."""
    fresh = Lead(
        lead.id,
        attempt=lead.attempt,
        last_rep=lead.last_rep,
        sub=verb.submission_id,
        route=verb.route,
        policy=verb.policy_version,
        priority=verb.priority,
        submitted=verb.submitted_at,
        received=verb.received_at,
        decided=verb.decided_at,
        steps=verb.steps,
        clock=verb.clock,
        escalate_to=verb.escalate_to,
        considered=verb.considered,
        card=verb.card,
        opened=now,
        unheld_since=min(verb.decided_at, now),
    )
    for name in Lead.__dataclass_fields__:
        setattr(lead, name, getattr(fresh, name))


def _back_to_last(ledger: Ledger, lead: Lead, now: int) -> list[Fact]:
    """Give a lead that opens again to the rep who had it last, where that one is free."""
    rep = ledger.reps.get(lead.last_rep or "")
    if rep is None or reps.obstacle(ledger, rep, now) is not None:
        return []
    return _assign_to(ledger, lead, rep, now)


def _assign_to(ledger: Ledger, lead: Lead, rep: Rep, now: int) -> list[Fact]:
    """Give the lead to this very rep, in the pool or not."""
    choice = offers.Choice(offers.home(ledger, lead, rep), rep, offers.reach(ledger, lead, now))
    return offers.assign(ledger, lead, choice, now)


def act(ledger: Ledger, verb: Act, now: int) -> Answer:
    """Apply what a rep did; who speaks of a lead that is not theirs (any more) is told so."""
    if f"act:{verb.action_id}" in ledger.actions:
        return Answer("repeat")
    lead = ledger.leads.get(verb.lead_id)
    if lead is None:
        return Answer("unknown_lead")
    if verb.rep_id not in ledger.reps:
        return Answer("unknown_rep")
    ledger.actions.add(f"act:{verb.action_id}")
    return Answer("done", _acted(ledger, lead, verb, now))


def _acted(ledger: Ledger, lead: Lead, verb: Act, now: int) -> list[Fact]:
    if lead.is_open and verb.at < lead.opened - STALE:
        return []
    if verb.action == "touch":
        return _touch(ledger, lead, verb, now) if lead.is_open else []
    rep = ledger.reps[verb.rep_id]
    if lead.rep == rep.id and verb.attempt in (None, lead.attempt):
        if verb.action == "accept":
            return _accept(ledger, lead, verb, now)
        reason = "declined" if verb.action == "decline" else "released"
        return offers.unassign(ledger, lead, reason, now) + offers.settle(ledger, now, {rep.id})
    if verb.action == "accept" and lead.state == "waiting" and rep.active and rep.load < rep.capacity:
        return _assign_to(ledger, lead, rep, now) + _accept(ledger, lead, verb, now)
    return offers.notify(lead, "superseded", ("rep", rep.id), now, verb.action_id)


def _accept(ledger: Ledger, lead: Lead, verb: Act, now: int) -> list[Fact]:
    if lead.state == "accepted":
        return []
    lead.state = "accepted"
    lead.accept_ms = now - lead.assigned_at
    lead.accept_by = None
    clocks.cancel(ledger, lead, "accept")
    ledger.reps[verb.rep_id].misses = 0
    return [offers.assignment(ledger, lead, "accepted", now, acted=min(verb.at, now))]


def _touch(ledger: Ledger, lead: Lead, verb: Act, now: int) -> list[Fact]:
    acted = min(max(verb.at, lead.submitted), now)
    end = clocks.touched(lead, acted, now)
    out = [offers.assignment(ledger, lead, "touched", now, rep=verb.rep_id, acted=acted, channel=verb.channel)]
    if lead.rep == verb.rep_id:
        ledger.reps[verb.rep_id].misses = 0
    return out + end + _finish(ledger, lead, "touched", now)


def _finish(ledger: Ledger, lead: Lead, state: LeadState, now: int) -> list[Fact]:
    """End what runs for the lead, free its rep and serve the queue."""
    clocks.cancel_all(ledger, lead)
    freed = {offers.let_go(ledger, lead, now).id} if lead.rep is not None else set()
    lead.state = state
    return offers.settle(ledger, now, freed)


def close(ledger: Ledger, verb: Close, now: int) -> Answer:
    """Close an open lead by its outcome; for any other the outcome is only recorded."""
    if f"close:{verb.outcome_id}" in ledger.actions:
        return Answer("repeat")
    lead = ledger.leads.get(verb.lead_id)
    if lead is None:
        return Answer("unknown_lead")
    ledger.actions.add(f"close:{verb.outcome_id}")
    if verb.outcome not in CLOSING or not lead.is_open or verb.at < lead.opened - STALE:
        return Answer("done")
    out = [offers.assignment(ledger, lead, "closed", now, reason=verb.outcome)]
    if not lead.breached:
        out += clocks.sla(lead, "cancelled", now, now)
    return Answer("done", out + _finish(ledger, lead, "closed", now))


def attend(ledger: Ledger, verb: Attend, now: int) -> Answer:
    """Take a rep's presence; the newest `at` wins, an older one changes nothing."""
    rep = ledger.reps.get(verb.rep_id)
    if rep is None:
        return Answer("unknown_rep")
    at = min(verb.at, now)
    if at <= rep.seen_at:
        return Answer("repeat")
    rep.seen_at = at
    until = at + verb.ttl if verb.ttl else 0
    if 0 < until <= now:
        gone = verb.heartbeat and rep.status == "offline"
        return Answer("done", [] if gone else duty.leave(ledger, rep, "offline", now))
    if verb.heartbeat:
        if rep.status != "offline":
            duty.expire_at(ledger, rep, until)
        return Answer("done")
    return Answer("done", _turn(ledger, rep, verb.status, until, now))


def _turn(ledger: Ledger, rep: Rep, status: str, until: int, now: int) -> list[Fact]:
    """Give the rep a status until it expires."""
    if status in ("away", "offline"):
        out = duty.leave(ledger, rep, status, now)
        duty.expire_at(ledger, rep, until)
        return out
    turned = rep if status == "available" and rep.status != "available" else None
    rep.status = status
    duty.expire_at(ledger, rep, until)
    left = reps.refresh_duty(ledger, rep, now)
    return offers.settle(ledger, now, {rep.id}, left=left, turned=turned)


def tick(ledger: Ledger, verb: Tick, now: int) -> Answer:
    """Fire the timers of leads that are due, the oldest first."""
    due = sorted((at, kind, lead) for (kind, lead), at in ledger.timers.items() if at <= now)
    out: list[Fact] = []
    for at, kind, name in due[: verb.limit]:
        if ledger.timers.get((kind, name)) == at:  # an earlier one of this call may have moved or cleared it
            del ledger.timers[(kind, name)]
            out += _fire(ledger, kind, ledger.leads[name], now)
    return Answer("more" if len(due) > verb.limit else "done", out)


def _fire(ledger: Ledger, kind: str, lead: Lead, now: int) -> list[Fact]:
    if kind == "accept":
        return _missed(ledger, lead, now)
    if kind == "breach":
        return _breach(ledger, lead, now)
    if kind == "late":
        lead.overdue = True
        return []
    if kind in ("widen", "retry"):
        return offers.look_again(ledger, lead, now)
    return _warn(lead, int(kind.removeprefix("warn")), now)


def _missed(ledger: Ledger, lead: Lead, now: int) -> list[Fact]:
    """Go on to the next one, as nobody accepted in time; who misses several in a row is set away, and that is told."""
    rep = ledger.reps[str(lead.rep)]
    rep.misses += 1
    if rep.misses < ledger.misses_before_away or rep.status in ("away", "offline"):
        return offers.unassign(ledger, lead, "accept_timeout", now) + offers.settle(ledger, now, {rep.id})
    rep.misses = 0
    rep.status, rep.seen_at = "away", now
    duty.expire_at(ledger, rep, 0)
    reps.refresh_duty(ledger, rep, now)
    away = fact("presence", rep=rep.id, status="away", at=now)
    out = offers.unassign(ledger, lead, "accept_timeout", now)
    return [away, *out, *duty.take_back(ledger, rep, now), *offers.settle(ledger, now, left=True)]


def _warn(lead: Lead, index: int, now: int) -> list[Fact]:
    assert lead.clock is not None  # noqa: S101 - only a clock sets this timer
    threshold = lead.clock.warn_at[index][0]
    return clocks.sla(lead, "warned", now, now, threshold=threshold) + offers.notify(
        lead, "sla_warning", _holder(lead), now, f"{lead.sub}:{index}"
    )


def _holder(lead: Lead) -> tuple[str, str | None]:
    return ("rep", lead.rep) if lead.rep is not None else ("manager", lead.escalate_to)


def _breach(ledger: Ledger, lead: Lead, now: int) -> list[Fact]:
    """Say that the clock ran out, and move the lead on where the target asks for it and somebody else can take it."""
    lead.overdue = True
    out = _tell_breach(ledger, lead, now)
    asks = lead.clock.on_breach if lead.clock else ()
    movable = (lead.state == "held" and "reassign" in asks) or (lead.rep is not None and "reassign_always" in asks)
    return out + (_reassign(ledger, lead, now) if movable else [])


def _tell_breach(ledger: Ledger, lead: Lead, now: int) -> list[Fact]:
    lead.breached = True
    out = clocks.sla(lead, "breached", now, now)
    if lead.rep is not None:
        out += offers.notify(lead, "sla_breach", ("rep", lead.rep), now, lead.sub)
    if lead.clock is not None and "notify_manager" in lead.clock.on_breach:
        manager = ledger.reps[lead.rep].manager if lead.rep is not None else lead.escalate_to
        out += offers.notify(lead, "sla_breach", ("manager", manager), now, lead.sub)
    return out


def _reassign(ledger: Ledger, lead: Lead, now: int) -> list[Fact]:
    holder = str(lead.rep)
    if not offers.somebody_else(ledger, lead, now):
        return []
    return offers.unassign(ledger, lead, "breached", now) + offers.settle(ledger, now, {holder})
