"""What arrives where: mail with buttons for its recipient, a chat that others read along, signed webhooks."""

from __future__ import annotations

import orjson
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from router.bootstrap import CLOCK
from router.events.base import to_millis
from router.events.catalogue import folder
from router.events.envelope import encode
from router.ports import Outgoing
from tests.notifier.conftest import SECRET
from tests.notifier.office import LEAD, Office, note, until
from tests.notifier.receivers import MailServer, Receiver

EXAMPLES = folder() / "examples"
LINKS = {name: f"https://leads.example/a/{name}-token" for name in ("accept", "decline", "touched", "view")}


def mail_only(kinds: str = "assigned", to: str = "rep.email") -> str:
    """Return a section that sends these kinds by mail."""
    return f"notify:\n  channels: {{email: {{url_env: MAIL_URL}}}}\n  rules: [{{kinds: [{kinds}], to: [{to}]}}]\n"


def example(topic: str, ce_type: str, name: str, ce_id: str) -> Outgoing:
    """Return an event of the catalogue's examples, as of now."""
    data = (EXAMPLES / ce_type / f"{name}.json").read_bytes()
    return encode(topic, "L", ce_type, ce_id, to_millis(CLOCK.now()), "L", data, workspace="test")


def mail_url(server: MailServer) -> str:
    """Return an Apprise URL of *server*, with user, password and a recipient of its own."""
    return f"mailto://router:opensesame@127.0.0.1:{server.port}?from=router@example.com&to=nobody@example.com&mode=insecure"


async def test_a_rep_gets_a_mail_with_buttons(
    office: Office, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes to the rep's address instead of the URL's own, with every link in both of its forms."""
    monkeypatch.setenv("MAIL_URL", mail_url(mail_server))
    office.configure(mail_only())
    await office.start()

    await office.write(note(links=LINKS, name="ntf_1"))
    await until(lambda: mail_server.mails)

    [mail] = mail_server.mails
    assert mail.to == ("ana@sales.example",)
    assert mail.subject == "New lead: Ada, Acme"
    assert mail.message["X-Notification-Id"] == "ntf_1"
    assert mail_server.passwords == [b"opensesame"]
    for url in LINKS.values():
        assert f'href="{url}"' in mail.part("html")
    assert "Phone: +15550100" in mail.part("html")


async def test_what_a_form_said_stays_text(
    office: Office, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Markup in a message is shown, not obeyed; a line break in a name makes no header."""
    monkeypatch.setenv("MAIL_URL", mail_url(mail_server))
    office.configure(mail_only())
    await office.start()

    await office.write(
        note(title="New lead: Ada\r\nBcc: all@example.com", text="Message: <img src=x onerror=alert(1)>")
    )
    await until(lambda: mail_server.mails)

    [mail] = mail_server.mails
    assert mail.subject == "New lead: Ada Bcc: all@example.com"
    assert mail.message["bcc"] is None
    assert mail.to == ("ana@sales.example",)
    assert "<img" not in mail.part("html")
    assert "&lt;img src=x" in mail.part("html")


async def test_rep_and_manager_each_get_their_own(
    office: Office, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`rep.email` is for what a rep is to hear, `manager.email` for what a manager is to hear."""
    monkeypatch.setenv("MAIL_URL", mail_url(mail_server))
    office.configure(mail_only("sla_breach", "rep.email, manager.email"))
    await office.start()

    await office.write(note("sla_breach", to=("rep", "ben")), note("sla_breach", to=("manager", "mia")))
    await until(lambda: len(mail_server.mails) == 2)

    assert sorted(mail.to for mail in mail_server.mails) == [("ben@sales.example",), ("mia@sales.example",)]


async def test_a_mail_server_that_refuses_for_now_gets_it_again(
    office: Office, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Greylisting, say."""
    monkeypatch.setenv("MAIL_URL", mail_url(mail_server))
    mail_server.refuses = 2
    office.configure(mail_only())
    await office.start()

    await office.write(note())
    await until(lambda: mail_server.mails)
    await office.until_idle("email")

    assert len(mail_server.mails) == 1


async def test_a_chat_gets_no_link_that_acts(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads along in a channel may open the lead, and cannot accept it in the rep's name."""
    monkeypatch.setenv("CHAT_URL", receiver.url.replace("http://", "json://"))
    office.configure("notify:\n  channels: {chat: {url_env: CHAT_URL}}\n  rules: [{kinds: [assigned], to: [chat]}]\n")
    await office.start()

    await office.write(note(links=LINKS, text="Message: hello @everyone"))
    await until(lambda: receiver.requests)

    told = orjson.loads(receiver.requests[0].body)
    assert told["title"] == "New lead: Ada, Acme"
    assert LINKS["view"] in told["message"]
    assert not [name for name in ("accept", "decline", "touched") if LINKS[name] in told["message"]]
    assert "@everyone" not in told["message"]


async def test_a_webhook_is_signed_and_named_by_the_notification(office: Office, receiver: Receiver) -> None:
    """The open standard's own library finds it genuine, and finds a changed body out."""
    office.configure(
        f"notify:\n  channels: {{crm: {{webhook: '{receiver.url}', secret_env: HOOK_SECRET}}}}\n"
        "  rules: [{kinds: [assigned], to: [crm]}]\n"
    )
    await office.start()

    await office.write(note(name="ntf_7", links=LINKS))
    await until(lambda: receiver.requests)

    [request] = receiver.requests
    said = Webhook(SECRET).verify(request.body, dict(request.headers))
    assert request.id == "ntf_7"
    assert said["type"] == "notification.requested.v1"
    assert said["timestamp"].endswith("Z")
    assert said["data"]["lead_id"] == LEAD
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.body + b" ", dict(request.headers))


async def test_events_go_to_programs_under_their_own_ids(office: Office, receiver: Receiver) -> None:
    """A rule with `events` passes on assignments and clocks, whatever kind; others pass by."""
    office.configure(
        f"notify:\n  channels: {{crm: {{webhook: '{receiver.url}', secret_env: HOOK_SECRET}}}}\n"
        "  rules: [{events: [lead-assignments, sla-events], to: [crm]}]\n"
    )
    await office.start()

    await office.write(note(), example("lead-assignments", "lead.queued.v1", "nobody-free", "asg_1"))
    await until(lambda: receiver.requests)
    await office.until_idle("crm")

    [request] = receiver.requests
    said = Webhook(SECRET).verify(request.body, dict(request.headers))
    assert request.id == "asg_1"
    assert said["type"] == "lead.queued.v1"
    assert said["data"] == orjson.loads((EXAMPLES / "lead.queued.v1" / "nobody-free.json").read_bytes())


async def test_an_event_can_be_read_by_people(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alerting in a chat needs no program in between."""
    monkeypatch.setenv("CHAT_URL", receiver.url.replace("http://", "json://"))
    office.configure(
        "notify:\n  channels: {chat: {url_env: CHAT_URL}}\n  rules: [{events: [lead-assignments], to: [chat]}]\n"
    )
    await office.start()

    await office.write(example("lead-assignments", "lead.queued.v1", "nobody-free", "asg_1"))
    await until(lambda: receiver.requests)

    told = orjson.loads(receiver.requests[0].body)
    assert told["title"] == "lead.queued.v1"
    assert "lead_id: " in told["message"]
