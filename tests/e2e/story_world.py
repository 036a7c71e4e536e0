"""What reps and leads do in the tests that follow single leads: each acts on what it sees, never by the clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from router.events.base import rfc3339
from router.ports import Outgoing
from tests.e2e.play import moment
from tests.e2e.scenario import bare
from tests.e2e.story_policy import REPS
from tests.e2e.witness import Seen

STORIES = ("offered", "late", "full", "widened", "unheard")
"""The leads that are followed, by form; `full` only keeps its rep busy."""


def submission(name: str, person: str = "") -> Outgoing:
    """Return a form sent now; its name up to a `+` is the form, and its sender, unless another *person* is given."""
    form = name.partition("+")[0]
    data = {
        "submission_id": name,
        "submitted_at": rfc3339(moment()),
        "form": form,
        "email": f"{person or form}@buyer.example",
    }
    return bare("form-submissions", data, name)


def presence(rep: str) -> Outgoing:
    """Return that the rep is there from now on."""
    return bare("rep-presence", {"rep_id": rep, "status": "available", "at": rfc3339(moment()), "ttl_seconds": 0}, rep)


class World:
    """
    The reps: what they do follows from what they see.

    First a lead goes to each, which shows that their presence has arrived. Then the stories run side by side.
    """

    def __init__(self) -> None:
        self.leads: dict[str, str] = {}
        self._number = itertools.count(1)
        self._met: set[str] = set()
        self._on: Mapping[tuple[str, str, int], Callable[[], Sequence[Outgoing]]] = {
            # Ana lets it run out, and answers when it is Ben's; he declines, Cleo takes it
            ("offered", "assigned", 2): lambda: [self._act("offered", "ana", "accept", 1)],
            ("", "superseded", 2): lambda: [self._act("offered", "ben", "decline", 2)],
            ("offered", "assigned", 3): lambda: [self._act("offered", "cleo", "accept", 3)],
            ("offered", "accepted", 3): lambda: [submission("offered+again")],
            ("", "repeat", 3): lambda: [self._act("offered", "cleo", "touch", 3)],
            # Bob does nothing until it is too late
            ("late", "assigned", 2): lambda: [self._act("late", "bea", "touch", 2)],
            # Gil is busy with one when the next comes for him
            ("full", "assigned", 1): lambda: [submission("widened")],
            ("widened", "assigned", 1): lambda: [self._act("widened", "gus", "touch", 1)],
            ("widened", "touched", 1): lambda: [self._act("full", "gil", "touch", 1)],
            # There is nobody, until Eve sees it waiting and takes it
            ("unheard", "breached", 0): lambda: [self._act("unheard", "eve", "accept", None)],
            ("unheard", "accepted", 1): lambda: [self._act("unheard", "eve", "touch", 1)],
        }

    def begin(self) -> Sequence[Outgoing]:
        """Return what is sent first."""
        return [*(presence(rep) for rep in REPS), *(submission(f"for-{rep}") for rep in REPS)]

    def react(self, seen: Seen) -> Sequence[Outgoing]:
        """Return what somebody does about it."""
        name = str(seen.data.get("submission_id", ""))
        if name and "lead_id" in seen.data:
            self.leads.setdefault(name, seen.data["lead_id"])
        what = str(seen.data["kind"]) if seen.record.topic == "rep-notifications" else seen.type
        if name.startswith("for-") and seen.record.topic == "lead-assignments":
            return self._greet(name.removeprefix("for-"), what)
        act = self._on.get((name, what, seen.data.get("attempt", 0)))
        return act() if act is not None else []

    def _greet(self, rep: str, what: str) -> Sequence[Outgoing]:
        if what == "assigned":
            return [self._act(f"for-{rep}", rep, "touch", 1)]
        if what == "touched":
            self._met.add(rep)
            if self._met == set(REPS):
                return [submission(name) for name in STORIES if name != "widened"]
        return []

    def _act(self, name: str, rep: str, action: str, attempt: int | None) -> Outgoing:
        lead = self.leads[name]
        data: dict[str, Any] = {
            "action_id": f"action-{next(self._number)}",
            "lead_id": lead,
            "rep_id": rep,
            "action": action,
            "at": rfc3339(moment()),
        }
        return bare("rep-actions", data if attempt is None else {**data, "attempt": attempt}, lead)
