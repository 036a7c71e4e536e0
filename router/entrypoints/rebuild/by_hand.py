"""`router rebuild`: looks whether the ledger is lost, says what it will do, does it, and tells what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from router.adapters.redis.restoring import LeaseLost, Restoring
from router.bootstrap import Station, station
from router.entrypoints.rebuild.again import Rebuilt, Tell, rebuild
from router.entrypoints.rebuild.recovery import expect_own, last_on_log
from router.entrypoints.worker import same_people
from router.errors import BadInput
from router.pipeline.ending import end
from router.settings import Settings

LOOKS_EVERY = 1.0  # seconds, while a worker or another command rebuilds
GIVES_UP_AFTER = 600.0

IN_STEP = (
    "The ledger is there and in step with the log (sequence {}): there is nothing to rebuild. --force makes it again "
    "all the same; workers wait meanwhile."
)
PLAN = (
    "the ledger is {state}: it will be made again from the topics, under the policy in {config}",
    "workers stop at what they are doing, publish what they hold, and go on by themselves when it is there",
)


async def rebuild_by_hand(
    settings: Settings, *, force: bool, say: Callable[[str], None], tell: Tell = lambda *_: None
) -> Rebuilt:
    """
    Make the ledger again; *say* hears what is about to happen, *tell* how far it is.

    Raises `BadInput` where the ledger is in step with the log and *force* is not given, or nothing is on the log.
    """
    async with station(settings, f"rebuild-{settings.workspace}") as place:
        state = await _state(place, force=force)
        for line in PLAN:
            say(line.format(state=state, config=settings.config))
        restoring = Restoring(place.redis, place.workspace, place.ledger.publisher)
        loop = asyncio.get_running_loop()
        until = loop.time() + GIVES_UP_AFTER
        while True:
            if (done := await _once(place, restoring, tell)) is not None:
                return done
            if loop.time() > until:
                raise BadInput("Somebody else has been rebuilding for ten minutes. Look at the logs of the workers.")
            say("somebody else is rebuilding the ledger: waiting")
            await asyncio.sleep(LOOKS_EVERY)
            if not force:
                await _state(place, force=False)


async def _once(place: Station, restoring: Restoring, tell: Tell) -> Rebuilt | None:
    """Rebuild, where nobody else does; None where somebody does, or has taken over meanwhile."""
    async with restoring.lease() as mine:
        if not mine:
            return None
        alive = asyncio.ensure_future(place.ledger.stay_alive())
        try:
            done = await rebuild(place, restoring, tell)
        except LeaseLost:
            return None
        finally:
            await end([alive])
        await same_people(place)
        return done


async def _state(place: Station, *, force: bool) -> str:
    in_log, whose = await last_on_log(place)
    expect_own(place, whose)
    known = await place.ledger.known()
    if known.epoch is None:
        return f"gone, and lead-assignments ends at {in_log}"
    if known.sequence < in_log:
        return f"behind: it ends at {known.sequence}, lead-assignments at {in_log}"
    if not force:
        raise BadInput(IN_STEP.format(known.sequence))
    return f"in step with the log, at {known.sequence}"


def lines(done: Rebuilt) -> Sequence[str]:
    """Return what came of it, for a person."""
    rows = [
        ("open leads", f"{done.leads_open}: {done.leads_held} held, {done.leads_waiting} waiting"),
        ("leads that are over", f"{done.leads_over}"),
        ("reps", f"{done.reps}"),
        ("ids remembered", f"{done.submissions} submissions, {done.actions} actions and outcomes"),
        ("sequence", f"{done.sequence}"),
        ("events read", f"{done.events} in {done.read_seconds:.1f} s"),
        ("in all", f"{done.seconds:.1f} s"),
    ]
    notes = [
        (done.unreadable, "records that cannot be read were passed over"),
        (done.asked_again, "inputs had left no effect, and were put on their topics again"),
        (done.without_contact, "open leads go on without contact details: their submissions are no longer kept"),
        (done.without_route, "open leads go on without their route, which the policy does not have any more"),
    ]
    told = [f"{name + ':':<22}{value}" for name, value in rows]
    told += [f"{count} {text}" for count, text in notes if count]
    if done.missing:
        spans = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in done.missing)
        told.append(f"LOST: nothing on the log tells of sequence {spans}; what those assignments said is not known")
    return told
