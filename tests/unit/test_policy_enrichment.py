"""`enrichment` of a configuration: what is checked, and what a worker asks under which policy."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from router.adapters.enrichment.chain import ChainEnricher
from router.adapters.enrichment.dataset import DatasetEnricher
from router.adapters.enrichment.http import HttpEnricher
from router.adapters.enrichment.sources import Sources, expect
from router.adapters.environment import Environment
from router.domain.policy import Policy
from router.errors import BadInput, DependencyDown
from router.pipeline.work import InForce
from router.policy import PolicyInvalid
from router.policy.dry_run import dry_run
from router.ports import Enricher
from tests.fakes import MONDAY
from tests.unit.policy_text import MINIMAL, load

HTTP = "{url: 'https://firm.example/v1/{domain}', secret_env: FIRM_KEY, map: {employees: metrics.employees}}"
COMPANIES = "domain,employees\nacme.example,1200\n"
KEY = Environment({"FIRM_KEY": "sk-fallow"})


def text(http: str = HTTP, more: str = "") -> str:
    """Return the small configuration with an HTTP source behind the dataset."""
    return MINIMAL + f"enrichment: {{dataset: companies.csv, {more} http: {http}}}\n"


class Forgetful:
    """A cache that keeps nothing."""

    async def known(self, source: str, domains: Collection[str]) -> Mapping[str, Mapping[str, object] | None]:
        """Know nothing."""
        del source, domains
        return {}

    async def keep(self, source: str, domain: str, fields: Mapping[str, object] | None) -> None:
        """Keep nothing."""


@pytest.fixture
async def sources() -> AsyncIterator[Sources]:
    """Give the sources of a worker that has the key."""
    made = Sources(Forgetful(), KEY)
    yield made
    await made.aclose()


def policy(folder: Path, *given: str) -> Policy:
    """Return the policy of `text(*given)`."""
    return load(folder, text(*given), companies_csv=COMPANIES).policy


# --- what is checked --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("http", "told"),
    [
        ("{url: 'https://firm.example/v1'}", "put {domain} where"),
        ("{url: 'firm.example/{domain}'}", "as in https://"),
        ("{url: 'https://{domain}/facts'}", "into the path or the query"),
        ("{url: 'https://{domain}.firm.example?x=y'}", "into the path or the query"),
        ("{url: 'https://key:{domain}@firm.example/{domain}'}", "into the path or the query"),
        ("{url: 'https://firm.example/{domain}', map: {employees: 'a.['}}", "no JMESPath expression"),
        ("{url: 'https://firm.example/{domain}', map: {known: a}}", "'known' cannot be an attribute"),
        ("{url: 'https://firm.example/{domain}', secret: x}", "did you mean 'secret_env'?"),
    ],
)
def test_a_mistake_is_found_before_anything_is_asked(tmp_path: Path, http: str, told: str) -> None:
    """The check names the mistake; above all nobody who fills in a form may choose the host that gets the key."""
    with pytest.raises(PolicyInvalid) as refused:
        load(tmp_path, text(http), companies_csv=COMPANIES)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("http", "more", "told"),
    [(HTTP.replace("https", "http"), "", "unencrypted"), (HTTP, "budget: 3s,", "every form waits that long")],
)
def test_what_is_probably_not_meant_is_a_warning(tmp_path: Path, http: str, more: str, told: str) -> None:
    """A key in the open, and a budget that is no budget."""
    assert any(told in one.message for one in load(tmp_path, text(http, more), companies_csv=COMPANIES).warnings)


def test_a_path_into_the_answer_may_be_asked_for_by_rules(tmp_path: Path) -> None:
    """What `map` fills is an attribute of the company, and no key is needed to check it, nor the address."""
    loaded = load(tmp_path, text(HTTP.replace("employees: ", "headcount: ")).replace(
        "'company.employees >= 50'", "'company.headcount >= 50'"), companies_csv=COMPANIES)  # fmt: skip
    assert loaded.warnings == ()


def test_without_the_packages_the_map_is_not_checked_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway's machine may have them where a laptop does not."""
    monkeypatch.setitem(sys.modules, "jmespath", None)
    monkeypatch.delitem(sys.modules, "router.policy.paths", raising=False)
    loaded = load(tmp_path, text(), companies_csv=COMPANIES)
    assert any("speed-to-lead-router[enrich]" in str(one) for one in loaded.warnings)


