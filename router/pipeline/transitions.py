"""The steps that change the ledger: place, attend, act, close. One call of the ledger a batch."""

from __future__ import annotations

from collections.abc import Sequence

from router.domain.ledger.verbs import Verb
from router.domain.routing import audiences
from router.errors import InvalidEvent
from router.events.action import RepAction
from router.events.outcome import LeadOutcome
from router.events.presence import RepPresence
from router.events.submission import FormSubmitted
from router.pipeline import verbs
from router.pipeline.work import InForce, Work, going
from router.ports import Ledger


class LedgerBroke(Exception):
    """The ledger failed on one verb of a batch; the others were applied."""


async def place(works: Sequence[Work], *, ledger: Ledger, in_force: InForce) -> None:
    """Give the decisions to the ledger, which settles where they go; a test submission goes past it."""
    placed = [work for work in going(works) if work.decision is not None and not work.decision.test]
    for work in placed:
        assert work.decision is not None  # noqa: S101 - filtered above
        decision, policy = work.decision, in_force.policy
        if decision.route is not None and decision.to == "sales":
            work.audiences = audiences(decision.route, policy, decision.values)
        work.verb = verbs.place(decision, work.event(FormSubmitted), work.audiences, policy, work.trace)
    fresh = {a.id: a for work in placed for a in work.audiences if a.id not in in_force.known_audiences}
    await _apply(ledger, placed, [verbs.audience(a) for a in fresh.values()])
    in_force.known_audiences |= fresh.keys()
    strangers = [work for work in placed if work.applied is not None and work.applied.code == "unknown_audience"]
    if strangers:  # the ledger was made anew since
        again = {a.id: a for work in strangers for a in work.audiences}
        await _apply(ledger, strangers, [verbs.audience(a) for a in again.values()])


async def attend(works: Sequence[Work], *, ledger: Ledger) -> None:
    """Take presences to the ledger."""
    for work in going(works):
        work.verb = verbs.attend(work.event(RepPresence), work.trace)
    await _apply(ledger, list(going(works)))


async def act(works: Sequence[Work], *, ledger: Ledger) -> None:
    """Take what reps did to the ledger."""
    for work in going(works):
        work.verb = verbs.act(work.event(RepAction), work.trace)
    await _apply(ledger, list(going(works)))


async def close(works: Sequence[Work], *, ledger: Ledger) -> None:
    """Take outcomes to the ledger."""
    for work in going(works):
        work.verb = verbs.close(work.event(LeadOutcome), work.trace)
    await _apply(ledger, list(going(works)))


async def _apply(ledger: Ledger, works: Sequence[Work], first: Sequence[Verb] = ()) -> None:
    """Apply the works' verbs after *first*, and mark what the ledger refuses."""
    asked = [*first, *(work.verb for work in works if work.verb is not None)]
    if not asked:
        return
    answers = await ledger.apply(asked)
    broken = ""
    for work, applied in zip(works, answers[len(first) :], strict=True):
        work.applied = applied
        match applied.code:
            case "unknown_rep":
                work.rejection = InvalidEvent("unknown_rep", "the configuration in force has no such rep")
            case "unknown_lead":
                work.rejection = InvalidEvent("unknown_lead", "no submission of such a lead was ever decided")
            case "error":
                broken = applied.message
    if broken:
        raise LedgerBroke(broken)
