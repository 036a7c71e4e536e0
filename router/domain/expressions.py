"""
The rules' language: CEL, checked when a policy is loaded and evaluated for each lead.

An expression over a value that is not known does not match, and its verdict says
which value that was. The values themselves are in `router.domain.scope`, how
paths are found in `router.domain.expression_text`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

import cel
from rapidfuzz import fuzz, process

from router.domain.expression_arithmetic import computes, in_floating_numbers
from router.domain.expression_text import Call, Reference, read, tokens
from router.domain.scope import Path, Scope
from router.errors import BadInput

__all__ = ["Expression", "ExpressionInvalid", "Names", "Scope", "Verdict", "compile_expression"]

Names = Mapping[str, frozenset[str] | None]
"""
The variables that an expression may use, each with its fields: a closed set
("employees", "utm.source"; "fields.*" leaves open what `fields` holds), an empty
set for a value without fields, or None for one whose fields are not known at load.
"""

FUNCTIONS = frozenset(
    """
    all bytes contains double duration dyn endsWith exists existsOne exists_one filter getDate getDayOfMonth
    getDayOfWeek getDayOfYear getFullYear getHours getMilliseconds getMinutes getMonth getSeconds has int map
    matches size startsWith string timestamp type uint
    """.split()  # noqa: SIM905 - a column of thirty quoted words reads worse
)

_NOT_CEL = {
    "and": '"and" is written && in CEL',
    "or": '"or" is written || in CEL',
    "not": '"not" is written ! in CEL',
    "&": '"and" is written && in CEL',
    "|": '"or" is written || in CEL',
    "=": "to compare is written == in CEL",
    "'": "the quote that opens here is not closed",
    '"': "the quote that opens here is not closed",
}
_PARSE_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")
_UNDEFINED = re.compile(r"Undefined variable or function: '(\w+)'")
_FAILURES = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)  # what evaluation can raise
_REMEMBERED = 32_768  # verdicts, of all expressions together
_ALIKE = 70  # of 100: a slip of the keyboard, not another word


class ExpressionInvalid(BadInput):
    """An expression cannot be used; `column` counts from 1 in its text."""

    def __init__(self, problem: str, suggestion: str, column: int) -> None:
        super().__init__(f"column {column}: {problem}; {suggestion}")
        self.problem = problem
        self.suggestion = suggestion
        self.column = column


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    Whether an expression matched.

    * **unknown** - the paths for whose want the result could not be worked out; empty where it could.
    * **problem** - what else kept it from a result, such as kinds of values that cannot be compared.
    """

    matched: bool
    unknown: tuple[str, ...] = ()
    problem: str | None = None


