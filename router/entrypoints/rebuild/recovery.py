"""
What a worker does about a ledger that is gone, when it starts and while it runs: one rebuilds, and all go on.

Until then every verb is refused, so that handlers, timers and installs stand
where they are, as in any outage of Redis: nothing is committed and nothing
becomes a dead letter.
"""

from __future__ import annotations

import asyncio
import secrets

import orjson
import structlog

from router.adapters.redis.ledger import Known
from router.adapters.redis.restoring import Restoring
from router.bootstrap import Station
from router.entrypoints.rebuild.again import rebuild
from router.errors import BadInput, DependencyDown
from router.events.envelope import source
from router.pipeline.publish import deliver
from router.pipeline.read_back import INPUTS
from router.pipeline.render import render
from router.pipeline.runner import Backoff

log = structlog.get_logger()

LOOKED_AT = 200  # newest records of each partition: the order on a partition is nearly that of `sequence`
ENDS_BY_ITSELF = 1.0  # seconds that what is on its way to the log may take, before it is sent once more
LOOKS_EVERY = 0.1


async def begin_or_rebuild(place: Station) -> None:
    """
    Take up the ledger that is there; begin one where nothing was ever done; rebuild one that is behind its log.

    The log is read first: it only grows. Raises `BadInput` where the topics are those of another workspace.
    """
    in_log, whose = await last_on_log(place)
    known = await place.ledger.known()
    if known.epoch is None and in_log == 0 and not any((await place.log.progress(INPUTS)).values()):
        await place.ledger.begin(secrets.token_hex(8))
        known = await place.ledger.known()
    if known.epoch is not None and known.sequence >= in_log:
        place.ledger.adopt(known)
        return
    expect_own(place, whose)
    log.error("ledger.forgot", in_ledger=known.sequence, in_log=in_log)
    await _recover(place, Known(known.epoch, in_log))


async def keep_remembering(place: Station) -> None:
    """Watch over the ledger for ever: where it is gone or has gone back, see to it that all go on."""
    while True:
        await place.ledger.forgot.wait()
        lost = place.ledger.last_known
        log.error("ledger.forgot", sequence=lost.sequence)
        await _recover(place, lost)


async def _recover(place: Station, lost: Known) -> None:
    """Return when a ledger is there again that is not behind *lost*, and this worker has adopted it."""
    backoff = Backoff()
    while True:
        try:
            await _drain(place)
            if await _is_there(place, lost):
                return
            restoring = Restoring(place.redis, place.workspace, place.ledger.publisher)
            async with restoring.lease() as mine:
                if mine and not await _is_there(place, lost):
                    await rebuild(place, restoring)
                    return
        except DependencyDown as down:
            log.warning("ledger.not_rebuilt", why=str(down))
            await backoff.wait()
        await asyncio.sleep(LOOKS_EVERY)


async def _is_there(place: Station, lost: Known) -> bool:
    """
    Adopt the ledger that is there, where it is not behind the one that was lost.

    One that was made again may be: where the log was lost with the ledger, as on the embedded one.
    """
    known = await place.ledger.known()
    if known.epoch is None:
        return False
    goes_back = known.sequence < lost.sequence
    if goes_back and (known.epoch == lost.epoch or known.sequence < (await last_on_log(place))[0]):
        return False
    place.ledger.adopt(known)
    place.in_force.known_audiences.clear()
    log.info("ledger.adopted", sequence=known.sequence)
    return True


async def _drain(place: Station) -> None:
    """See to it that all that the lost ledger told this worker stands on the log."""
    ledger, clock = place.ledger, asyncio.get_running_loop().time
    until = clock() + ENDS_BY_ITSELF
    while True:
        if clock() < until and not ledger.is_drained:
            await asyncio.sleep(LOOKS_EVERY)
            continue
        for one in ledger.held():
            await deliver(render(one, place.workspace, place.signer), [one], place.log.publisher, ledger)
        if ledger.is_drained:
            return
        await asyncio.sleep(LOOKS_EVERY)  # an answer is still on its way


async def last_on_log(place: Station) -> tuple[int, bytes | None]:
    """Return the last sequence on the log, 0 where there is none, and whose it is."""
    newest = await place.log.tail.last("lead-assignments", LOOKED_AT)
    told = ((orjson.loads(one.value or b"{}").get("sequence", 0), one.headers.get("ce_source")) for one in newest)
    return max(told, default=(0, None), key=lambda one: one[0])


def expect_own(place: Station, of: bytes | None) -> None:
    """Raise `BadInput` where the assignments on the log are another workspace's: no ledger of ours is made of them."""
    mine = source(place.workspace)
    if of is not None and of.decode() != mine:
        message = (
            f"The topics with the prefix {place.topic_prefix!r} are those of {of.decode()}, and this is {mine}. Set "
            "ROUTER_WORKSPACE to what it was, or another ROUTER_TOPIC_PREFIX."
        )
        raise BadInput(message)
