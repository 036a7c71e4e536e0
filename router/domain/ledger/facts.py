"""
What the ledger answers: a code, and the facts that follow from the state change.

A fact is a small dict, the same to the letter from the model and from Redis;
`router.pipeline.render` turns it into events. Absent keys mean null.

    t          what happened, one of
      decided                                       to lead-decisions; `erased`: sent before the person was erased
      queued assigned accepted unassigned touched closed   to lead-assignments, each with its `seq`
      warned breached met resolved cancelled        to sla-events
      notify                                        to rep-notifications
      presence                                      to rep-presence
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Fact = dict[str, Any]

Code = Literal[
    "done", "repeat", "more", "unknown_rep", "unknown_lead", "unknown_audience", "stale_policy", "missing_audiences"
]


@dataclass(slots=True)
class Answer:
    """The outcome of one verb. `decision` is the JSON of the decision that a `decided` fact speaks of."""

    code: Code
    facts: list[Fact] = field(default_factory=list)
    decision: str = ""


def fact(what: str, /, **values: Any) -> Fact:  # noqa: ANN401 - whatever JSON holds
    """Make a fact; what is None is left out."""
    return {"t": what, **{name: value for name, value in values.items() if value is not None}}
