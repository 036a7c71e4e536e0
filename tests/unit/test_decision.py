"""What a submission is and where it goes: stage, route, clock, reasons, and what nobody knew."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from router.domain.company import CompanyFacts, company_domain
from router.domain.decision import Decision, decide, told, wire
from router.domain.identity import identify
from router.domain.policy import Policy
from router.events.decision import LeadDecided
from router.events.submission import FormSubmitted
from router.policy import canonical, load_policy, restore
from tests.unit.policy_text import change, load

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
BIG = CompanyFacts("matched", "test", {"name": "Acme", "employees": 1200})
SHIPPED = load_policy(Path("config")).policy


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    """The small policy."""
    return load(tmp_path).policy


def decided(
    policy: Policy,
    facts: CompanyFacts = BIG,
    engagement: float = 0.0,
    now: datetime = NOW,
    **fields: object,
) -> Decision:
    """Decide a demo request of a director at Acme, but for *fields*."""
    data = {
        "submission_id": "s-1",
        "submitted_at": NOW,
        "form": "demo",
        "email": "dana@acme.example",
        "job_title": "Director of Operations",
        **fields,
    }
    submission = FormSubmitted.model_validate(data)
    who = identify(submission.email, submission.phone, submission.country, b"key")
    assert who is not None
    return decide(submission, who, facts, engagement, policy, received_at=now, now=now)


def test_a_decision_maker_at_an_ideal_customer_is_an_sql_at_once(policy: Policy) -> None:
    """A director at an ideal customer who asks for a demo goes to sales, and the clock starts with the submission."""
    decision = decided(policy)
    assert (decision.stage, decision.to, decision.priority) == ("sql", "sales", 10)
    assert decision.route is not None
    assert decision.route.name == "hot"
    assert decision.touch_by == NOW + timedelta(minutes=5)
    assert decision.warn_at == ((0.5, NOW + timedelta(seconds=150)), (0.8, NOW + timedelta(seconds=240)))


def test_reasons_are_sentences_for_a_salesperson(policy: Policy) -> None:
    """The company, the request, the level and the clock are said in words, without a rule's text or a person's data."""
    reasons = decided(policy, first_name="Dana", message="call me", company="Dana Reed").reasons
    assert "Acme has 1,200 employees: enterprise" in reasons
    assert "Asked for a demo" in reasons
    assert "Director: decision level" in reasons
    told = " ".join(reasons)
    for text in ("company.employees", "&&", ">=", "Dana", "call me", "dana@"):
        assert text not in told


def test_free_mail_says_that_no_company_is_known(policy: Policy) -> None:
    """Free mail is nobody's company, and a salesperson reads so."""
    decision = decided(policy, CompanyFacts("skipped"), email="dana@gmail.com")
    assert "Free-mail address: no company known" in decision.reasons
    assert (decision.stage, decision.to) == ("lead", "nurture")


def test_an_iql_takes_fit_and_intent(policy: Policy) -> None:
    """An ideal customer with a clear request is an IQL; neither half alone is."""
    small = CompanyFacts("matched", "test", {"employees": 10})
    assert decided(policy, job_title="Analyst").stage == "iql"
    assert decided(policy, job_title="Analyst", form="ebook").stage == "lead"
    assert decided(policy, small, job_title="Analyst").stage == "lead"


def test_a_guarded_form_has_low_intent_where_its_condition_does_not_match(policy: Policy) -> None:
    """A trial is a clear request at an ideal customer only."""
    assert decided(policy, form="trial").intent == "high"
    assert decided(policy, CompanyFacts("missed"), form="trial").intent == "low"


def test_an_unknown_form_has_no_intent(policy: Policy) -> None:
    """A form that is not configured is decided with intent none."""
    decision = decided(policy, form="raffle")
    assert (decision.intent, decision.action, decision.stage) == ("none", None, "lead")


def test_behaviour_makes_an_mql_of_an_ideal_customer(policy: Policy) -> None:
    """Engagement at the threshold counts, and the route's nurture is where it goes."""
    decision = decided(policy, engagement=50.0, form="ebook")
    assert (decision.stage, decision.to) == ("mql", "nurture")
    assert decision.route is not None
    assert decision.touch_by is None


def test_a_rejected_lead_goes_nowhere(policy: Policy) -> None:
    """No route is looked for; the reason of the rule is told."""
    decision = decided(policy, email="x@mailinator.com")
    assert (decision.stage, decision.route, decision.to) == ("rejected", None, "none")
    assert "Rejected: a disposable address" in decision.reasons


def test_no_route_is_nurture(policy: Policy) -> None:
    """Where no route matches the lead is nurtured."""
    decision = decided(policy, form="ebook")
    assert (decision.route, decision.to, decision.priority) == (None, "nurture", 0)


def test_a_submission_beyond_the_age_is_nurtured_and_says_so(policy: Policy) -> None:
    """Older than max_age goes to nurture with a reason; just at it is still called."""
    late = decided(policy, now=NOW + timedelta(days=7, milliseconds=1))
    assert (late.to, late.route, late.touch_by, late.stage) == ("nurture", None, None, "sql")
    assert any("7 days" in reason for reason in late.reasons)
    assert decided(policy, now=NOW + timedelta(days=7)).to == "sales"