_MATCHED = Verdict(matched=True)
_UNMATCHED = Verdict(matched=False)


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression; equal to any other of the same text. `paths` are those that it names."""

    text: str
    paths: frozenset[str] = field(compare=False)
    _named: tuple[Path, ...] = field(compare=False, repr=False)
    _needed: tuple[Path, ...] = field(compare=False, repr=False)
    _asked: frozenset[Path] = field(compare=False, repr=False)
    _program: cel.Program = field(compare=False, repr=False)
    _floating: cel.Program | None = field(compare=False, repr=False)

    def evaluate(self, scope: Scope) -> Verdict:
        """
        Evaluate over what is known; never raises.

        Arithmetic is done in floating numbers, whether a dataset wrote 5500000
        or 5500000.0; where that does not fit (`size(tags) + 1`, `%`), in whole ones.

        Over values that have come before, the verdict is the one there was.
        """
        leaves = scope.leaves(self._named)
        return self.work_out(scope) if leaves is None else _known_verdict(self, *leaves)

    def work_out(self, scope: Scope) -> Verdict:
        """Evaluate without looking back."""
        try:
            if self._floating is not None:
                with suppress(TypeError):
                    return _verdict(self._floating.execute(scope.floating()))
            return _verdict(self._program.execute(scope.exact()))
        except _FAILURES as exc:
            return self._unsettled(scope, exc)

    def _unsettled(self, scope: Scope, exc: Exception) -> Verdict:
        missing = [path for path in self._needed if not scope.knows(path)]
        blamed = [path for path in missing if path not in self._asked] or missing  # has() guards what it asks for
        problem = None if blamed and isinstance(exc, KeyError | RuntimeError) else _problem(exc)
        return Verdict(matched=False, unknown=tuple(".".join(path) for path in blamed), problem=problem)


def compile_expression(text: str, names: Names) -> Expression:
    """
    Check an expression and make it ready.

    Raises `ExpressionInvalid` for a parse error, for a variable, field or function
    that does not exist, and for an expression without variables that has no result.

    >>> rule = compile_expression("company.employees >= 50", {"company": frozenset({"employees"})})
    >>> rule.evaluate(Scope({"company": {"employees": 50.0}}, rule.paths)).matched
    True
    >>> rule.evaluate(Scope({}, rule.paths)).unknown
    ('company.employees',)
    """
    program = _parse(text)
    if rooted := next((name for name in program.variables() if name.startswith(".")), None):
        raise ExpressionInvalid(f"{rooted} starts with a dot", f"write {rooted[1:]}", text.index(".") + 1)
    reading = read(text)
    for reference in reading.references:
        _check_path(reference, names)
    for call in reading.calls:
        _check_call(call)
    asked = frozenset(found.path for found in reading.references if found.asked)
    named = tuple(dict.fromkeys(found.path for found in reading.references))
    expression = Expression(
        text=text,
        paths=frozenset(".".join(found.path) for found in reading.references),
        _named=named,
        _needed=tuple(dict.fromkeys(found.path for found in reading.references if not found.asked)),
        _asked=asked,
        _program=program,
        _floating=_compute(text) if computes(text) else None,
    )
    if not expression.paths and (problem := expression.evaluate(Scope({}, frozenset())).problem):
        raise ExpressionInvalid(problem, "write a condition, like company.employees >= 50", 1)
    return expression


@lru_cache(maxsize=_REMEMBERED, typed=True)
def _known_verdict(expression: Expression, *leaves: object) -> Verdict:
    """Evaluate over what the expression names, and over nothing else, so that nothing else can change the verdict."""
    return expression.work_out(Scope.of(expression._named, leaves))  # noqa: SLF001 - of the same module


def _verdict(result: object) -> Verdict:
    if result is True:
        return _MATCHED
    if result is False:
        return _UNMATCHED
    return Verdict(matched=False, problem="its result is neither true nor false")


def _parse(text: str) -> cel.Program:
    try:
        return cel.compile(text)
    except ValueError as exc:
        raise _parse_error(text, str(exc)) from exc


def _compute(text: str) -> cel.Program:
    """Return the program for floating numbers; raises `ExpressionInvalid` for a divisor that cannot be checked."""
    try:
        return cel.compile(in_floating_numbers(text))
    except (ValueError, OverflowError):
        raise ExpressionInvalid(
            "what it computes cannot be read", "put each divisor in parentheses", text.find("/") + 1
        ) from None


def _parse_error(text: str, told: str) -> ExpressionInvalid:
    match = _PARSE_ERROR.search(told)
    line, place, what = match.groups() if match else ("1", "1", "cannot be read")
    column = sum(len(part) for part in text.splitlines(keepends=True)[: int(line) - 1]) + int(place)
    problem = f"not a CEL expression: {what.split(' expecting ')[0]}".replace("'<EOF>'", "the end")
    for token in tokens(text):
        if token.text.lower() in _NOT_CEL:
            return ExpressionInvalid(problem, _NOT_CEL[token.text.lower()], token.column)
    return ExpressionInvalid(problem, "write a condition, like company.employees >= 50", column)


def _check_path(reference: Reference, names: Names) -> None:
    root, *steps = reference.path
    dotted, below = ".".join(reference.path), ".".join(steps)
    if root not in names:
        raise ExpressionInvalid(f"unknown variable {root}", _suggest(dotted, names), reference.column)
    fields = names[root]
    if fields is None or below in fields or (not fields and not steps):
        return
    if any(".".join([*steps[:depth], "*"]) in fields for depth in range(1, len(steps) + 1)):
        return
    if not steps:
        raise ExpressionInvalid(
            f"{root} is a group of values", f"name one of them, like {_example(root, fields)}", reference.column
        )
    if not fields:
        raise ExpressionInvalid(f"{root} is a value and has no field {below}", f"use {root} itself", reference.column)
    raise ExpressionInvalid(f"unknown value {dotted}", _suggest(dotted, names), reference.column)


def _check_call(call: Call) -> None:
    if call.name not in FUNCTIONS:
        near = process.extractOne(call.name, FUNCTIONS, scorer=fuzz.ratio, score_cutoff=_ALIKE)
        suggestion = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(FUNCTIONS))}"
        raise ExpressionInvalid(f"unknown function {call.name}", suggestion, call.column)
    if call.name == "matches" and call.literal is not None:
        try:
            cel.evaluate("''.matches(pattern)", {"pattern": call.literal})
        except RuntimeError as exc:
            raise ExpressionInvalid(
                "matches() has a broken pattern", "correct the regular expression", call.column
            ) from exc


def _suggest(dotted: str, names: Names) -> str:
    """Say what was probably meant: the same field elsewhere, else the likest spelling, else what there is."""
    root, _, below = dotted.partition(".")
    known = _known_paths(tuple((name, fields) for name, fields in names.items()))
    if below and root in names:
        elsewhere = [path for path in known if path.partition(".")[2] == below]
        if elsewhere:
            return f"did you mean {elsewhere[0]}?"
    near = process.extractOne(dotted, known, scorer=fuzz.ratio, score_cutoff=_ALIKE)
    if near:
        return f"did you mean {near[0]}?"
    fields = names.get(root)
    if fields:
        return f"{root} has {', '.join(sorted(fields))}"
    return f"there are {', '.join(names)}"


@lru_cache(maxsize=16)
def _known_paths(names: tuple[tuple[str, frozenset[str] | None], ...]) -> tuple[str, ...]:
    return tuple(
        f"{root}.{name}" if name else root for root, fields in names for name in (sorted(fields) if fields else [""])
    )


def _example(root: str, fields: frozenset[str]) -> str:
    return f"{root}.{min(fields)}"


def _problem(exc: Exception) -> str:
    if isinstance(exc, ZeroDivisionError):
        return "it divides by zero"
    if isinstance(exc, IndexError):
        return "it asks for a place that the list does not have"
    if undefined := _UNDEFINED.search(str(exc)):
        return f"{undefined.group(1)} does not apply to this kind of value"
    if isinstance(exc, TypeError):
        return "it compares or combines kinds of values that do not go together"
    return "it cannot be worked out for these values"
