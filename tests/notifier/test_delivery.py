"""What a message goes through: slow, failing, closed and final receivers, repeats, and what is of no use any more."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta

import orjson
import pytest
from structlog.testing import capture_logs

from router.adapters.redis.deliveries import Parcel
from router.bootstrap import CLOCK
from router.entrypoints.notifier import lane
from router.ports import Outgoing
from tests.notifier.office import Office, note, notes, until
from tests.notifier.receivers import Receiver, free_port


def to_hooks(**urls: str) -> str:
    """Return a section with these webhooks, which all hear of everything that a rep hears."""
    channels = ", ".join(f"{name}: {{webhook: '{url}', secret_env: HOOK_SECRET}}" for name, url in urls.items())
    kinds = "assigned, reminder, unassigned, repeat, superseded, sla_warning, sla_breach, no_rep_available"
    return f"notify:\n  channels: {{{channels}}}\n  rules: [{{kinds: [{kinds}], to: [{', '.join(urls)}]}}]\n"


async def test_a_slow_channel_delays_no_other(office: Office, receiver: Receiver, other: Receiver) -> None:
    """While one has more on its hands than it can take, the other has all of it."""
    receiver.takes = 30.0
    office.configure(to_hooks(slow=receiver.url, quick=other.url))
    await office.start()

    await office.write(*notes(30))
    await until(lambda: len(other.requests) == 30, within=8.0)

    assert len(receiver.requests) <= 8  # as many as a channel has on their way at once
    assert await office.waiting("slow") == 30
    assert sorted(other.ids) == sorted(f"ntf_{number}" for number in range(30))


async def test_a_channel_that_fails_gets_it_again_under_the_same_id(office: Office, receiver: Receiver) -> None:
    """Until it takes it; then never again."""
    receiver.answers = [500, 502, 500, 500]
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    await office.write(note(name="ntf_1"))
    await until(lambda: receiver.requests)
    await office.until_idle("crm")

    assert receiver.ids == ["ntf_1"] * 5
    assert await office.dead_letters() == []


async def test_tries_grow_rarer(office: Office, receiver: Receiver) -> None:
    """A receiver that is down is not run over by what it missed."""
    receiver.always = 500
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    await office.write(note())
    await until(lambda: len(receiver.requests) >= 6)
    assert receiver.requests[5].at - receiver.requests[0].at > 1.0  # 3 quick ones, a pause, 3 quick ones


async def test_what_nobody_took_by_touch_by_is_one_dead_letter(office: Office) -> None:
    """A closed port; the letter names what to look for and holds no address."""
    office.configure(to_hooks(crm=f"http://127.0.0.1:{free_port()}/hook"))
    await office.start()

    record = note(name="ntf_9", touch_in=1.5)
    await office.write(record)
    [letter] = await office.until_dead_letters(1)
    await office.until_idle("crm")

    assert letter["code"] == "processing_failed"
    assert letter["source_topic"] == f"{office.prefix}rep-notifications"
    assert letter["detail"].startswith("channel crm never took ntf_9: ")
    assert "127.0.0.1" not in letter["detail"]
    assert letter["headers"]["ce_id"] == "ntf_9"
    assert len(await office.dead_letters()) == 1


async def test_gone_is_final(office: Office, receiver: Receiver) -> None:
    """410 says that nobody will ever be there again: one try, one dead letter."""
    receiver.always = 410
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    await office.write(note())
    [letter] = await office.until_dead_letters(1)

    assert "it answered 410" in letter["detail"]
    assert len(receiver.requests) == 1


async def test_another_refusal_is_tried_until_the_end(office: Office, receiver: Receiver) -> None:
    """A secret that is being changed answers 401 for a moment; a redirect is no delivery."""
    receiver.answers = [401, 404, 302]
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    await office.write(note(name="ntf_1"))
    await until(lambda: receiver.requests)
    await office.until_idle("crm")

    assert receiver.ids == ["ntf_1"] * 4


async def test_a_receiver_that_asks_for_a_pause_gets_it(office: Office, receiver: Receiver) -> None:
    """`Retry-After`, with 429 and 503."""
    receiver.answers = [503]
    receiver.headers = {"retry-after": "2"}
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    await office.write(note())
    await until(lambda: receiver.requests)
    await office.until_idle("crm")

    first, second = receiver.requests
    assert second.at - first.at >= 1.9


async def test_a_repeat_on_the_log_is_not_sent_twice(office: Office, receiver: Receiver) -> None:
    """Workers publish again after a crash; the id is the same, whether the first is on its way or long there."""
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    record = note(name="ntf_1")
    await office.write(record, record)
    await until(lambda: receiver.requests)
    await office.until_idle("crm")
    await office.write(record, note(name="ntf_2"))
    await until(lambda: "ntf_2" in receiver.ids)
    await office.until_idle("crm")

    assert receiver.ids == ["ntf_1", "ntf_2"]


async def test_several_rules_send_it_once(office: Office, receiver: Receiver) -> None:
    """Every rule that matches counts, and a channel hears the same thing once."""
    hook = f"{{webhook: '{receiver.url}', secret_env: HOOK_SECRET}}"
    office.configure(
        f"notify:\n  channels: {{crm: {hook}}}\n"
        "  rules: [{kinds: [assigned], to: [crm]}, {kinds: [assigned, repeat], to: [crm]},"
        " {events: [rep-notifications], to: [crm]}]\n"
    )
    await office.start()

    await office.write(note(name="ntf_1"), note("superseded", name="ntf_2"))
    await until(lambda: len(receiver.requests) >= 2)
    await office.until_idle("crm")

    assert sorted(receiver.ids) == ["ntf_1", "ntf_2"]


@pytest.mark.parametrize(
    ("state", "attempt", "rep"),
    [("held", 2, "ben"), ("held", 2, "ana"), ("waiting", 1, None), ("touched", 1, None)],
)
async def test_an_assignment_that_has_moved_on_is_not_told(
    office: Office, receiver: Receiver, state: str, attempt: int, rep: str | None
) -> None:
    """A newer attempt, or nobody's any more: the rep must not call now; of the loss itself they hear."""
    await office.stand(state, attempt, rep)
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    await office.write(
        note("assigned", name="stale"),
        note("reminder", name="stale-2"),
        note("unassigned", name="lost"),
        note("sla_breach", to=("manager", "mia"), name="manager"),
    )
    await until(lambda: len(receiver.requests) >= 2)
    await office.until_idle("crm")

    assert sorted(receiver.ids) == ["lost", "manager"]
    assert await office.dead_letters() == []


