"""What changed the policy's mind: what a later decision says otherwise, and what it was made from that differs."""

from __future__ import annotations

from typing import Any

import pytest

from router.domain.lead_story.mind import FORM, compared
from router.domain.lead_story.shape import Decided, Event
from router.events.decision import LeadDecided
from tests.unit.lead_story_telling import Telling, decided

IDS = {
    "submission_id": "s1", "decision_id": "d1", "lead_id": "L1", "touch_by": None,
    **dict.fromkeys(("submitted_at", "received_at", "decided_at"), "2026-03-02T14:00:00Z"),
}  # fmt: skip


def decision(**more: Any) -> LeadDecided:  # noqa: ANN401 - whatever a decision has
    """Return a decision."""
    return LeadDecided.model_validate({**decided(), **IDS, **more})


def rules(*given: tuple[str, int, bool] | tuple[str, int, bool, list[str]], score: int = 60) -> dict[str, Any]:
    """Return a fit whose rules are (name, points, matched, unknown)."""
    rows = [
        {"name": one[0], "points": one[1], "matched": one[2], "unknown": one[3] if len(one) > 3 else []}
        for one in given
    ]
    return {"score": score, "icp": score >= 60, "segment": "enterprise", "rules": rows}


def because(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the sentences on why two decisions differ."""
    return [cause.sentence for cause in differing(before, after).because]


def differing(before: dict[str, Any], after: dict[str, Any]) -> Decided:
    """Compare two decisions that are alike but for what is given."""
    return compared(decision(**after), decision(**before), None)


def test_the_first_decision_is_compared_with_none() -> None:
    """There is no mind to be changed yet."""
    first = compared(decision(), None, 1)
    assert (first.compared_with, first.changed, first.because, first.new_reasons) == (None, (), (), ())


def test_everything_that_may_change_is_told() -> None:
    """Stage, route, tags, priority, target and destination each come with what it was and what it is."""
    before = {"stage": "lead", "route": None, "tags": ["paid"], "priority": 0, "sla": None, "to": "nurture"}
    after = {"tags": ["decision-maker", "paid"]}

    assert [(one.field, one.before, one.after) for one in differing(before, after).changed] == [
        ("stage", "lead", "sql"),
        ("route", None, "hot"),
        ("tags", ("paid",), ("decision-maker", "paid")),
        ("priority", 0, 10),
        ("sla", None, "hot"),
        ("to", "nurture", "sales"),
    ]


def test_the_order_of_tags_is_no_change() -> None:
    """The same tags in another order are the same tags."""
    assert differing({"tags": ["a", "b"]}, {"tags": ["b", "a"]}).changed == ()


def test_the_same_again_has_no_cause() -> None:
    """Two decisions alike differ in nothing, and nothing is given as a cause."""
    same = differing({}, {"engagement": {"score": 12.3, "threshold": 50}})
    assert (same.changed, same.because) == ((), ())


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (("size", 40, False), ("size", 40, True), "Fit rule size matches now and did not then (+40)"),
        (("size", 40, True), ("size", 40, False), "Fit rule size matched then and does not now (+40)"),
        (
            ("size", 40, False, ["company.employees"]),
            ("size", 40, True),
            "Fit rule size matches now and did not then (+40; company.employees not known then)",
        ),
        (
            ("size", -20, True),
            ("size", -20, False, ["lead.message"]),
            "Fit rule size matched then and does not now (-20; lead.message not known now)",
        ),
        (("size", 40, True), ("size", 30, True), "Fit rule size gives +30 instead of +40"),
        (("size", 40, True), None, "Fit rule size is gone; it gave +40"),
        (None, ("size", 40, True), "Fit rule size is new and matches (+40)"),
    ],
)
def test_a_fit_rule(before: tuple[str, int, bool] | None, after: tuple[str, int, bool] | None, told: str) -> None:
    """A rule that came out otherwise is named with its points, and with what was not known."""
    was, now = ({"fit": rules(*([one] if one else []))} for one in (before, after))
    assert because(was, now) == [told]


@pytest.mark.parametrize(
    ("before", "after"),
    [(("size", 40, False), None), (None, ("size", 40, False)), (("size", 40, False), ("size", 30, False))],
)
def test_a_rule_that_gave_nothing_is_no_cause(
    before: tuple[str, int, bool] | None, after: tuple[str, int, bool] | None
) -> None:
    """What matches neither time explains nothing, new, gone or changed as it may be."""
    was, now = ({"fit": rules(*([one] if one else []))} for one in (before, after))
    assert because(was, now) == []


def test_fit_and_segment() -> None:
    """The score says whether an ideal customer came of it."""
    poor: dict[str, Any] = {"fit": {"score": 20, "icp": False, "segment": None, "rules": []}}
    rich = {"fit": {"score": 65, "icp": True, "segment": "enterprise", "rules": []}}
    assert because(poor, rich) == ["Fit 65, before 20: an ideal customer now", "Segment enterprise, before none"]
    assert because(rich, poor)[0] == "Fit 20, before 65: no ideal customer now"


def test_intent_engagement_and_policy() -> None:
    """Another form, points that passed the threshold and another policy are causes, each in a sentence."""
    before = {
        "intent": {"level": "low", "action": "content_download"}, "engagement": {"score": 49.8, "threshold": 50},
        "policy_version": "v0",
    }  # fmt: skip
    after = {"engagement": {"score": 50.2, "threshold": 50}}
    assert because(before, after) == [
        "Another policy was in force: v1, before it v0",
        "Intent high (demo_request), before low (content_download)",
        "Engagement 50, at or above 50; before it was 50",
    ]


def test_enrichment() -> None:
    """A look-up that came out otherwise, and one that gave other values, are causes."""
    degraded: dict[str, Any] = {"enrichment": {"status": "degraded", "source": None, "fields": {}}}
    grown = {"enrichment": {"status": "matched", "source": "companies.csv", "fields": {"employees": 9000}}}
    assert because(degraded, {}) == ["Enrichment matched by companies.csv, before degraded"]
    assert because({}, grown) == ["Enrichment gave another employees"]


def test_what_no_decision_records() -> None:
    """A change that nothing recorded explains is put down to the form, and new reasons are marked."""
    before = {"stage": "iql", "reasons": ["Asked for a demo"]}
    after = {"stage": "sql", "reasons": ["Asked for a demo", "Director: decision level"]}
    told = differing(before, after)
    assert [cause.what for cause in told.because] == ["form"]
    assert told.because[0].sentence == FORM
    assert told.new_reasons == ("Director: decision level",)


def test_a_test_submission_changes_nobodys_mind() -> None:
    """What comes after a test is compared with the decision before it, and a test opens nothing."""
    telling = Telling("ana")
    telling.send(stage="lead", route=None, to="nurture", sla=None)
    telling.wait(1)
    trial = decision(test=True, stage="iql", submission_id="trial", decision_id="trial")
    telling.events.append(Event("trial", telling.moment, trial))
    telling.wait(1)
    telling.send()
    story = telling.told()

    assert [one.compared_with for one in story.decisions] == [None, "s1", "s1"]
    assert [one.opening for one in story.decisions] == [None, None, 1]
