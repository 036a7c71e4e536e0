"""
Runs the examples in `cases/` beside a configuration: a submission, and what must become of it.

A change of policy without a case is incomplete; a case that fails names the
field, what was expected and what came out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from router.domain.decision import wire
from router.domain.policy import Policy
from router.errors import BadInput
from router.events.base import Instant
from router.events.decision import LeadDecided
from router.events.submission import FormSubmitted
from router.policy.documents import Document, Path_, Place, read_yaml
from router.policy.dry_run import dry_run
from router.policy.problems import Findings, Problem, did_you_mean
from router.policy.shape_errors import problems_of
from router.policy.shapes import Name, Shape

ANY_DAY = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
"""When a case happens that does not say: a Monday, with New York, London and Berlin at work."""

_KEY = b"cases have no secrets, only people who do not exist"
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
_INSTANTS = frozenset({"touch_by", "submitted_at", "received_at", "decided_at"})


class CaseShape(Shape):
    """One example."""

    name: Name
    submission: dict[str, Any]
    expect: dict[str, Any]
    company: dict[str, Any] | None = None
    activity: list[dict[str, Any]] = Field(default_factory=list)
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that came out otherwise."""

    field: str
    expected: object
    actual: object


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of one example; `problem` tells why it could not be run at all."""

    name: str
    place: Place
    differences: tuple[Difference, ...] = ()
    problem: str | None = None

    @property
    def ok(self) -> bool:
        """Whether everything came out as expected."""
        return not self.differences and self.problem is None

    def lines(self) -> Iterator[str]:
        """Yield one line for each thing that is wrong."""
        where = f"{self.place.file}:{self.place.line}: case {self.name!r}"
        if self.problem is not None:
            yield f"{where}: {self.problem}"
        for one in self.differences:
            yield f"{where}: {one.field}: expected {_shown(one.expected)}, actual {_shown(one.actual)}"


Told = tuple[Problem, ...]


def run_cases(directory: Path, policy: Policy) -> tuple[tuple[CaseResult, ...], Told, Told]:
    """Run every case of *directory*; return the results, then errors and warnings of the files themselves."""
    findings = Findings()
    results: list[CaseResult] = []
    names: dict[str, Place] = {}
    files = sorted(p for p in directory.glob("*") if p.suffix in {".yaml", ".yml"} and p.is_file())
    for path in files:
        shown = str(path)
        if (read := read_yaml(path, shown, findings)) is None:
            continue
        values, places = read
        document = Document({"cases": values}, {("cases", *at): one for at, one in places.items()}, Place(shown, 0))
        if not isinstance(values, list):
            findings.errors.append(document.problem((), "cases are a list", "start each with `- name: …`"))
            continue
        for index, raw in enumerate(values):
            at: Path_ = ("cases", index)
            case = _read(raw, at, document, findings)
            if case is None:
                continue
            if case.name in names:
                told = f"case {case.name!r} stands in {names[case.name].file}:{names[case.name].line} already"
                findings.errors.append(document.problem(at, told, "give it a name of its own"))
                continue
            names[case.name] = document.place(at)
            results.append(_run(case, at, document, policy, findings))
    return tuple(results), tuple(sorted(set(findings.errors))), tuple(sorted(set(findings.warnings)))


def _read(raw: object, at: Path_, document: Document, findings: Findings) -> CaseShape | None:
    try:
        return CaseShape.model_validate(raw)
    except ValidationError as exc:
        findings.errors += problems_of(exc, document, CaseShape, at)
        return None


def _run(case: CaseShape, at: Path_, document: Document, policy: Policy, findings: Findings) -> CaseResult:
    place = document.place(at)
    for key in case.submission:
        if key not in FormSubmitted.model_fields:
            hint = did_you_mean(key, FormSubmitted.model_fields)
            findings.warnings.append(
                document.problem((*at, "submission", key), f"a submission has no field {key!r}: it is ignored", hint),
            )
    for key in case.expect:
        if key not in LeadDecided.model_fields:
            hint = did_you_mean(key, LeadDecided.model_fields)
            findings.errors.append(document.problem((*at, "expect", key), f"a decision has no field {key!r}", hint))
    try:
        moment = _moment(case)
        submission = {"submission_id": case.name, "submitted_at": moment, **case.submission}
        decision = dry_run(
            submission,
            policy,
            key=_KEY,
            at=moment,
            company=case.company,
            activities=case.activity,
        )
    except BadInput as exc:
        return CaseResult(case.name, place, problem=str(exc))
    actual = wire(decision)
    expected = {key: value for key, value in case.expect.items() if key in LeadDecided.model_fields}
    return CaseResult(case.name, place, tuple(_differences(expected, actual, "")))


def _moment(case: CaseShape) -> datetime:
    given = case.at or case.submission.get("submitted_at") or ANY_DAY
    try:
        return _INSTANT.validate_python(given)
    except ValidationError:
        raise BadInput(f"{given!r} is no time; write it with an offset, as in 2026-03-02T14:05:00Z") from None


def _differences(expected: Mapping[str, object], actual: Mapping[str, object], above: str) -> Iterator[Difference]:
    for name, wanted in expected.items():
        got = actual.get(name)
        if isinstance(wanted, Mapping) and isinstance(got, Mapping):
            yield from _differences(wanted, got, f"{above}{name}.")
        elif not _same(name, wanted, got):
            yield Difference(above + name, wanted, got)


def _same(name: str, wanted: object, got: object) -> bool:
    if name == "tags" and isinstance(wanted, list) and isinstance(got, list):
        return sorted(map(str, wanted)) == sorted(map(str, got))
    if name in _INSTANTS and isinstance(wanted, str) and isinstance(got, str):
        try:
            return _INSTANT.validate_python(wanted) == _INSTANT.validate_python(got)
        except ValidationError:
            return False
    return wanted == got


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)
