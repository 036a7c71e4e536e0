"""Whatever a source of company facts answers, a decision can be made of it, written down, and made again."""

from __future__ import annotations

import json
from collections.abc import Mapping

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.adapters.enrichment.calls import Failed
from router.adapters.enrichment.http import HttpEnricher
from router.adapters.environment import Environment
from router.domain.company import CompanyFacts
from router.domain.decision import decide, wire
from router.domain.identity import identify
from router.domain.policy import HttpLookup, Policy
from router.events.decision import LeadDecided
from router.events.submission import FormSubmitted
from tests.fakes import MONDAY
from tests.unit.policy_text import change, load

FIELDS = {"employees": "employees", "industry": "a.b", "name": "[0]"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["employees", "a", "b"]), inner),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """Rules that compare, join and order what a source gives."""
    rules = change(
        "company.employees >= 50'", 'company.employees >= 50 || company.industry.startsWith("a") || company.name < 3\''
    )
    return load(tmp_path_factory.mktemp("policy"), rules).policy


@pytest.fixture(scope="module")
def enricher() -> HttpEnricher:
    """One that asks nobody: only how it reads is of interest."""

    class Nothing:
        async def known(self, *_: object) -> Mapping[str, Mapping[str, object] | None]:
            return {}

        async def keep(self, *_: object) -> None: ...

    return HttpEnricher(HttpLookup("https://firm.example/{domain}", None, FIELDS), 1.0, Nothing(), Environment({}))


@settings(deadline=None)
@given(answer=JSON)
def test_any_json_is_a_hit_or_a_miss_that_can_be_decided_on(
    enricher: HttpEnricher, policy: Policy, answer: object
) -> None:
    """Values of any type and size, also where rules expect another; what is written down gives the decision again."""
    try:
        fields = enricher._read(json.dumps(answer).encode()).fields
    except Failed:  # Python writes NaN, which is no JSON
        return
    facts = CompanyFacts("missed") if fields is None else CompanyFacts("matched", "http", fields)
    form = FormSubmitted(submission_id="s", submitted_at=MONDAY, form="demo", email="a@acme.example", employees=7)
    who = identify(form.email, None, None, b"key")
    assert who is not None
    first = wire(decide(form, who, facts, 0.0, policy, received_at=MONDAY, now=MONDAY))
    written = LeadDecided.model_validate_json(orjson.dumps(first)).enrichment
    again = CompanyFacts(written.status, written.source, written.fields)
    assert wire(decide(form, who, again, 0.0, policy, received_at=MONDAY, now=MONDAY)) == first


@given(body=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_an_answer_or_a_failure(enricher: HttpEnricher, body: bytes) -> None:
    """Never anything else: a source that is broken must not break a worker."""
    try:
        known = enricher._read(body)
    except Failed:
        return
    assert known.source == "http"
