"""
The bugs: each breaks one promise by a change of a line or two, as a hurried mend might.

`was` has to stand in the file exactly once; a test sees to that, so that the list keeps up with the code.
"""

from __future__ import annotations

from dataclasses import dataclass

LUA = "router/adapters/redis/lua/"
LEDGER = (
    "tests/integration/test_ledger_redis.py",
    "tests/integration/test_ledger_behaviour.py",
    "tests/known_failures",
    "tests/model",
)
PIPELINE = ("tests/unit/test_pipeline_runner.py", "tests/unit/test_pipeline_steps.py", "tests/known_failures")
KILLED = (
    "tests/e2e/test_promises.py::test_promises_hold_when_a_worker_is_killed",
    "tests/e2e/test_promises.py::test_promises_hold_when_the_broker_is_killed",
)


@dataclass(frozen=True, slots=True)
class Bug:
    """
    One bug: in *file*, *was* becomes *now*, and *promise* of the contract breaks.

    * **tests** - those that look at the place most closely; the audit of a whole run is asked besides.
    """

    name: str
    promise: int
    file: str
    was: str
    now: str
    tests: tuple[str, ...] = LEDGER


BUGS = (
    Bug(
        "a batch is committed before it has had its effect",
        1,
        "router/adapters/kafka/faust_app.py",
        "        await self._handlers[topic](received(topic, events, self._now()))\n        self.has_handled = True\n",
        "        for event in events:\n"
        '            cast("BatchConsumer", self._app.consumer).handled(event)\n'
        "        await self._handlers[topic](received(topic, events, self._now()))\n"
        "        self.has_handled = True\n",
        ("tests/integration/test_log_behaviour.py", *KILLED),
    ),
    Bug(
        "who knows no topic deals out what they know",
        1,
        "router/adapters/kafka/dealing.py",
        "            raise UnknownTopicOrPartitionError",
        "            _ = UnknownTopicOrPartitionError",
        ("tests/integration/test_log_kafka_silence.py",),
    ),
    Bug(
        "what a log does not take is taken out of the outbox all the same",
        1,
        "router/pipeline/publish.py",
        "            ledger.give_up()\n            raise\n",
        "            await ledger.published(applied)\n            raise\n",
        (*PIPELINE, *KILLED),
    ),
    Bug(
        "an outbox entry without its facts",
        1,
        LUA + "apply.lua",
        'entry = redis.call("XADD", P .. "out", "*", "p", publisher, "f", json, "d", decision, "h", trace)',
        'entry = redis.call("XADD", P .. "out", "*", "p", publisher, "f", "[]", "d", decision, "h", trace)',
        LEDGER,
    ),
    Bug(
        "a bad event leaves no dead letter",
        1,
        "router/pipeline/publish.py",
        "        if work.rejection is not None:\n",
        "        if work.rejection is not None and work.incoming is not None:\n",
        (*PIPELINE, "tests/e2e/test_poison.py"),
    ),
    Bug(
        "a sequence is skipped",
        1,
        LUA + "later.lua",
        "  turn = turn + 1\n",
        "  turn = turn + 2\n",
    ),
    Bug(
        "an answer to an older attempt counts",
        2,
        LUA + "act.lua",
        "  if lead.rep == item.rep_id and (not attempt or attempt == lead.attempt) then\n",
        "  if lead.rep == item.rep_id then\n",
    ),
    Bug(
        "anybody's accept counts",
        2,
        LUA + "act.lua",
        "  if lead.rep == item.rep_id and (not attempt or attempt == lead.attempt) then\n",
        "  if lead.rep and (not attempt or attempt == lead.attempt) then\n",
    ),
    Bug(
        "the attempt stays the same when a lead goes on",
        2,
        LUA + "offers.lua",
        "  lead.attempt = lead.attempt + 1\n",
        "  lead.attempt = math.max(lead.attempt, 1)\n",
    ),
    Bug(
        "one lead above capacity",
        3,
        LUA + "reps.lua",
        '  if rep.load >= rep.capacity then return "at_capacity" end\n',
        '  if rep.load > rep.capacity then return "at_capacity" end\n',
    ),
    Bug(
        "an owner is given the lead whatever they hold",
        3,
        LUA + "reps.lua",
        '  return not own or own == "daily_limit"\n',
        '  return not own or own == "daily_limit" or own == "at_capacity"\n',
    ),
    Bug(
        "a lead that is taken back frees two places",
        3,
        LUA + "offers.lua",
        "  holder.load = holder.load - 1\n",
        "  holder.load = math.max(0, holder.load - 2)\n",
    ),
    Bug(
        "a presence never runs out",
        4,
        LUA + "advance.lua",
        '      rep.status = "offline"\n',
        "",
    ),
    Bug(
        "any status but offline takes leads",
        4,
        LUA + "reps.lua",
        '  if rep.status ~= "available" then return rep.status end\n',
        '  if rep.status == "offline" then return rep.status end\n',
    ),
    Bug(
        "accepting stops the clock",
        5,
        LUA + "act.lua",
        '  lead.accept_by = nil\n  clocks.cancel(lead, "accept", "remind")\n',
        "  lead.accept_by = nil\n  clocks.cancel_all(lead)\n",
    ),
    Bug(
        "a breach is forgotten when the lead is touched",
        5,
        LUA + "leads.lua",
        '  if not lead.breached and in_time then return clocks.sla(lead, "met", acted) end\n',
        '  if in_time or lead.breached then return clocks.sla(lead, "met", acted) end\n',
    ),
    Bug(
        "capacity that comes free serves nobody who waits",
        6,
        LUA + "offers.lua",
        "  if holder then queue.settle({ holder }, false) end\n",
        "",
    ),
    Bug(
        "capacity does not come free",
        6,
        LUA + "offers.lua",
        "  holder.load = holder.load - 1\n",
        "",
    ),
    Bug(
        "a submission that comes again is a new one",
        7,
        LUA + "place.lua",
        '  if not once(P .. "sub:" .. item.sub, limit("max_age") + DAY) then return "repeat" end\n',
        "",
    ),
    Bug(
        "an action that comes again counts again",
        7,
        LUA + "act.lua",
        '  if not once(P .. "act:act:" .. item.action_id, KEEP_ACTIONS) then return "repeat" end\n',
        "",
    ),
    Bug(
        "a bad event makes dead letters of its batch",
        8,
        "router/pipeline/runner.py",
        "        for record in records:\n            await self._alone(record)\n",
        "        for record in records:\n"
        '            await self.last([Work(record, rejection=InvalidEvent("processing_failed", "in a bad batch"))])\n',
        PIPELINE,
    ),
    Bug(
        "an enricher may take as long as it likes",
        8,
        "router/pipeline/qualify.py",
        "        async with asyncio.timeout(policy.enrichment.budget / 1000):\n",
        "        async with asyncio.timeout(None):\n",
        PIPELINE,
    ),
    Bug(
        "a decision keeps to itself what it was told of the company",
        9,
        "router/domain/decision.py",
        '            "fields": dict(decision.company.fields),\n',
        '            "fields": {},\n',
        ("tests/unit/test_decision.py", "tests/unit/test_pipeline_steps.py"),
    ),
    Bug(
        "the log tells who wrote",
        10,
        "router/pipeline/runner.py",
        '                log.warning("event.failed", error=kind, **where)\n',
        '                log.warning("event.failed", error=kind, value=str(record.value), **where)\n',
        (*PIPELINE, "tests/e2e/test_poison.py"),
    ),
)