async def test_an_assignment_that_stands_is_told(office: Office, receiver: Receiver) -> None:
    """Also where the ledger is behind, or knows nothing of the lead."""
    await office.stand("accepted", 1, "ana")
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    await office.write(note("sla_warning", name="now"), note("assigned", attempt=2, name="newer"))
    await until(lambda: len(receiver.requests) == 2)

    assert sorted(receiver.ids) == ["newer", "now"]


async def test_it_moves_on_while_the_channel_is_away(office: Office, receiver: Receiver) -> None:
    """What is tried again is looked at again: the channel is back, and the message is of no use."""
    await office.stand("held", 1, "ana")
    receiver.always = 500
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    await office.write(note(name="ntf_1", touch_in=20.0))
    await until(lambda: receiver.requests)
    await office.stand("held", 2, "ben")
    await office.until_idle("crm")

    receiver.always = 204
    assert await office.dead_letters() == []


async def test_a_poisonous_record_holds_up_nothing(office: Office, receiver: Receiver) -> None:
    """It is a dead letter with the code of its fault; what stands behind it arrives."""
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    good = note(name="ntf_1")
    broken = Outgoing("rep-notifications", b"ana", b"\xff\x00 no JSON", good.headers)
    odd = Outgoing("rep-notifications", b"ana", orjson.dumps({"kind": "sung"}), good.headers)
    await office.write(broken, odd, Outgoing("rep-notifications", None, None, {}), good)
    await until(lambda: receiver.requests)

    assert receiver.ids == ["ntf_1"]
    letters = await office.until_dead_letters(3)
    assert Counter(letter["code"] for letter in letters) == {"malformed_json": 2, "schema": 1}


async def test_dead_letters_that_nobody_takes_make_no_more(office: Office, receiver: Receiver) -> None:
    """A channel that is to hear of dead letters and is gone: one dead letter of the notification, none of itself."""
    receiver.always = 410
    hook = f"{{webhook: '{receiver.url}', secret_env: HOOK_SECRET}}"
    office.configure(
        f"notify:\n  channels: {{crm: {hook}}}\n"
        "  rules: [{kinds: [assigned], to: [crm]}, {events: [dead-letters], to: [crm]}]\n"
    )
    await office.start()

    await office.write(note())
    await until(lambda: len(receiver.requests) == 2)
    await office.until_idle("crm")

    assert len(await office.dead_letters()) == 1


async def test_history_is_not_told(office: Office, receiver: Receiver) -> None:
    """The first notifier of a workspace finds a week of notifications: no rep hears of those again."""
    office.configure(to_hooks(crm=receiver.url))
    await office.write(note(name="old", at=CLOCK.now() - timedelta(hours=2), touch_in=None), note(name="new"))
    await office.start()

    await until(lambda: receiver.requests)
    await office.until_idle("crm")

    assert receiver.ids == ["new"]
    assert await office.dead_letters() == []


