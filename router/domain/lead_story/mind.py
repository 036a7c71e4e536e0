"""
What changed the policy's mind between two decisions of one lead.

Only what decisions record is compared. What a form said itself, a job title for
one, is recorded in no decision; where nothing else explains a change, that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from router.domain.lead_story.shape import Cause, Change, Decided, Mind, Value
from router.events.decision import EnrichmentResult, FitResult, FitRuleResult, LeadDecided

MINDS: tuple[Mind, ...] = ("stage", "route", "tags", "priority", "sla", "to")

FORM = (
    "Nothing that the decisions record explains it: what the form itself said must differ, "
    "and that does not stand on this topic"
)


def compared(decision: LeadDecided, before: LeadDecided | None, opening: int | None) -> Decided:
    """Return *decision* with what it says otherwise than the one *before*, and why."""
    if before is None:
        return Decided(decision, opening, None, (), (), ())
    changed = tuple(changes(before, decision))
    because = tuple(causes(before, decision))
    if changed and not because:
        because = (Cause("form", None, None, None, FORM),)
    known = frozenset(before.reasons)
    new = tuple(reason for reason in decision.reasons if reason not in known)
    return Decided(decision, opening, before.submission_id, changed, because, new)


def changes(before: LeadDecided, after: LeadDecided) -> Iterator[Change]:
    """Yield what the two say differently; the order of tags is no difference."""
    for field in MINDS:
        was, is_now = _said(before, field), _said(after, field)
        if was != is_now:
            yield Change(field, was, is_now)


def _said(decision: LeadDecided, field: Mind) -> Value:
    if field == "tags":
        return tuple(sorted(decision.tags))
    said: Value = getattr(decision, field)
    return said


def causes(before: LeadDecided, after: LeadDecided) -> Iterator[Cause]:
    """Yield what the two were made from and that differed."""
    if before.policy_version != after.policy_version:
        told = f"Another policy was in force: {after.policy_version}, before it {before.policy_version}"
        yield Cause("policy", None, before.policy_version, after.policy_version, told)
    yield from _of_rules(before.fit, after.fit)
    yield from _of_fit(before.fit, after.fit)
    yield from _of_intent(before, after)
    yield from _of_engagement(before, after)
    yield from _of_enrichment(before.enrichment, after.enrichment)
    if (before.to == "attached") != (after.to == "attached"):
        was, is_now = ("open", "not open") if before.to == "attached" else ("not open", "open")
        told = (
            "The lead was open: the submission joined it"
            if is_now == "open"
            else "The lead was open at the decision before, and not any more"
        )
        yield Cause("lead", None, was, is_now, told)


def _of_rules(before: FitResult, after: FitResult) -> Iterator[Cause]:
    was = {rule.name: rule for rule in before.rules}
    now = {rule.name: rule for rule in after.rules}
    for name in dict.fromkeys((*now, *was)):
        told = _of_rule(was.get(name), now.get(name))
        if told is not None:
            yield Cause("fit_rule", name, _given(was.get(name)), _given(now.get(name)), f"Fit rule {name} {told}")


def _given(rule: FitRuleResult | None) -> Value:
    """Return the points that a rule gave; None where there was no such rule."""
    return None if rule is None else rule.points if rule.matched else 0


def _of_rule(was: FitRuleResult | None, now: FitRuleResult | None) -> str | None:
    if was is None or now is None:
        there = now or was
        if there is None or not there.matched:
            return None
        return f"is new and matches ({there.points:+})" if now else f"is gone; it gave {there.points:+}"
    if now.matched != was.matched:
        now_or_then = "matches now and did not then" if now.matched else "matched then and does not now"
        points = now.points if now.matched else was.points
        unknown = was.unknown if now.matched else now.unknown
        lacking = f"; {_words(unknown)} not known {'then' if now.matched else 'now'}" if unknown else ""
        return f"{now_or_then} ({points:+}{lacking})"
    if now.matched and now.points != was.points:
        return f"gives {now.points:+} instead of {was.points:+}"
    return None


def _words(names: Iterable[str]) -> str:
    return ", ".join(names)


def _of_fit(before: FitResult, after: FitResult) -> Iterator[Cause]:
    if before.score != after.score or before.icp != after.icp:
        ideal = "an ideal customer" if after.icp else "no ideal customer"
        since = "now" if before.icp != after.icp else "as before"
        yield Cause(
            "fit", None, before.score, after.score, f"Fit {after.score}, before {before.score}: {ideal} {since}"
        )
    if before.segment != after.segment:
        told = f"Segment {after.segment or 'none'}, before {before.segment or 'none'}"
        yield Cause("fit", "segment", before.segment, after.segment, told)


def _of_intent(before: LeadDecided, after: LeadDecided) -> Iterator[Cause]:
    was, now = (f"{each.intent.level} ({each.intent.action or 'no form'})" for each in (before, after))
    if was != now:
        yield Cause("intent", None, was, now, f"Intent {now}, before {was}")


def _of_engagement(before: LeadDecided, after: LeadDecided) -> Iterator[Cause]:
    was, now = before.engagement, after.engagement
    if round(was.score) == round(now.score) and (was.score >= was.threshold) == (now.score >= now.threshold):
        return
    side = "at or above" if now.score >= now.threshold else "below"
    told = f"Engagement {now.score:.0f}, {side} {now.threshold}; before it was {was.score:.0f}"
    yield Cause("engagement", None, was.score, now.score, told)


def _of_enrichment(before: EnrichmentResult, after: EnrichmentResult) -> Iterator[Cause]:
    if before.status != after.status or before.source != after.source:
        was, now = (f"{each.status}{f' by {each.source}' if each.source else ''}" for each in (before, after))
        yield Cause("enrichment", None, was, now, f"Enrichment {now}, before {was}")
    names = sorted(before.fields.keys() | after.fields.keys())
    differ = tuple(name for name in names if before.fields.get(name) != after.fields.get(name))
    if differ and before.status == after.status:
        told = f"Enrichment gave another {_words(differ)}"
        yield Cause("enrichment", "fields", None, differ, told)
