"""`router check`: validates a configuration, runs its cases and reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from router.domain.policy import Policy
from router.policy import Loaded, PolicyInvalid, Problem, load_policy
from router.policy.cases import CaseResult, run_cases


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found; `policy` is None where the configuration does not check."""

    directory: Path
    policy: Policy | None
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    cases: tuple[CaseResult, ...]

    @property
    def ok(self) -> bool:
        """Whether a worker would start on it and every case comes out as expected."""
        return not self.errors and all(case.ok for case in self.cases)

    def summary(self) -> list[str]:
        """Return the report's few lines, without errors and warnings."""
        if self.policy is None:
            count = len(self.errors)
            return [f"{self.directory}: {count} error{'s' if count > 1 else ''}, no case was run"]
        passed = sum(case.ok for case in self.cases)
        cases = f"{passed} of {len(self.cases)} cases pass" if self.cases else "no cases: add some under cases/"
        return [
            f"{self.directory}: {_sizes(self.policy)}",
            f"{cases}; policy version {self.policy.version}",
        ]

    def as_json(self) -> dict[str, object]:
        """Return the report for programs."""
        return {
            "ok": self.ok,
            "policy_version": self.policy.version if self.policy is not None else None,
            "errors": [_problem(one) for one in self.errors],
            "warnings": [_problem(one) for one in self.warnings],
            "cases": [
                {
                    "name": case.name,
                    "file": case.place.file,
                    "line": case.place.line,
                    "ok": case.ok,
                    "problem": case.problem,
                    "differences": [
                        {"field": one.field, "expected": one.expected, "actual": one.actual} for one in case.differences
                    ],
                }
                for case in self.cases
            ],
        }


def check(directory: Path) -> Report:
    """Check the configuration in *directory* and run its cases; what is wrong is in the report."""
    try:
        loaded: Loaded = load_policy(directory)
    except PolicyInvalid as exc:
        return Report(directory, None, exc.problems, (), ())
    results, errors, warnings = run_cases(directory / "cases", loaded.policy)
    return Report(directory, loaded.policy, errors, (*loaded.warnings, *warnings), results)


def _sizes(policy: Policy) -> str:
    counts = (
        (len(policy.forms), "form"),
        (len(policy.fit.rules), "fit rule"),
        (len(policy.stages), "stage rule"),
        (len(policy.reps), "rep"),
        (len(policy.pools), "pool"),
        (len(policy.routes), "route"),
        (len(policy.sla), "SLA target"),
    )
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts)


def _problem(one: Problem) -> dict[str, object]:
    return {"file": one.file, "line": one.line, "message": one.message, "suggestion": one.suggestion}
