"""The last step: publish what follows, and only then take it out of the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson

from router.domain.decision import Decision, told
from router.errors import DependencyDown
from router.events.base import to_millis
from router.events.envelope import dead_letter, encode
from router.pipeline.render import render
from router.pipeline.work import Work
from router.ports import Applied, Clock, Ledger, Outgoing, Publisher

if TYPE_CHECKING:
    from router.pipeline.links import Signer  # as in `render`


async def publish(
    works: Sequence[Work],
    *,
    publisher: Publisher,
    ledger: Ledger,
    clock: Clock,
    workspace: str,
    topic_prefix: str,
    signer: Signer | None,
) -> None:
    """Publish the facts, the dead letters and the decisions of test submissions."""
    out: list[Outgoing] = []
    applied: list[Applied] = []
    for work in works:
        if work.applied is not None and work.applied.entry:
            applied.append(work.applied)
            out += render(work.applied, workspace, signer)
        if work.rejection is not None:
            refused, topic = work.rejection, topic_prefix + work.record.topic
            out.append(dead_letter(work.record, refused.code, refused.detail, clock.now(), workspace, topic))
        elif work.decision is not None and work.decision.test:
            out.append(_of_test(work.decision, workspace, work.trace))
    await deliver(out, applied, publisher, ledger)


async def deliver(out: Sequence[Outgoing], applied: Sequence[Applied], publisher: Publisher, ledger: Ledger) -> None:
    """
    Publish *out*; when the log has it, take *applied* out of the outbox.

    Where the log does not take it the ledger has applied it all the same, and
    would call it a repeat the next time: so it is left to the sweep.
    """
    if out:
        try:
            await publisher.publish(out)
        except (DependencyDown, asyncio.CancelledError):
            ledger.give_up()
            raise
    if applied:
        await ledger.published(applied)


def _of_test(decision: Decision, workspace: str, trace: str | None) -> Outgoing:
    return encode(
        "lead-decisions",
        decision.lead_id,
        "lead.decided.v1",
        decision.decision_id,
        to_millis(decision.decided_at),
        decision.lead_id,
        orjson.dumps(told(decision)),
        workspace=workspace,
        traceparent=trace,
    )
