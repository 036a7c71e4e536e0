"""
The stream processors' consumer: Faust agents feeding batches to handlers.

What Faust is trusted with, and what not, was read from its source (0.15.3):

- Offsets are committed from acknowledgements. An event is acknowledged here
  after its handler returned, in the order of its partition, and nowhere else.
- An event here is all that was fetched of one partition at once (`batches` says
  why and how); Faust's own work is done once for it, not once a record.
- An agent that raised would count its event as done, so agents only put events
  into an inbox, on a stream that acknowledges nothing by itself.
- `take` waits out its time even when idle, and `stream_wait_empty` would hold up
  the whole group while one handler waits for a dependency. Neither is used:
  when partitions are dealt out anew, what waits is dropped, what is in work has
  a second to end, and the rest comes again.
- `pause_partitions` outside of a rebalance drops what is already fetched and takes
  it for done. `on_buffer_full` does not, and is what full inboxes call.
- A crash of the app (a commit that failed for good, a lost thread) ends one run
  here, not the process: the next run begins at what was committed.
- Who deals out the partitions may not know of a topic at that moment: `dealing`.
- What stops the records without a crash is for `watching`, and ends a run too.
- A thread that does not end may keep its partitions for ever: then the process ends.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

import faust
import structlog
from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]  # the package ships no types
from faust.app.base import BootStrategy
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Transport as KafkaTransport
from faust.types import TP
from mode.threads import ServiceThread, WorkerThread
from yarl import URL

from router.adapters.kafka.admin import KafkaAdmin
from router.adapters.kafka.batches import Batch, BatchConsumer, inbox_of, received
from router.adapters.kafka.closing import close, ended, ends_within, in_full, sweep
from router.adapters.kafka.committed import seek_to_committed
from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.dealing import WholeDeal
from router.adapters.kafka.header_names import read_any_header_name
from router.adapters.kafka.inbox import BATCH
from router.adapters.kafka.patience import Patience
from router.adapters.kafka.speed import read_fast
from router.adapters.kafka.watching import Watch, member_id, unfinished
from router.errors import DependencyDown
from router.pipeline.ending import end
from router.ports import BatchHandler

# A dead member is noticed after SESSION, where no other did before; brokers refuse less than 6 s by default. They hold
# join requests for up to REBALANCE, so requests need more patience, but little more: for REQUEST, too, a dead
# connection is waited for.
SESSION, HEARTBEAT, REBALANCE, REQUEST = 6.0, 1.0, 6.0, 9.0
SEEKS_WITHIN = REQUEST - 1  # Faust waits for as long as a request may take
COMMIT_EVERY = 0.5  # seconds: what is repeated after a SIGKILL
AT_ONCE = 2  # batches of a topic whose events may overtake one another: one is decided while the other is published
LONGEST_OUTAGE = 24 * 3600.0  # a member that waits for a dependency fetches nothing, and must not be put out for it
FINISHES_WITHIN = 1.0  # what a batch in work may take before its partitions go elsewhere
STOPS_WITHIN = 3.0  # the same, when this process ends, which a supervisor gives ten seconds in all
LEAVES_WITHIN = 2.0  # a broker that is there needs milliseconds; one that is not notices by itself after SESSION
DIES_WITHIN = 1.0  # a crashed app's `stop` waits for a thread that is gone
THREAD_ENDS_WITHIN = 10.0  # after the run; it may be closing its connections
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 5.0  # between runs

LIVES_ON = """\
The consumer of Kafka at {} failed and does not end, so it may hold partitions without reading them. \
Start this process again: its end frees them."""

_log = structlog.get_logger(__name__)


class FaustSource:
    """
    Reads Kafka as a member of *group*; runs inside the caller's event loop and leaves signals to the caller.

    Implements `router.ports.Source`, and `Group` for the group that it reads in.

    * **any_order** - topics of which a second batch is begun while the first is in work, so that no server waits for
      another; they are committed in order all the same.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        topic_prefix: str,
        *,
        group: str,
        now: Callable[[], datetime],
        any_order: Collection[str] = (),
    ) -> None:
        self._connection = connection
        self._prefix = topic_prefix
        self._group = group
        self._now = now
        self._any_order = any_order
        self._run: _Run | None = None

    async def lag(self) -> Mapping[str, int]:
        """Return how many records of each topic this member has not yet taken to their end; empty between two runs."""
        return {} if self._run is None else unfinished(self._run.consumer, self._run.inboxes, self._prefix)

    @property
    def member(self) -> str | None:
        """What the group's coordinator calls this member; None before it has."""
        return None if self._run is None else member_id(self._run.consumer)

    async def remove(self, member: str) -> None:
        """Say in its stead that *member* leaves the group; one that has left already is no error."""
        await KafkaAdmin(self._connection).remove_member(self._group, member)

    async def consume(self, handlers: Mapping[str, BatchHandler]) -> None:
        """
        Feed each topic's records to its handler until cancelled; one topic never waits for another.

        Raises `DependencyDown` when at the start no broker answers or a topic is missing, or a thread does not end;
        `Stands` when it comes to no records for long though a broker answers.
        """
        names = [self._prefix + topic for topic in handlers]
        if missing := sorted(set(names) - (await KafkaAdmin(self._connection).partitions(names)).keys()):
            raise DependencyDown(f"Kafka has no topic {', '.join(missing)}. Make them with `router topics create`.")
        read_fast()
        read_any_header_name()
        wait, patience = SHORTEST_WAIT, Patience(KafkaAdmin(self._connection), names)
        while True:
            run = self._run = _Run(self._connection, self._prefix, self._group, handlers, self._now, self._any_order)
            began = asyncio.get_running_loop().time()
            problem = await run.until_it_crashes()
            _log.warning("consumer_restarts", problem=repr(problem))
            lasted = asyncio.get_running_loop().time() - began
            await patience.after(problem, lasted=lasted, handled=run.has_handled)
            if not await run.leaves_no_thread_within(THREAD_ENDS_WITHIN):
                _log.error("consumer_thread_lives_on", after=THREAD_ENDS_WITHIN)
                raise DependencyDown(LIVES_ON.format(self._connection.bootstrap)) from problem
            wait = SHORTEST_WAIT if lasted > LONGEST_WAIT else min(wait * 2, LONGEST_WAIT)
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret


