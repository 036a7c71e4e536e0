"""A ledger made of all that the topics told, under the policy that is installed with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from router.domain.ledger import choices, duty, reps
from router.domain.ledger.model import apply
from router.domain.ledger.offers import arm as offers_arm
from router.domain.ledger.place import is_more, lifted
from router.domain.ledger.state import DAY, STAGES, Lead, LeadState, Ledger, Rep
from router.domain.ledger.verbs import Clock, Install, Place, Resume
from router.domain.rebuild.course import Courses, Opening, Past
from router.domain.rebuild.team import Team
from router.domain.rebuild.telling import Told

Placed = Sequence[tuple[int, Place]]
"""When, and as what, the submission that opened a lead was placed; then those that were attached to it."""


@dataclass(slots=True)
class Image:
    """
    What is to be restored.

    * **ledger** - the reps, the open leads and their timers, as they were; the policy is installed.
    * **over** - the leads that are not open. * **loose** - open ones that must go on at once: see `Opening.loose`.
    """

    ledger: Ledger
    over: Mapping[str, Past]
    loose: tuple[str, ...] = ()
    accounts: dict[str, str] = field(default_factory=dict)

    @property
    def resume(self) -> Resume:
        """The verb by which the restored ledger goes on."""
        return Resume(self.loose)


def image(told: Told, placed: Mapping[str, Placed], owners: Owners, install: Install, sequence: int, now: int) -> Image:
    """
    Put everything together, as it stands at *now* (ms).

    * **placed** - of every open lead. * **sequence** - the last one there was.
    """
    courses, team = told.courses, told.courses.team
    ledger = Ledger()
    apply(ledger, install, now)
    made = Image(ledger, courses.over, accounts=owners.accounts())
    ledger.virtual = dict(team.virtual)
    for name in sorted(name for name, seen in team.reps.items() if name in ledger.reps or seen.turn):
        _seat(ledger, team, name, now)
    since: dict[str, int] = {}
    for opening in courses.open.values():
        lead = opening.lead
        ledger.leads[lead.id] = lead
        since[lead.id] = _furnish(lead, opening, placed[lead.id], told, owners)
        lead.parked = lead.parked and lead.rep is None and lead.tries >= ledger.max_attempts
        if lead.rep is not None:
            ledger.reps[lead.rep].load += 1
    for name, clock_since in since.items():
        _arm(ledger, ledger.leads[name], clock_since, now, reminded=name in told.reminded)
    made.loose = tuple(name for name, opening in courses.open.items() if opening.loose)
    ledger.sequence, ledger.accounts = sequence, made.accounts
    return made


class Owners:
    """Who had the leads of each company last."""

    def __init__(self, courses: Courses, companies: Mapping[str, str]) -> None:
        self._latest: dict[str, list[tuple[int, str, str]]] = {}  # the two latest leads of each
        known = ((name, past.turn, past.last_rep) for name, past in courses.over.items())
        now = ((name, one.turn, one.lead.last_rep) for name, one in courses.open.items())
        for name, turn, rep in (*known, *now):
            company = companies.get(name)
            if company is not None and rep is not None:
                best = self._latest.setdefault(company, [])
                best.append((turn, rep, name))
                best.sort(reverse=True)
                del best[2:]

    def accounts(self) -> dict[str, str]:
        """Return company -> the rep who had it last."""
        return {company: best[0][1] for company, best in self._latest.items()}

    def beside(self, company: str | None, lead: str) -> str | None:
        """Return the rep who had the company last, by another lead than this one."""
        return next((rep for _, rep, name in self._latest.get(company or "", ()) if name != lead), None)


def _seat(ledger: Ledger, team: Team, name: str, now: int) -> None:
    """Let a rep be where they were; one whom the policy does not know was one when a lead was theirs."""
    seen = team.of(name)
    rep = ledger.reps.get(name)
    if rep is None:
        rep = ledger.reps[name] = Rep(name)
    rep.status, rep.seen_at, rep.ahead = seen.status, min(seen.seen_at, now), seen.ahead
    rep.turn, rep.misses = seen.turn, seen.misses
    if 0 < seen.until <= now:
        rep.status = "offline"
    else:
        duty.expire_at(ledger, rep, seen.until)
    midnight = reps.midnight(ledger, rep, now)
    rep.today = sum(at >= midnight for at in seen.lately)
    rep.day = midnight if rep.today else 0
    reps.refresh_duty(ledger, rep, now)
    for pool, own in seen.passes.items():
        rep.passes[pool] = max(own, ledger.virtual.get(pool, 0)) if rep.on_duty else own


def _furnish(lead: Lead, opening: Opening, placed: Placed, told: Told, owners: Owners) -> int:
    """Give the lead what its submissions brought along, in the order in which they came; since when its clock runs."""
    breached_at = told.breached.get(lead.id)
    lead.warned = sorted(told.warned.get(lead.id, ()))
    lead.told_nobody = lead.id in told.nobody
    clock_since = lead.opened
    first = True
    for at, place in placed:
        lead.breached = not first and breached_at is not None and breached_at <= at
        waits = first or not opening.held_before(at)
        if not first and not is_more(place, lead):
            continue
        clock = place.clock if first else lifted(lead, place, waits=waits)
        if clock is not lead.clock:
            clock_since = at
        lead.clock = clock
        stage = place.stage if first else max(lead.stage, place.stage, key=STAGES.index)
        if waits:
            _route(lead, place, owners)
        else:
            lead.priority, lead.card = max(lead.priority, place.priority), place.card
        lead.stage = stage
        if first:
            _opened_by(lead, opening, place)
        first = False
    lead.breached = breached_at is not None
    if placed and placed[-1][0] <= opening.told_at:
        lead.clock = _as_told(lead.clock, opening.touch_by)
    return clock_since


def _opened_by(lead: Lead, opening: Opening, place: Place) -> None:
    lead.received, lead.decided = place.received_at, place.decided_at
    earlier = lead.opened - min(place.decided_at, lead.opened)  # it waits from its decision on
    if opening.was_held:
        lead.unheld_ms += earlier
    else:
        lead.unheld_since -= earlier


def _route(lead: Lead, place: Place, owners: Owners) -> None:
    lead.steps, lead.priority, lead.card = place.steps, place.priority, place.card
    lead.escalate_to, lead.company = place.escalate_to, place.company
    lead.considered = place.considered
    account = owners.beside(place.company, lead.id) if place.sticky_account else None
    if account is not None and account not in lead.owners:
        lead.owners = (*lead.owners, account)


def _as_told(clock: Clock | None, touch_by: int | None) -> Clock | None:
    """Return the clock as the rep was told of it, whatever a policy with other targets would say."""
    if clock is None or touch_by is None:
        return clock if touch_by is not None else None
    return clock if clock.due_at == touch_by else replace(clock, due_at=touch_by)


def _arm(ledger: Ledger, lead: Lead, since: int, now: int, *, reminded: bool) -> None:
    """
    Set the timers of an open lead; what came due in the meantime fires with the next tick.

    A threshold that had passed when the clock began, *since*, is not warned of.
    """
    timers = ledger.timers
    lead.overdue = lead.breached
    if lead.clock is None:
        lead.overdue = lead.submitted + DAY <= now
        if not lead.overdue:
            timers["late", lead.id] = lead.submitted + DAY
    elif not lead.breached:
        timers["breach", lead.id] = lead.clock.due_at
        for index, (share, at) in enumerate(lead.clock.warn_at):
            if share not in lead.warned and since < at < lead.clock.due_at:
                timers[f"warn{index}", lead.id] = at
    if lead.state == "held" and lead.accept_by is not None:
        timers["accept", lead.id] = lead.accept_by
        if not reminded:
            timers["remind", lead.id] = lead.assigned_at + (lead.accept_by - lead.assigned_at) // 2
    if lead.state == "waiting":
        lead.reach = len(lead.steps) if lead.parked else choices.reach(ledger, lead, now)
        if not lead.parked:
            offers_arm(ledger, lead, now)


def over(past: Mapping[str, Past]) -> Iterable[Lead]:
    """Yield the leads that are not open as the ledger keeps them."""
    for name, one in past.items():
        state: LeadState = "touched" if one.state == "touched" else "closed" if one.state == "closed" else "seen"
        yield Lead(
            name,
            state=state,
            first=one.first,
            attempt=one.attempt,
            last_rep=one.last_rep,
            erased=one.erased,
            sub=one.sub,
            submitted=one.submitted,
            policy=one.policy,
        )
