"""
The ledger as a plain state machine: who holds which lead, who is free, who waits, which timer is next.

It is the specification of the Lua functions in `router/adapters/redis/lua`;
`tests/model` drives both with the same verbs and demands the same facts. Time
is an argument, in whole milliseconds. Nothing here does I/O.
"""

from __future__ import annotations

from router.domain.ledger import breaches, clocks, duty, offers, reps
from router.domain.ledger.erase import erase
from router.domain.ledger.facts import Answer, Fact, fact
from router.domain.ledger.install import audience, install, resume
from router.domain.ledger.place import place
from router.domain.ledger.state import Lead, Ledger, Rep
from router.domain.ledger.verbs import Act, Attend, Audience, Close, Erase, Place, Resume, Tick, Verb

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
        case Erase():
            answer = erase(ledger, verb, now)
        case Attend():
            answer = attend(ledger, verb, now)
        case Audience():
            answer = audience(ledger, verb, now)
        case Tick():
            answer = tick(ledger, verb, now)
        case Resume():
            answer = resume(ledger, verb, now)
        case _:
            answer = install(ledger, verb, now)
    return Answer(answer.code, before + answer.facts, answer.decision)


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
        return offers.assign_to(ledger, lead, rep, now) + _accept(ledger, lead, verb, now)
    return offers.notify(lead, "superseded", ("rep", rep.id), now, verb.action_id)


def _accept(ledger: Ledger, lead: Lead, verb: Act, now: int) -> list[Fact]:
    if lead.state == "accepted":
        return []
    lead.state = "accepted"
    lead.accept_ms = now - lead.assigned_at
    lead.accept_by = None
    clocks.cancel(ledger, lead, "accept", "remind")
    ledger.reps[verb.rep_id].misses = 0
    return [offers.assignment(ledger, lead, "accepted", now, acted=min(verb.at, now))]


def _touch(ledger: Ledger, lead: Lead, verb: Act, now: int) -> list[Fact]:
    acted = min(max(verb.at, lead.submitted), now)
    end = clocks.touched(lead, acted, now)
    out = [offers.assignment(ledger, lead, "touched", now, rep=verb.rep_id, acted=acted, channel=verb.channel)]
    if lead.rep == verb.rep_id:
        ledger.reps[verb.rep_id].misses = 0
    lead.last_rep = verb.rep_id
    if lead.company is not None:
        ledger.accounts[lead.company] = verb.rep_id
    return out + end + offers.finish(ledger, lead, "touched", now)


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
    return Answer("done", out + offers.finish(ledger, lead, "closed", now))


def attend(ledger: Ledger, verb: Attend, now: int) -> Answer:
    """Take a rep's presence; the newest `at` wins, an older one changes nothing."""
    rep = ledger.reps.get(verb.rep_id)
    if rep is None:
        return Answer("unknown_rep")
    at = min(verb.at, now)
    if (at, verb.at - at) <= (rep.seen_at, rep.ahead):
        return Answer("repeat")
    rep.seen_at, rep.ahead = at, verb.at - at
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
    """Fire the timers of leads that are due, the oldest first; then give up the leads that are too old."""
    due = sorted((at, kind, lead) for (kind, lead), at in ledger.timers.items() if at <= now)
    out: list[Fact] = []
    for at, kind, name in due[: verb.limit]:
        if ledger.timers.get((kind, name)) == at:  # an earlier one of this call may have moved or cleared it
            del ledger.timers[(kind, name)]
            out += _fire(ledger, kind, ledger.leads[name], now)
    open_leads = (lead for lead in ledger.leads.values() if lead.is_open)
    old = sorted((lead.submitted, lead.id) for lead in open_leads if lead.submitted + ledger.max_age <= now)
    for _, name in old[: verb.limit]:
        out += breaches.abandon(ledger, ledger.leads[name], now)
    return Answer("more" if max(len(due), len(old)) > verb.limit else "done", out)


def _fire(ledger: Ledger, kind: str, lead: Lead, now: int) -> list[Fact]:
    if kind == "accept":
        return _missed(ledger, lead, now)
    if kind == "remind":
        return breaches.remind(lead, now)
    if kind == "breach":
        return breaches.breach(ledger, lead, now)
    if kind == "late":
        lead.overdue = True
        return []
    if kind in ("widen", "retry"):
        return offers.look_again(ledger, lead, now)
    return breaches.warn(lead, int(kind.removeprefix("warn")), now)


def _missed(ledger: Ledger, lead: Lead, now: int) -> list[Fact]:
    """Go on to the next one, as nobody accepted in time; who misses several in a row is set away, and that is told."""
    rep = ledger.reps[str(lead.rep)]
    rep.misses += 1
    if rep.misses < ledger.misses_before_away or rep.status in ("away", "offline"):
        return offers.unassign(ledger, lead, "accept_timeout", now) + offers.settle(ledger, now, {rep.id})
    rep.misses = 0
    rep.status, rep.seen_at, rep.ahead = "away", now, 0
    duty.expire_at(ledger, rep, 0)
    reps.refresh_duty(ledger, rep, now)
    away = fact("presence", rep=rep.id, status="away", at=now)
    out = offers.unassign(ledger, lead, "accept_timeout", now)
    return [away, *out, *duty.take_back(ledger, rep, now), *offers.settle(ledger, now, left=True)]
