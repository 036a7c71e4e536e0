"""A receiver says where to go instead: the notifier does not go there."""

from __future__ import annotations

from tests.notifier.office import Office, note, until
from tests.notifier.receivers import Receiver
from tests.notifier.test_delivery import to_hooks


async def test_a_receiver_sends_the_notifier_nowhere_else(office: Office, receiver: Receiver, other: Receiver) -> None:
    """Whoever runs a webhook's receiver must not have the notifier call an address inside, with what it knows."""
    receiver.always = 307
    receiver.headers = {"Location": other.url}
    office.configure(to_hooks(crm=receiver.url))
    await office.start()
    await office.write(note())
    await until(lambda: len(receiver.requests) > 1)  # a redirect is no delivery: it is tried again, here

    assert other.requests == []
