"""From the form to the message: real processes on either log, and links that are what they say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
from standardwebhooks import Webhook

from router.bootstrap import CLOCK, log_of
from router.events.base import rfc3339, to_millis
from router.pipeline.links import Claim, Signer
from router.ports import Outgoing
from router.settings import load_settings
from tests.e2e.processes import WorkerProcess
from tests.e2e.site import SECRET as SIGNED_WITH
from tests.e2e.site import Site, on_servers, site_in
from tests.notifier.conftest import SECRET
from tests.notifier.office import until
from tests.notifier.receivers import Receiver

PUBLIC = "https://leads.example.com"

POLICY = """\
forms: {demo: {action: demo_request, intent: high}}
fit: {icp_at: 50, rules: [{name: anybody, when: 'true', points: 60}]}
stages: [{stage: iql, when: 'form.intent == "high"'}]
reps: [{id: ana, name: Ana, email: ana@sales.example, manager: mia}]
managers: [{id: mia, name: Mia, email: mia@sales.example}]
pools: {all: {members: 'true', strategy: least_loaded}}
routes: [{name: hot, when: 'true', sla: fast, escalate_to: mia, steps: [{pool: all, accept_within: 4s}]}]
sla: {fast: {first_touch: 5m}}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str, receiver: Receiver) -> Site:
    """A deployment that tells one webhook everything."""
    folder = tmp_path / "config"
    folder.mkdir()
    rules = "[{kinds: [assigned, reminder], to: [crm]}, {events: [lead-assignments], to: [crm]}]"
    crm = f"{{webhook: '{receiver.url}', secret_env: HOOK_SECRET}}"
    (folder / "policy.yaml").write_text(f"{POLICY}notify: {{channels: {{crm: {crm}}}, rules: {rules}}}\n")
    own = {"HOOK_SECRET": SECRET, "ROUTER_LISTEN": "127.0.0.1:0", "ROUTER_PUBLIC_URL": PUBLIC}
    return site_in(tmp_path, monkeypatch, prefix, folder, **own)


@pytest.fixture(
    params=[
        "up",
        pytest.param("up on Kafka", marks=pytest.mark.kafka),
        pytest.param("worker and notifier", marks=pytest.mark.kafka),
    ]
)
def running(
    request: pytest.FixtureRequest, site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Site]:
    """The deployment with its processes."""
    if request.param != "up":
        on_servers(site, monkeypatch, request.getfixturevalue("kafka"), request.getfixturevalue("valkey"))
    with ExitStack() as processes:
        if request.param == "worker and notifier":
            for name in ("one", "two"):
                notifier = WorkerProcess(site.environment, tmp_path / f"{name}.log", "notifier")
                processes.callback(notifier.stop)
            processes.callback(site.start_worker().stop)
        else:
            processes.callback(site.start_worker("up").stop)
        yield site


@pytest.mark.usefixtures("running")
async def test_a_form_becomes_a_message_with_links(receiver: Receiver) -> None:
    """Of what an event made and of what a timer made, each once; the links name lead, attempt and rep."""
    now = CLOCK.now()
    presence = {"rep_id": "ana", "status": "available", "at": rfc3339(now), "ttl_seconds": 0}
    form = {"submission_id": "s1", "submitted_at": rfc3339(now), "form": "demo", "email": "ada@acme.example"}
    async with log_of(load_settings()) as log:
        await log.publisher.publish([Outgoing("rep-presence", None, orjson.dumps(presence))])
        await log.publisher.publish([Outgoing("form-submissions", None, orjson.dumps(form))])

    def said() -> list[dict[str, Any]]:
        return [Webhook(SECRET).verify(one.body, dict(one.headers)) for one in receiver.requests]

    def told() -> dict[str, dict[str, Any]]:
        return {one["data"]["kind"]: one["data"] for one in said() if one["type"].startswith("notification")}

    await until(lambda: told().keys() >= {"assigned", "reminder"}, within=60.0)
    await until(lambda: any(one["type"] == "lead.assigned.v1" for one in said()))

    signer = Signer(SIGNED_WITH.encode(), None)
    for note in told().values():
        assert note["links"].keys() == {"accept", "decline", "touched", "view"}
        for action, url in note["links"].items():
            claim = signer.read(url.removeprefix(f"{PUBLIC}/a/"), to_millis(now))
            assert isinstance(claim, Claim)
            assert (claim.lead_id, claim.attempt, claim.rep_id, claim.action) == (note["lead_id"], 1, "ana", action)
    assert len(receiver.ids) == len(set(receiver.ids))
