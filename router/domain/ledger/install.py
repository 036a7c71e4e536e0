"""A policy comes in force: reps, pools, calendars, limits, and who is in which audience."""

from __future__ import annotations

from router.domain.ledger import duty, offers, reps
from router.domain.ledger.facts import Answer, Fact
from router.domain.ledger.state import HOUR, Ledger, Rep
from router.domain.ledger.verbs import Audience, Install, Resume


def audience(ledger: Ledger, verb: Audience, now: int) -> Answer:
    """
    Make an audience known; where one that was known has other members now, all who wait are looked at again.

    One that was computed under another policy than the one in force says nothing about who is in it now.
    """
    if verb.version not in (None, ledger.version):
        return Answer("stale_policy")
    known = verb.id in ledger.audiences
    before = {rep.id for rep in reps.members(ledger, verb.id)} if known else set()
    ledger.audiences[verb.id] = verb
    ledger.used.setdefault(verb.id, now)
    others = known and before != {rep.id for rep in reps.members(ledger, verb.id)}
    return Answer("done", offers.settle(ledger, now, left=True) if others else [])


def install(ledger: Ledger, verb: Install, now: int) -> Answer:
    """
    Put a policy in force; who is gone or inactive gives back what is not accepted.

    An audience that it does not tell of would keep its members of the policy before.
    """
    if verb.renew and verb.version != ledger.version:
        return Answer("stale_policy")
    if ledger.audiences.keys() - {audience.id for audience in verb.audiences}:
        return Answer("missing_audiences")
    _put_rest(ledger, verb, now)
    _put_reps(ledger, verb)
    for kind, name in [timer for timer in ledger.timers if timer[0] == "hours"]:
        del ledger.timers[(kind, name)]
    for name in ("", *ledger.calendars):
        duty.arm_calendar(ledger, name, now)
    everybody = duty.in_order(ledger)
    for rep in everybody:
        reps.refresh_duty(ledger, rep, now)
    out: list[Fact] = []
    for rep in everybody:
        if not rep.active:
            out += duty.take_back(ledger, rep, now)
    out += offers.settle(ledger, now, left=True)
    _forget_unused(ledger, now)
    return Answer("done", out)


def resume(ledger: Ledger, verb: Resume, now: int) -> Answer:
    """Go on after a rebuild, which may find reps gone and leads on their way from one to the next."""
    out: list[Fact] = []
    for rep in duty.in_order(ledger):
        if not rep.active or rep.status in ("away", "offline"):
            out += duty.take_back(ledger, rep, now)
    for name in verb.loose:
        lead = ledger.leads[name]
        if lead.state == "seen":
            out += offers.offer(ledger, lead, now)
    return Answer("done", out + offers.settle(ledger, now, left=True))


def _forget_unused(ledger: Ledger, now: int) -> None:
    """Forget audiences that nobody has asked for within the hour, but not those of open leads."""
    wanted = {step.audience for lead in ledger.leads.values() if lead.is_open for step in lead.steps}
    for name in [name for name, at in ledger.used.items() if at <= now - HOUR and name not in wanted]:
        del ledger.audiences[name], ledger.used[name]


def _put_rest(ledger: Ledger, verb: Install, now: int) -> None:
    ledger.version = verb.version
    ledger.max_attempts, ledger.misses_before_away = verb.max_attempts, verb.misses_before_away
    ledger.daily_per_rep, ledger.retry_after = verb.daily_per_rep, verb.retry_after
    ledger.max_age = verb.max_age
    ledger.pools, ledger.calendars = dict(verb.pools), dict(verb.calendars)
    for audience in verb.audiences:
        ledger.audiences[audience.id] = audience
        ledger.used.setdefault(audience.id, now)


def _put_reps(ledger: Ledger, verb: Install) -> None:
    seated = {seat.id for seat in verb.seats}
    for rep in ledger.reps.values():
        if rep.id not in seated:
            rep.active, rep.calendar = False, None
    for seat in verb.seats:
        rep = ledger.reps.setdefault(seat.id, Rep(seat.id))
        rep.active, rep.capacity, rep.weight, rep.order = seat.active, seat.capacity, seat.weight, seat.order
        rep.calendar, rep.manager = seat.calendar, seat.manager