def test_a_dry_run_asks_no_server(tmp_path: Path) -> None:
    """It looks into the dataset, and leaves the HTTP source alone."""
    for email, status in (("dana@acme.example", "matched"), ("dana@other.example", "missed")):
        form = {"submission_id": "s", "form": "demo", "email": email, "submitted_at": "2026-03-02T13:59:00Z"}
        decision = dry_run(form, policy(tmp_path), key=b"key", at=MONDAY)
        assert decision.company.status == status


# --- what a worker asks -----------------------------------------------------------------------------------------------


def test_a_worker_without_the_key_does_not_start(tmp_path: Path) -> None:
    """The message names the variable and what to do; with the key, or without an HTTP source, nothing is wrong."""
    with pytest.raises(BadInput, match=r"enrichment\.http: FIRM_KEY: not set"):
        expect(policy(tmp_path), Environment({}))
    expect(policy(tmp_path), KEY)
    expect(load(tmp_path / "plain").policy, Environment({}))


def test_a_worker_without_the_packages_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the package and the extra that brings it."""
    given = policy(tmp_path)
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.delitem(sys.modules, "router.adapters.enrichment.http", raising=False)
    with pytest.raises(BadInput, match=r"httpx.*speed-to-lead-router\[enrich\]"):
        expect(given, KEY)


async def test_another_policy_with_the_same_source_keeps_it(tmp_path: Path, sources: Sources) -> None:
    """Its calls and its failures go on: a change of a rule must not make a source that hangs be waited for again."""
    first = _http(sources.of(InForce(policy(tmp_path))))
    changed = text().replace("icp_at: 60", "icp_at: 70")
    assert _http(sources.of(InForce(load(tmp_path / "b", changed, companies_csv=COMPANIES).policy))) is first
    other = policy(tmp_path / "c", HTTP.replace("/v1/", "/v2/"))
    assert _http(sources.of(InForce(other))) is not first


async def test_a_source_that_no_policy_names_any_more_is_closed(
    tmp_path: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the batches that are under way have asked it."""
    monkeypatch.setattr("router.adapters.enrichment.sources.CLOSES_AFTER", 0.05)
    http = _http(sources.of(InForce(policy(tmp_path))))
    assert isinstance(sources.of(InForce(load(tmp_path / "plain").policy)), DatasetEnricher)
    assert not http._client.is_closed
    async with asyncio.timeout(10):
        while not http._client.is_closed:  # noqa: ASYNC110 - it is closed by a task of its own
            await asyncio.sleep(0.01)


async def test_a_policy_of_another_worker_that_cannot_be_asked_here(tmp_path: Path) -> None:
    """Its key is not there: that is said, what the dataset knows is told, and the rest is degraded, not missed."""
    lacking = Sources(Forgetful(), Environment({}))
    with capture_logs() as logged:
        enricher = lacking.of(InForce(policy(tmp_path)))
    assert [(line["event"], "FIRM_KEY" in line["why"]) for line in logged] == [("enrichment.off", True)]
    parts = aiter(enricher.lookup(["acme.example", "other.example"]))
    assert list(await anext(parts)) == ["acme.example"]
    with pytest.raises(DependencyDown):
        await anext(parts)


def _http(enricher: Enricher) -> HttpEnricher:
    assert isinstance(enricher, ChainEnricher)
    assert isinstance(enricher._then, HttpEnricher)
    return enricher._then
