"""Channels and rules follow the configuration's files; what cannot be used is off, and says why."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from router.cli import run
from tests.notifier.office import Office, note, until
from tests.notifier.receivers import Receiver
from tests.notifier.test_delivery import to_hooks


async def test_rules_follow_the_files(office: Office, receiver: Receiver, other: Receiver) -> None:
    """A channel that is added hears of what comes after; one that is taken away hears of nothing any more."""
    office.configure(to_hooks(crm=receiver.url))
    await office.start()
    await office.write(note(name="first"))
    await until(lambda: receiver.ids == ["first"])

    with capture_logs() as lines:
        office.configure(to_hooks(new=other.url))
        await until(lambda: [line for line in lines if line["event"] == "notify.rules"])
    await office.write(note(name="second"))
    await until(lambda: other.ids == ["second"])

    assert receiver.ids == ["first"]


async def test_files_that_do_not_check_change_nothing(office: Office, receiver: Receiver) -> None:
    """A slip of the pen does not silence a channel."""
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    with capture_logs() as lines:
        office.configure("notify: {channels: {crm: {}}}\n")
        await until(lambda: [line for line in lines if line["event"] == "notify.refused"])
    await office.write(note(name="ntf_1"))
    await until(lambda: receiver.ids == ["ntf_1"])


async def test_a_changed_address_is_used_for_what_waits(office: Office, receiver: Receiver, other: Receiver) -> None:
    """What the old address did not take goes to the new one."""
    receiver.always = 500
    office.configure(to_hooks(crm=receiver.url))
    await office.start()
    await office.write(note(name="ntf_1"))
    await until(lambda: receiver.requests)

    office.configure(to_hooks(crm=other.url))
    await until(lambda: other.ids == ["ntf_1"])
    await office.until_idle("crm")


async def test_what_waits_for_a_channel_that_is_gone_is_told_of(office: Office, receiver: Receiver) -> None:
    """At its time; until then the channel may come back."""
    receiver.always = 500
    office.configure(to_hooks(crm=receiver.url))
    await office.start()
    await office.write(note(name="ntf_1", touch_in=4.0))
    await until(lambda: receiver.requests)

    office.configure("notify: {}\n")
    [letter] = await office.until_dead_letters(1)
    await office.until_idle("crm")

    assert letter["detail"] == "channel crm never took ntf_1: it is not in use here"


async def test_a_channel_without_its_secret_is_off(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log names the variable; other channels work; nothing is kept for the one that is off."""
    monkeypatch.delenv("HOOK_SECRET")
    office.configure(
        f"notify:\n  channels: {{off: {{webhook: '{receiver.url}', secret_env: HOOK_SECRET}}, "
        f"chat: {{url_env: CHAT_URL}}, open: {{webhook: '{receiver.url}'}}}}\n"
        "  rules: [{kinds: [assigned], to: [off, chat, open]}]\n"
    )
    with capture_logs() as lines:
        await office.start()
    await office.write(note(name="ntf_1"))
    await until(lambda: receiver.ids == ["ntf_1"])

    off = {line["channel"]: line["why"] for line in lines if line["event"] == "channel.off"}
    assert off.keys() == {"off", "chat"}
    assert "HOOK_SECRET" in off["off"]
    assert "CHAT_URL" in off["chat"]
    assert "webhook-signature" not in receiver.requests[0].headers
    assert await office.waiting("off") == await office.waiting("chat") == 0


async def test_a_channel_whose_package_is_not_installed_is_off(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is added while the notifier runs, too: the log says what to install, and other channels work."""
    monkeypatch.delitem(sys.modules, "router.adapters.notify.apprise_channel", raising=False)
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setenv("CHAT_URL", "jsons://chat.example")
    channels = f"{{url_env: CHAT_URL}}, open: {{webhook: '{receiver.url}'}}"
    rules = "rules: [{kinds: [assigned], to: [open]}]"
    with capture_logs() as lines:
        office.configure(f"notify: {{channels: {{chat: {channels}}}, {rules}}}\n")
        await office.start()
        office.configure(f"notify: {{channels: {{late: {channels}}}, {rules}}}\n")
        await until(lambda: [line for line in lines if line.get("off") == ["late"]])
    await office.write(note(name="ntf_1"))
    await until(lambda: receiver.ids == ["ntf_1"])

    off = {line["channel"]: line["why"] for line in lines if line["event"] == "channel.off"}
    assert off.keys() == {"chat", "late"}
    assert all("[notify]" in why for why in off.values())


async def test_a_secret_of_another_form_turns_the_channel_off(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed by half a secret, a message would look genuine to nobody."""
    monkeypatch.setenv("HOOK_SECRET", "whsec_short")
    office.configure(to_hooks(crm=receiver.url))
    with capture_logs() as lines:
        await office.start()

    [off] = [line for line in lines if line["event"] == "channel.off"]
    assert "whsec_" in off["why"]
    assert "short" not in off["why"]


async def test_a_secret_may_come_from_a_file(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`NAME_FILE`, as for every other secret."""
    secret = tmp_path / "secret"
    await asyncio.to_thread(secret.write_text, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    monkeypatch.delenv("HOOK_SECRET")
    monkeypatch.setenv("HOOK_SECRET_FILE", str(secret))
    office.configure(to_hooks(crm=receiver.url))
    await office.start()

    await office.write(note())
    await until(lambda: receiver.requests)

    assert receiver.requests[0].headers["webhook-signature"].startswith("v1,")


def test_check_needs_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, office: Office) -> None:
    """A configuration is checked where its secrets are not."""
    monkeypatch.delenv("HOOK_SECRET")
    office.configure(to_hooks(crm="https://crm.example/hook"))

    assert run(["check", str(tmp_path / "config")]) == 0
