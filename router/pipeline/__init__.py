"""
What happens to each input topic. Read this table first.

A step is a small verb over a batch (`router.pipeline.work.Work`); what it needs
of the world stands in its keyword-only parameters and is given by `bind`. What
happens by time, not by an event, is in `router.pipeline.rounds`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence

from router.pipeline.publish import publish
from router.pipeline.qualify import decide, decode, engage, enrich, identify, note
from router.pipeline.transitions import act, attend, close, place
from router.pipeline.work import Work

Step = Callable[..., Awaitable[None]]
BoundStep = Callable[[Sequence[Work]], Awaitable[None]]

PIPELINE: Mapping[str, tuple[Step, ...]] = {
    "form-submissions": (decode, identify, enrich, engage, decide, place, publish),
    "lead-activities": (decode, note, publish),
    "rep-presence": (decode, attend, publish),
    "rep-actions": (decode, act, publish),
    "lead-outcomes": (decode, close, publish),
}

ANY_ORDER = frozenset({"form-submissions"})
"""Topics whose events may overtake one another: parts of a batch go through the steps side by side."""


class WiringError(TypeError):
    """A step asks for a port that nobody gives: a mistake in the program, seen at its start."""


def bind(step: Step, ports: Mapping[str, object]) -> BoundStep:
    """Give *step* the ports that its keyword-only parameters name."""
    parameters = inspect.signature(step).parameters.values()
    wanted = {parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
    if unknown := wanted - ports.keys():
        message = f"{step.__name__} asks for unknown ports: {sorted(unknown)}"
        raise WiringError(message)
    return functools.partial(step, **{name: ports[name] for name in wanted})
