"""What a notifier still finds about somebody who was erased meanwhile: it goes to nobody."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from router.bootstrap import CLOCK
from router.events.base import to_millis
from tests.notifier.office import LEAD, Office, note, until
from tests.notifier.receivers import Receiver

HOOK = "notify:\n  channels: {{crm: {{webhook: '{url}', secret_env: HOOK_SECRET}}}}\n  rules: [{{{rule}, to: [crm]}}]\n"


@pytest.mark.parametrize("rule", ["kinds: [superseded, no_rep_available]", "events: [rep-notifications]"])
async def test_what_was_written_before_is_told_to_nobody(office: Office, receiver: Receiver, rule: str) -> None:
    """Neither told nor passed on, also of kinds that are told whatever becomes of the lead; what is newer is."""
    office.configure(HOOK.format(url=receiver.url, rule=rule))
    erased = CLOCK.now()
    lead = {"state": "closed", "attempt": 1, "erased": to_millis(erased)}
    await office.client.set(f"{{{office.workspace}}}:lead:{LEAD}", orjson.dumps(lead))
    await office.start()

    await office.write(note("superseded", name="ntf_old", at=erased - timedelta(seconds=1)))
    await office.write(
        note("no_rep_available", name="ntf_older", at=erased - timedelta(minutes=1), to=("manager", "mia"))
    )
    await office.write(note("superseded", name="ntf_new", at=erased + timedelta(seconds=1)))
    await until(lambda: "ntf_new" in receiver.ids)
    await office.until_idle("crm")

    assert receiver.ids == ["ntf_new"]
    assert await office.dead_letters() == []