def test_a_clock_that_runs_ahead_is_taken_as_now(policy: Policy) -> None:
    """More than five minutes ahead is now, and said; five minutes are let be."""
    ahead = decided(policy, now=NOW - timedelta(minutes=5, milliseconds=1))
    assert ahead.submitted_at == NOW - timedelta(minutes=5, milliseconds=1)
    assert any("ahead of the clock" in reason for reason in ahead.reasons)
    assert decided(policy, now=NOW - timedelta(minutes=5)).submitted_at == NOW


def test_a_working_clock_counts_open_time(tmp_path: Path) -> None:
    """Eight hours of an office in Oslo from Monday afternoon end on Tuesday afternoon."""
    policy = load(tmp_path, change("sla: fast", "sla: office-hours")).policy
    # 16:00 in Oslo; one hour is left of Monday
    assert decided(policy).touch_by == datetime(2026, 3, 3, 15, tzinfo=UTC)


def test_unknown_values_are_listed_and_told_where_they_mattered(policy: Policy) -> None:
    """A size that nobody knows is listed, and told since it could have made an ideal customer."""
    decision = decided(policy, CompanyFacts("missed"))
    assert "company.employees" in decision.unknown
    assert any(reason.startswith("Not known: the company's size") for reason in decision.reasons)


@pytest.mark.parametrize(
    ("match", "unknown"),
    [
        ("lead.language in rep.languages", ("lead.language",)),
        ("rep.languages.exists(spoken, lead.language.startsWith(spoken))", ("lead.language",)),
        ('lead.language == "en" || lead.region == "north"', ("lead.language", "lead.region")),
        ('rep.id == "ana" && fit.segment == "enterprise" && stage == "sql" && tags == []', ()),
        ("has(lead.language) && lead.language in rep.languages", ()),
        ("!has(lead.language) || lead.language in rep.languages", ()),
        ("company.employees < 50 && lead.language in rep.languages", ()),
    ],
)
def test_what_a_match_did_not_know_is_listed(tmp_path: Path, match: str, unknown: tuple[str, ...]) -> None:
    """Once, whoever the reps are: what it lacks of the lead, unless the rest settles it or it asks with has()."""
    text = change("lead.language in rep.languages", match)
    text = change("      - {pool: bens}", f"      - {{pool: bens, match: '{match}'}}", text)
    policy = load(tmp_path, text).policy
    decision = decided(policy)
    assert (decision.to, decision.unknown) == ("sales", unknown)
    assert decided(policy, language="en", region="south").unknown == ()
    assert decided(restore(canonical(policy))).unknown == unknown


def test_only_the_matches_of_the_route_taken_are_asked(policy: Policy) -> None:
    """A lead that goes elsewhere lacks nothing for them."""
    decision = decided(policy, engagement=60.0, form="ebook")
    assert (decision.stage, decision.to, decision.unknown) == ("mql", "nurture", ())


def test_a_value_that_kept_no_stage_from_the_lead_stays_out_of_the_reasons(tmp_path: Path) -> None:
    """Where another rule gave the same stage, the one that could not be told would have changed nothing."""
    rule = "  - {stage: sql, when: 'lead.region == \"north\"'}\n"
    policy = load(tmp_path, change("stages:\n", "stages:\n" + rule)).policy
    decision = decided(policy, language="en")
    assert (decision.stage, decision.unknown) == ("sql", ("lead.region",))
    assert not any("Not known" in reason for reason in decision.reasons)
    below = decided(policy, language="en", job_title="Clerk")
    assert (below.stage, below.unknown) == ("iql", ("lead.region",))
    assert "Not known: the region; with it the stage could be SQL" in below.reasons


def test_unknown_values_that_changed_nothing_stay_out_of_the_reasons(tmp_path: Path) -> None:
    """A tag's rule over a value that nobody knows is listed as unknown and not told."""
    text = change("company.employees >= 5000", "company.revenue >= 5000")
    decision = decided(load(tmp_path, text).policy, language="en")
    assert decision.unknown == ("company.revenue",)
    assert not any("Not known" in reason for reason in decision.reasons)


def test_company_is_field_by_field_from_enrichment_else_from_the_form(policy: Policy) -> None:
    """A looked-up size counts more than the form's; what enrichment lacks is taken from the form."""
    assert decided(policy, employees=5).fit.icp
    assert decided(policy, CompanyFacts("matched", "t", {"industry": "x"}), employees=900).fit.icp
    assert not decided(policy, CompanyFacts("matched", "t", {"employees": 5}), employees=900).fit.icp


