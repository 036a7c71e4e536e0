"""
What a CEL expression names: its paths and its calls, found in its text.

The CEL library evaluates but does not tell paths, so they are read from the
tokens. Whether a path exists is for `router.domain.expressions` to say.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

Kind = Literal["string", "number", "name", "mark"]

_KEYWORDS = frozenset({"true", "false", "null", "in"})
_TYPES = frozenset({"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"})
_MACROS = frozenset({"all", "exists", "exists_one", "existsOne", "filter", "map"})
_TOKEN = re.compile(
    r"""
    (?P<skip>\s+|//[^\n]*)
  | (?P<string>[bBrR]{0,2}(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
  | (?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?[uU]?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<mark>&&|\|\||[=!<>]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; `column` counts from 1."""

    kind: Kind
    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Reference:
    """A path that the expression names; `asked` where `has()` only asks for it."""

    path: tuple[str, ...]
    column: int
    asked: bool


@dataclass(frozen=True, slots=True)
class Call:
    """A function or method that the expression calls; `literal` is its only argument where that is a string."""

    name: str
    column: int
    literal: str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was found in one text."""

    references: tuple[Reference, ...]
    calls: tuple[Call, ...]


def tokens(text: str) -> tuple[Token, ...]:
    """
    Cut a text into tokens, without space and comments.

    >>> [token.text for token in tokens("a.b >= 'x.y' // why")]
    ['a', '.', 'b', '>=', "'x.y'"]
    """
    matches = _TOKEN.finditer(text)
    return tuple(
        Token(cast("Kind", match.lastgroup), match.group(), match.start() + 1)
        for match in matches
        if match.lastgroup != "skip"
    )


def read(text: str) -> Reading:
    """
    Find what an expression names.

    Names bound by a macro, and what is selected from them, are no references.

    >>> [".".join(found.path) for found in read("company.name.size() > 3 && tags.exists(t, t == form.key)").references]
    ['company.name', 'tags', 'form.key']
    """
    return _Reader(tokens(text)).read()


def ends_operand(token: Token | None) -> bool:
    """Return whether a `.` or `[` after *token* selects from what it ends."""
    return token is not None and (
        token.text in {")", "]", "}"}
        or token.kind == "string"
        or (token.kind == "name" and token.text not in _KEYWORDS)
    )


@dataclass(slots=True)
class _Reader:
    """Walks over the tokens once, keeping the parentheses that are open."""

    tokens: Sequence[Token]
    at: int = 0
    references: list[Reference] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    open: list[tuple[str, str | None]] = field(default_factory=list)  # what was called, the name that it binds

    def read(self) -> Reading:
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind == "name" and token.text not in _KEYWORDS:
                self._name(token)
            else:
                self._mark(token)
        return Reading(tuple(self.references), tuple(self.calls))

    def _text(self, ahead: int) -> str:
        place = self.at + ahead
        return self.tokens[place].text if 0 <= place < len(self.tokens) else ""

    def _kind(self, ahead: int) -> Kind | None:
        place = self.at + ahead
        return self.tokens[place].kind if 0 <= place < len(self.tokens) else None

    def _mark(self, token: Token) -> None:
        if token.text == "(":
            self.open.append(("", None))
        elif token.text == ")" and self.open:
            self.open.pop()
        self.at += 1

    def _name(self, token: Token) -> None:
        selected = self._text(-1) == "."
        if self._text(1) == "(":
            self._call(token, selected=selected)
        elif selected or self._is_bound(token.text) or (token.text in _TYPES and self._text(1) != "."):
            self.at += 1
        else:
            self._path(token)

    def _is_bound(self, name: str) -> bool:
        return any(bound == name for _, bound in self.open)

    def _call(self, token: Token, *, selected: bool) -> None:
        literal = _string(self._text(2)) if self._kind(2) == "string" and self._text(3) == ")" else None
        self.calls.append(Call(token.text, token.column, literal))
        binds = selected and token.text in _MACROS and self._kind(2) == "name" and self._text(3) == ","
        self.open.append((token.text, self._text(2) if binds else None))
        self.at += 2

    def _path(self, token: Token) -> None:
        asked = bool(self.open) and self.open[-1][0] == "has" and self._text(-1) == "("
        self.at += 1
        path = (token.text, *self._steps())
        self.references.append(Reference(path, token.column, asked))

    def _steps(self) -> Iterator[str]:
        """Yield the fields that follow a root: `.name`, or `["name"]` where the name could stand in a path."""
        while True:
            if self._text(0) == "." and self._kind(1) == "name" and self._text(2) != "(":
                yield self._text(1)
                self.at += 2
            elif self._text(0) == "[" and self._kind(1) == "string" and self._text(2) == "]":
                key = _string(self._text(1))
                if key is None or "." in key:
                    return
                yield key
                self.at += 3
            else:
                return


def _string(literal: str) -> str | None:
    """Return what a CEL string literal says, as far as Python writes it the same way."""
    try:
        value = ast.literal_eval(literal)
    except (SyntaxError, ValueError):
        return None
    return value if isinstance(value, str) else None