class _Run:
    """One life of a Faust app, from joining the group to leaving it."""

    def __init__(
        self,
        connection: KafkaConnection,
        prefix: str,
        group: str,
        handlers: Mapping[str, BatchHandler],
        now: Callable[[], datetime],
        any_order: Collection[str],
    ) -> None:
        self._now = now
        self._any_order = any_order
        self._batches: set[asyncio.Task[None]] = set()
        self._broken: asyncio.Future[None]
        self._app = _build_app(connection, group)
        self.inboxes = {topic: inbox_of(self._app, prefix + topic) for topic in handlers}
        self._handlers = handlers
        self._app.on_partitions_revoked.connect(self._on_revoked)
        self._prefix = prefix
        self._watch = Watch(connection, self)
        self.has_handled = False
        """Whether a batch has come to its end."""

    async def until_it_crashes(self) -> BaseException | None:
        """Consume; return why Faust gave up, or stands. A handler's own exception is raised: it is a bug."""
        workers = [asyncio.create_task(self._work(topic), name=f"consume {topic}") for topic in self._handlers]
        waiter = asyncio.create_task(self._started_then_stopped())
        watch = asyncio.create_task(self._watch.until_it_stands())
        self._broken = asyncio.get_running_loop().create_future()
        tasks: list[asyncio.Future[Any]] = [waiter, watch, self._broken, *workers]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for broken in done - {waiter, watch}:
                broken.result()
            return (waiter.exception() or self._app.crash_reason) if waiter in done else watch.result()
        finally:
            await in_full(self._end(tasks))

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        """The consumer of aiokafka, which lives in Faust's thread."""
        return self._app.thread._consumer if self._app.thread else None  # noqa: SLF001 - has no other name

    @property
    def flows(self) -> bool:
        """Whether Faust asks for records: no partitions are being dealt out, and it has some."""
        active = self._app.consumer.flow_active and self._app.flow_control.is_active()  # type: ignore[attr-defined]
        return active and not self._app.rebalancing

    def has_room(self, topic: str) -> bool:
        """Whether records of the topic of this full name would be taken, and none is waiting or in work."""
        return self.inboxes[topic.removeprefix(self._prefix)].is_waiting

    async def leaves_no_thread_within(self, seconds: float) -> bool:
        """Wait for the end of Faust's thread, which was told to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await ended(self._app.running_thread)
                return True
        return False

    async def _started_then_stopped(self) -> None:
        await self._app.start()
        await self._app.wait_until_stopped()

    async def _work(self, topic: str) -> None:
        inbox, room = self.inboxes[topic], asyncio.Semaphore(AT_ONCE if topic in self._any_order else 1)
        batch: asyncio.Task[None] | None = None
        while True:
            await room.acquire()
            batch = asyncio.create_task(self._batch(topic, await inbox.take(), batch, room), name=f"batch of {topic}")
            self._batches.add(batch)
            batch.add_done_callback(self._ended)

    async def _batch(
        self, topic: str, events: Sequence[Batch], before: asyncio.Task[None] | None, room: asyncio.Semaphore
    ) -> None:
        await self._handlers[topic](received(topic, events, self._now()))
        self.has_handled = True
        if before is not None:  # where that one came to no end, neither does this
            await asyncio.wait([before])
            before.result()
        for event in events:
            cast("BatchConsumer", self._app.consumer).handled(event)
        self.inboxes[topic].finished()
        room.release()

    def _ended(self, batch: asyncio.Task[None]) -> None:
        self._batches.discard(batch)
        if not batch.cancelled() and (bug := batch.exception()) is not None and not self._broken.done():
            self._broken.set_exception(bug)

    async def _on_revoked(self, *_: object, **__: object) -> None:
        for inbox in self.inboxes.values():
            inbox.clear()
        if await self._idle_within(FINISHES_WITHIN):
            await self._app.consumer.commit()

    async def _idle_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for inbox in self.inboxes.values():
                    await inbox.idle.wait()
                return True
        return False

    async def _end(self, tasks: Sequence[asyncio.Future[Any]]) -> None:
        """Let the batches in work end, commit, and leave the group."""
        self._app.flow_control.suspend()
        for inbox in self.inboxes.values():
            inbox.clear()
        await self._idle_within(STOPS_WITHIN)
        await end([*tasks, *self._batches])
        limit = DIES_WITHIN if self._app.crashed else LEAVES_WITHIN
        if (problem := await ends_within(limit, self._leave())) is not None:
            _log.warning("consumer_left_badly", problem=repr(problem))
        self._app.end_thread()
        await sweep(self._app)

    async def _leave(self) -> None:
        await self._app.stop()
        await ended(self._app.running_thread)


class _ConsumerOnly(BootStrategy):
    """Starts no producer: facts leave through `KafkaPublisher`."""

    enable_kafka_producer = False


class _Thread(WorkerThread):
    """A thread whose end nobody is held up by: neither the event loop nor the process."""

    def __init__(self, service: ServiceThread, **arguments: Any) -> None:  # noqa: ANN401 - the base class's signature
        super().__init__(service, **arguments)
        self.daemon = True

    def stop(self) -> None:
        """Do nothing; `ended` waits. The base class blocks the loop, which the thread may need to end."""


class _ConsumerThread(AIOKafkaConsumerThread):
    """Ends within a time, whatever has become of aiokafka."""

    Worker = _Thread

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go on where the group was; raises `TimeoutError` before Faust gives up, which ends a part of it unheard."""
        async with asyncio.timeout(SEEKS_WITHIN):
            return cast("Mapping[TP, int]", await self.call_thread(seek_to_committed, self._ensure_consumer()))

    async def on_thread_stop(self) -> None:
        """Stop what runs here, part by part: none may keep the next from being stopped."""
        await ends_within(DIES_WITHIN, self.method_queue.stop())  # it finishes its calls first
        if self._consumer is not None:
            await close(self._consumer, LEAVES_WITHIN)