async def test_a_breach_is_told_though_its_time_is_over(office: Office, receiver: Receiver) -> None:
    """`touch_by` of a breach is in the past by its nature."""
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    await office.write(note("sla_breach", touch_in=-0.1, name="breach"))
    await until(lambda: receiver.requests)

    assert receiver.ids == ["breach"]


async def test_a_full_channel_is_told_of_and_bounded(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A channel that is away must not fill the Redis that the ledger lives in."""
    monkeypatch.setattr("router.adapters.redis.deliveries.MOST_WAITING", 10)
    receiver.takes = 30.0
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    await office.write(*notes(25))
    letters = await office.until_dead_letters(15)

    assert len(letters) == 15
    assert all("too much waits for it" in letter["detail"] for letter in letters)
    assert await office.waiting("crm") == 10


async def test_two_notifiers_share_the_work(office: Office, receiver: Receiver) -> None:
    """Each message once; one that leaves hands on what it has not sent."""
    office.configure(to_hooks(crm=receiver.url))
    await office.start("first")
    await office.start("second")

    await office.write(*notes(150))
    await until(lambda: len(receiver.requests) >= 20)
    await office.stop("first")
    await office.until_idle("crm")

    assert sorted(receiver.ids) == sorted(f"ntf_{number}" for number in range(150))


async def test_one_that_stops_lets_arrive_what_is_on_its_way(office: Office, receiver: Receiver) -> None:
    """A request that is being answered is not broken off and sent again."""
    receiver.takes = 0.5
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    await office.write(note(name="ntf_1"))
    await until(lambda: receiver.requests)
    began = time.monotonic()
    await office.stop()

    assert time.monotonic() - began < 3.0
    assert await office.waiting("crm") == 0
    assert receiver.ids == ["ntf_1"]


async def test_one_that_stops_leaves_what_hangs_to_another(office: Office, receiver: Receiver) -> None:
    """It waits for a moment only, and the next notifier sends it at once, not when a lease is over."""
    receiver.takes = 30.0
    office.configure(to_hooks(crm=receiver.url))
    await office.start("first")

    await office.write(note(name="ntf_1"))
    await until(lambda: receiver.requests)
    began = time.monotonic()
    await office.stop("first")
    assert time.monotonic() - began < lane.FINISHES_WITHIN + 2.0
    receiver.takes = 0.0
    await office.start("second")
    await until(lambda: len(receiver.requests) == 2, within=lane.LEASE / 2)
    await office.until_idle("crm")

    assert receiver.ids == ["ntf_1", "ntf_1"]


async def test_a_secret_is_never_in_the_logs(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the password in an Apprise URL, nor a webhook's secret, nor an address: whatever fails."""
    monkeypatch.setenv(
        "MAIL_URL", f"mailto://router:opensesame@127.0.0.1:{free_port()}?from=r@example.com&mode=insecure"
    )
    monkeypatch.setenv("BAD_URL", "nonsense://opensesame")
    hook = f"http://127.0.0.1:{free_port()}/opensesame"
    office.configure(
        f"notify:\n  channels: {{email: {{url_env: MAIL_URL}}, bad: {{url_env: BAD_URL}}, "
        f"crm: {{webhook: '{hook}', secret_env: HOOK_SECRET}}}}\n"
        "  rules: [{kinds: [assigned], to: [rep.email, crm, bad]}]\n"
    )
    with capture_logs() as lines:
        await office.start()
        await office.write(note(touch_in=1.0))
        await office.until_dead_letters(2)

    told = str(lines) + str(await office.dead_letters())
    assert "notification.undelivered" in told
    assert not [word for word in ("opensesame", "sales.example", "whsec_", "Ada", "555") if word in str(lines)]
    assert "opensesame" not in told


async def test_a_job_of_another_release_holds_up_nothing(office: Office, receiver: Receiver) -> None:
    """It is left to who can read it, and ends when its time is over."""
    office.configure(to_hooks(crm=receiver.url))
    soon = int(time.time() * 1000) + 500
    await office.deliveries.put([Parcel("crm", "odd", soon, b'{"written": "otherwise"}')])
    await office.start()

    await office.write(note(name="ntf_1"))
    await until(lambda: receiver.requests)
    await office.client.zadd(f"{{{office.workspace}}}:notify:due:crm", {"odd": 0})  # its lease is over
    await office.until_idle("crm")

    assert receiver.ids == ["ntf_1"]
