"""Forgets the person behind a lead: what stays is an id, a count and the instant, so that nothing older comes back."""

from __future__ import annotations

from router.domain.ledger import clocks, offers
from router.domain.ledger.facts import Answer, Fact
from router.domain.ledger.state import Lead, Ledger
from router.domain.ledger.verbs import Erase


def erase(ledger: Ledger, verb: Erase, now: int) -> Answer:
    """
    Close the lead, whatever became of it before, and keep nothing else of it.

    The `closed` fact is the log's own memory of the erasure. Of a lead that never went to sales there is none, as it
    has no submission that a fact could name: a ledger that is made again from the log does not know that it was erased.
    """
    lead = ledger.leads.setdefault(verb.lead_id, Lead(verb.lead_id, first=now))
    out: list[Fact] = []
    if lead.sub:
        out.append(offers.assignment(ledger, lead, "closed", now, reason="erased"))
        if lead.is_open:
            out += [] if lead.breached else clocks.sla(lead, "cancelled", now, now)
            out += offers.finish(ledger, lead, "closed", now)
    state = "closed" if lead.sub else lead.state
    ledger.leads[lead.id] = Lead(lead.id, first=lead.first, state=state, attempt=lead.attempt, erased=now)
    return Answer("done", out)
