"""One reading of a configuration: the document, what was found wrong so far, and the checks that all sections share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from router.domain.expression_text import tokens
from router.domain.expressions import Expression, ExpressionInvalid, Names, compile_expression
from router.policy.documents import Document, Path_, Place
from router.policy.problems import Findings, did_you_mean

_PLACEHOLDER = compile_expression("false", {})
"""Stands in for an expression that does not compile, so that the rest can be read; such a policy is never returned."""


def always(text: str) -> bool:
    """Return whether an expression matches every lead, as far as its text shows."""
    return text.strip() == "true"


@dataclass(frozen=True, slots=True)
class Reading:
    """
    What the builders of the sections work with.

    It is not `complete` where parts could not be read. `refused` are the places whose
    shape was: what stands there now is made up, so only its expressions are judged.
    """

    document: Document
    findings: Findings
    complete: bool = True
    refused: frozenset[Place] = frozenset()

    def error(self, path: Path_, message: str, suggestion: str | None = None) -> None:
        """Note what must be put right."""
        if self.document.place(path) not in self.refused:
            self.findings.errors.append(self.document.problem(path, message, suggestion))

    def warn(self, path: Path_, message: str, suggestion: str | None = None) -> None:
        """Note what is probably not meant."""
        self.findings.warnings.append(self.document.problem(path, message, suggestion))

    def line(self, path: Path_) -> int:
        """Return the line where *path* stands."""
        return self.document.place(path).line

    def expression(self, path: Path_, text: str, names: Names) -> Expression:
        """Compile the expression at *path*. Blanks and comments in it mean nothing, so what is kept has none."""
        try:
            compile_expression(text, names)  # first as it was written, for the column
            return compile_expression(" ".join(token.text for token in tokens(text)), names)
        except ExpressionInvalid as exc:
            told = f"{exc.problem} (column {exc.column} of the expression)"
            self.findings.errors.append(self.document.problem(path, told, exc.suggestion))
            return _PLACEHOLDER

    def known(self, path: Path_, what: str, name: str | None, names: Collection[str]) -> None:
        """Refuse a reference to something that is not there."""
        if not self.complete and not names:
            return  # what it refers to may stand in the part that could not be read
        if name is not None and name not in names:
            hint = did_you_mean(name, names) if names else f"no {what} is configured"
            self.error(path, f"there is no {what} {name!r}", hint)

    def unique(self, section: Path_, key: str, what: str, names: Iterable[str]) -> None:
        """Refuse a name that stands twice in the list at *section*."""
        first: dict[str, int] = {}
        for index, name in enumerate(names):
            path = (*section, index, key)
            if name in first:
                told = f"{what} {name!r} stands twice (first in line {self.line((*section, first[name], key))})"
                self.error(path, told, "names are unique in their list")
            else:
                first[name] = index

    def reachable(self, section: Path_, what: str, conditions: Sequence[tuple[str, str]]) -> None:
        """Warn of rules (name, condition) that stand after one which always matches."""
        hidden_by: str | None = None
        for index, (name, condition) in enumerate(conditions):
            if hidden_by is not None:
                told = f"{what} {name!r} is never reached: {hidden_by!r} before it always matches"
                self.warn((*section, index), told, "move the one with `when: 'true'` to the end")
            elif always(condition):
                hidden_by = name
