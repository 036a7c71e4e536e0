"""A message that a channel never took, sent again from its dead letter: that channel has it, once, and nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from router.adapters.embedded.streams import StreamPublisher, StreamSource
from router.adapters.embedded.tail import StreamTail
from router.bootstrap import CLOCK, Log
from router.entrypoints.dead_letters import How, replay_on, wanted
from router.settings import load_settings
from tests.notifier.office import Office, note, until
from tests.notifier.receivers import Receiver
from tests.notifier.test_delivery import to_hooks


async def sent_again(office: Office, *, again: bool = False) -> Sequence[str]:
    """Replay everything; return the ids of the letters that were sent."""
    publisher = StreamPublisher(office.url, office.prefix, CLOCK.now)
    tail = StreamTail(office.url, office.prefix, CLOCK.now)
    source = StreamSource(office.url, office.prefix, group="unused", consumer="unused", now=CLOCK.now)
    log = Log(publisher, source, lambda _: source, tail, None)
    which = wanted((), None, None, None, CLOCK.now())
    done = await replay_on(log, office.client, load_settings(), which, How(again=again))
    await publisher.aclose()
    await tail.aclose()
    return [one.id for one in done.sent]


async def test_a_channel_that_was_mended_has_it_once(office: Office, receiver: Receiver, other: Receiver) -> None:
    """What the other channel took is not told there again, nor to anybody by a replay of a replay."""
    receiver.always = 410
    office.configure(to_hooks(crm=receiver.url, wiki=other.url))
    await office.start()
    await office.write(note(name="ntf_1", touch_in=1.0), note(name="ntf_2", touch_in=1.0))
    await office.until_dead_letters(2)
    await until(lambda: len(other.requests) == 2)
    receiver.always = None
    before = len(receiver.requests)

    assert len(await sent_again(office)) == 2
    await until(lambda: len(receiver.requests) == before + 2)
    await office.until_idle("crm", "wiki")
    assert await sent_again(office) == []
    assert len(await sent_again(office, again=True)) == 2
    await office.write(note(name="ntf_3"))
    await until(lambda: "ntf_3" in receiver.ids)
    await until(lambda: "ntf_3" in other.ids)

    assert sorted(receiver.ids[before:]) == ["ntf_1", "ntf_2", "ntf_3"]
    assert sorted(other.ids) == ["ntf_1", "ntf_2", "ntf_3"]


async def test_what_came_too_late_has_time_again(office: Office, receiver: Receiver) -> None:
    """Its `touch_by` is over; an operator who sends it again wants it told all the same."""
    office.configure(to_hooks(crm=receiver.url))
    await office.start()
    await office.write(note(name="ntf_1", touch_in=60.0, at=CLOCK.now() - timedelta(minutes=10)))
    [letter] = await office.until_dead_letters(1)
    assert "its time was over" in letter["detail"]

    await sent_again(office)
    await until(lambda: receiver.ids == ["ntf_1"])


async def test_what_is_given_up_again_is_another_letter(office: Office, receiver: Receiver) -> None:
    """With an id of its own, so that it can be sent again in its turn."""
    receiver.always = 410
    office.configure(to_hooks(crm=receiver.url))
    await office.start()
    await office.write(note(name="ntf_1"))
    await office.until_dead_letters(1)

    [first] = await sent_again(office)
    await office.until_dead_letters(2)
    [second] = await sent_again(office)
    letters = await office.until_dead_letters(3)

    assert first != second
    assert {letter["detail"].partition(":")[0] for letter in letters} == {"channel crm never took ntf_1"}