class _Consumer(BatchConsumer):
    """A consumer whose thread is known to the app."""

    def _new_consumer_thread(self) -> _ConsumerThread:
        thread = _ConsumerThread(self, loop=self.loop, beacon=self.beacon)
        cast("_App", self.app).thread = thread
        return thread


class _Transport(KafkaTransport):
    Consumer = _Consumer


class _App(faust.App):
    """An app that keeps no tables, and so no folder for them."""

    BootStrategy = _ConsumerOnly
    thread: _ConsumerThread | None = None

    @property
    def running_thread(self) -> WorkerThread | None:
        """The thread of the consumer, once it runs."""
        return self.thread._thread if self.thread else None  # noqa: SLF001 - has no other name

    def end_thread(self) -> None:
        """Tell the thread to end: a `stop` that was cut short may not have come to that, nor does every crash."""
        if self.thread and self.running_thread:
            with suppress(RuntimeError):  # its loop is closed: it has ended
                self.thread._stopped_set()  # noqa: SLF001 - `stop` would wait

    async def on_first_start(self) -> None:
        """Make no folders."""

    def _new_transport(self) -> _Transport:
        return _Transport(self.conf.broker_consumer, self, loop=self.loop)


def _build_app(connection: KafkaConnection, group: str) -> _App:
    return _App(
        group,
        broker=[URL(f"kafka://{server}") for server in connection.servers],
        broker_credentials=_credentials(connection),
        broker_session_timeout=SESSION,
        broker_heartbeat_interval=HEARTBEAT,
        broker_rebalance_timeout=REBALANCE,
        broker_request_timeout=REQUEST,
        broker_max_poll_interval=LONGEST_OUTAGE,
        broker_max_poll_records=BATCH,
        broker_commit_interval=COMMIT_EVERY,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        PartitionAssignor=WholeDeal,
        table_standby_replicas=1,  # of no table, but without any Faust takes another assignor
        topic_allow_declare=False,
        topic_disable_leader=True,
        reply_create_topic=False,
        store=URL("memory://"),
        web_enabled=False,
        autodiscover=False,
        loghandlers=[],
    )


def _credentials(connection: KafkaConnection) -> faust.auth.Credentials | None:
    given = connection.client_arguments()
    tls = connection.tls
    if "sasl_mechanism" in given:
        return faust.SASLCredentials(
            username=connection.options["sasl.username"],
            password=connection.options["sasl.password"],
            mechanism=str(given["sasl_mechanism"]),
            ssl_context=tls,
        )
    return faust.SSLCredentials(context=tls) if tls is not None else None
