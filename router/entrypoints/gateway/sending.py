"""Puts events onto the log for many requests at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from router.events import TOPICS
from router.events.base import to_millis
from router.events.envelope import encode
from router.ports import Clock, Outgoing, Publisher

NAMED_BY = {
    "form-submissions": ("submission_id", "submission_id"),
    "lead-activities": ("activity_id", "activity_id"),
    "rep-presence": ("rep_id", ""),
    "rep-actions": ("lead_id", "action_id"),
    "lead-outcomes": ("lead_id", "outcome_id"),
}
"""The fields that key and id of an event on each input topic come from."""


class Sending:
    """Sends through one publisher."""

    def __init__(self, publisher: Publisher, clock: Clock, workspace: str) -> None:
        self._publisher = publisher
        self._clock = clock
        self._workspace = workspace

    async def send(self, topic: str, events: Sequence[Mapping[str, object]]) -> None:
        """Return when the log has all *events*; raises `DependencyDown` where it has not."""
        await self._publisher.publish([self._record(topic, event) for event in events])

    def _record(self, topic: str, event: Mapping[str, object]) -> Outgoing:
        key_field, id_field = NAMED_BY[topic]
        key, now = str(event[key_field]), to_millis(self._clock.now())
        [ce_type] = TOPICS[topic]
        ce_id = str(event[id_field]) if id_field else f"{key}-{now}"
        return encode(topic, key, ce_type, ce_id, now, key, orjson.dumps(event), workspace=self._workspace)