@pytest.mark.parametrize(
    ("email", "website", "domain"),
    [
        ("a@mail.acme.co.uk", None, "acme.co.uk"),
        ("a@gmail.com", "https://www.acme.example/x", "acme.example"),
        ("a@gmail.com", None, None),
        ("a@gmail.com", "gmail.com", None),
        ("a@mailinator.com", None, None),
        ("a@acme.example", "https://other.example", "acme.example"),
    ],
)
def test_a_company_is_the_addresss_else_the_websites(email: str, website: str | None, domain: str | None) -> None:
    """Free and disposable hosts are nobody's company; then the website counts."""
    submission = FormSubmitted(submission_id="s", submitted_at=NOW, form="f", email=email, website=website)
    who = identify(email, None, None, b"key")
    assert who is not None
    assert company_domain(submission, who) == domain


def test_the_wire_form_is_the_contracts(policy: Policy) -> None:
    """The quick dictionary is what the event's model would write."""
    for decision in (decided(policy), decided(policy, CompanyFacts("missed"), form="ebook", test=True)):
        data = wire(decision)
        model = LeadDecided.model_validate(data)
        assert json.loads(model.model_dump_json()) == data
        assert set(data) == set(LeadDecided.model_fields)


def test_a_decision_is_computed_again_from_what_it_records(policy: Policy) -> None:
    """Submission, recorded facts, recorded score and the policy's text give the same decision."""
    submission = FormSubmitted(submission_id="s", submitted_at=NOW, form="demo", email="a@acme.example")
    who = identify(submission.email, None, None, b"key")
    assert who is not None
    now = NOW + timedelta(microseconds=1234567)
    first = wire(decide(submission, who, BIG, 12.34567, policy, received_at=NOW, now=now))
    model = LeadDecided.model_validate(first)
    facts = CompanyFacts(model.enrichment.status, model.enrichment.source, model.enrichment.fields)
    kept = restore(canonical(policy))
    again = decide(
        submission, who, facts, model.engagement.score, kept, received_at=model.received_at, now=model.decided_at
    )
    assert wire(again) == first


_TEXT = st.text(max_size=30)
_SUBMISSIONS = st.fixed_dictionaries(
    {
        "submission_id": st.text(
            st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1, max_size=40
        ).filter(lambda text: text.strip()),
        "submitted_at": st.datetimes(timezones=st.just(UTC)),
        "form": st.sampled_from([*SHIPPED.forms, "other", "'"]),
        "email": st.sampled_from(["a@acme.example", "x@gmail.com", "y@mailinator.com", "z@ünder.example"]),
    },
    optional={
        **dict.fromkeys(
            ("first_name", "company", "job_title", "country", "region", "industry", "website", "language", "message"),
            _TEXT,
        ),
        "employees": st.integers(min_value=0, max_value=10**30),
        "fields": st.dictionaries(_TEXT, st.none() | st.booleans() | st.integers() | st.floats() | _TEXT, max_size=4),
        "consent": st.dictionaries(_TEXT, st.recursive(st.none() | _TEXT, st.lists), max_size=2),
        "utm": st.fixed_dictionaries({}, optional={"medium": _TEXT, "source": _TEXT}),
        "test": st.booleans(),
    },
)
_INT64 = st.integers(-(2**63), 2**63 - 1)  # no source gives a larger one: neither the dataset nor JSON over HTTP
_FACTS = st.builds(
    CompanyFacts,
    st.sampled_from(["matched", "missed", "degraded", "skipped"]),
    st.none() | _TEXT,
    st.dictionaries(
        st.sampled_from(["name", "employees", "industry", "country", "known", "domain"]),
        st.none() | _INT64 | st.floats(allow_nan=False) | _TEXT | st.lists(_TEXT, max_size=2) | st.booleans(),
    ),
)


@settings(max_examples=200, deadline=None)
@given(data=_SUBMISSIONS, facts=_FACTS, points=st.floats(-1e6, 1e6))
def test_every_valid_submission_is_decided(data: dict[str, object], facts: CompanyFacts, points: float) -> None:
    """Whatever the form or a source said, a valid submission is decided and can be written down."""
    try:
        submission = FormSubmitted.model_validate(data)
    except ValidationError:
        reject()
    who = identify(submission.email, submission.phone, submission.country, b"key")
    assert who is not None
    decision = decide(submission, who, facts, points, SHIPPED, received_at=NOW, now=NOW)
    assert LeadDecided.model_validate(wire(decision)).decision_id == decision.decision_id
    assert decision.reasons


@settings(deadline=None)
@given(data=_SUBMISSIONS, facts=st.sampled_from([BIG, CompanyFacts("missed"), CompanyFacts("degraded", "test")]))
def test_a_decision_is_written_in_the_same_words_either_way(data: dict[str, object], facts: CompanyFacts) -> None:
    """What is written at once as JSON is what would be written of the plain data, byte by byte."""
    try:
        submission = FormSubmitted.model_validate(data)
    except ValidationError:
        reject()
    who = identify(submission.email, submission.phone, submission.country, b"key")
    assert who is not None
    decision = decide(submission, who, facts, 12.5, SHIPPED, received_at=NOW, now=NOW)
    assert orjson.dumps(told(decision)) == orjson.dumps(wire(decision))
