"""The steps that change the ledger: place, attend, act, close. One call of the ledger a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from router.domain.ledger.verbs import Verb
from router.domain.routing import again, audiences
from router.errors import DependencyDown, InvalidEvent
from router.events.action import RepAction
from router.events.outcome import LeadOutcome
from router.events.presence import RepPresence
from router.events.submission import FormSubmitted
from router.pipeline import verbs
from router.pipeline.publish import deliver
from router.pipeline.render import render
from router.pipeline.work import InForce, Work, going
from router.ports import Applied, Ledger, Publisher

if TYPE_CHECKING:
    from router.pipeline.links import Signer  # as in `render`

TELLS = 5  # how often an audience is told that another policy makes stale meanwhile


class LedgerBroke(Exception):
    """The ledger failed on one verb of a batch; the others were applied."""


async def place(
    works: Sequence[Work],
    *,
    ledger: Ledger,
    in_force: InForce,
    publisher: Publisher,
    workspace: str,
    signer: Signer | None,
) -> None:
    """
    Give the decisions to the ledger, which settles where they go; a test submission goes past it.

    An audience that the ledger does not know is told again, under the policy that is in force by then: the ledger was
    made anew, or another policy came in force since the decision. The decision itself stays as it is. A worker that
    cannot read that policy tells the audience as it knows it, rather than let the lead wait; whoever can read it tells
    it anew.
    """
    placed = [work for work in going(works) if work.decision is not None and not work.decision.test]
    under = in_force.at_this_moment()
    for work in placed:
        assert work.decision is not None  # noqa: S101 - filtered above
        decision = work.decision
        if decision.route is not None and decision.to == "sales":
            work.audiences = audiences(decision.route, under.policy, decision.values)
        work.verb = verbs.place(decision, work.event(FormSubmitted), work.audiences, under.policy, work.trace)
    fresh = {a.id: a for work in placed for a in work.audiences if a.id not in under.known_audiences}
    version: str | None = under.version
    for _ in range(TELLS):
        answers = await _apply(ledger, placed, [verbs.audience(one, version) for one in fresh.values()])
        codes = {name: applied.code for name, applied in zip(fresh, answers, strict=True)}
        under.known_audiences |= {name for name, code in codes.items() if code == "done"}
        placed = [work for work in placed if work.applied is not None and work.applied.code == "unknown_audience"]
        passed_over = [*answers, *(work.applied for work in placed if work.applied is not None)]
        told = [one for one in passed_over if one.entry]  # what no work takes on: that a presence had run out, say
        await deliver([record for one in told for record in render(one, workspace, signer)], told, publisher, ledger)
        if not placed:
            return
        was, under = under.version, await under.newest()
        version = None if under.version == was and "stale_policy" in codes.values() else under.version
        fresh = {a.id: again(a, under.policy) for work in placed for a in work.audiences}
    message = "the policy in force changes faster than a lead can be placed by it"
    raise DependencyDown(message)


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


async def _apply(ledger: Ledger, works: Sequence[Work], first: Sequence[Verb] = ()) -> Sequence[Applied]:
    """Apply the works' verbs after *first*, mark what the ledger refuses, and return the answers to *first*."""
    asked = [*first, *(work.verb for work in works if work.verb is not None)]
    if not asked:
        return []
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
    return answers[: len(first)]
