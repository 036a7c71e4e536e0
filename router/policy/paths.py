"""
Paths of a source's `map`: where in a platform's payload a field of `form.submitted.v1` stands.

A path is a JMESPath expression; plain dotted names need no quotes, whatever
characters are in them. The only place that knows the expression language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import jmespath
from jmespath.exceptions import JMESPathError

from router.events.submission import FormSubmitted, Utm

TARGETS = frozenset(FormSubmitted.model_fields) - {"form", "utm", "fields"} | {
    f"utm.{name}" for name in Utm.model_fields
}
"""What a map may fill, besides `fields.NAME`; `form` is what the source itself says."""

_PLAIN = re.compile(r"[\w -]+(\.[\w -]+)*")
_ANSWERS = "answers"


class PathInvalid(ValueError):
    """The text is no JMESPath expression; the message says where it breaks."""


@dataclass(frozen=True, slots=True)
class Path:
    """
    One compiled path, and the names of the answers that it reads.

    >>> path("answers.work-email").read({"answers": {"work-email": "ana@example.com"}})
    'ana@example.com'
    >>> sorted(path("answers.mail || answers.email").answers)
    ['email', 'mail']
    """

    expression: jmespath.parser.ParsedResult
    answers: frozenset[str] = field(default_factory=frozenset)

    def read(self, payload: Mapping[str, object]) -> object | None:
        """Return what stands there; None where nothing does, or where a function does not fit what it was given."""
        try:
            found: object | None = self.expression.search(payload)
        except JMESPathError:
            return None
        return found


def path(text: str) -> Path:
    """Compile *text*; raises `PathInvalid`."""
    try:
        compiled = jmespath.compile(_quoted(text))
    except (JMESPathError, RecursionError) as error:
        told = " ".join(str(error).split("\n", maxsplit=1)[0].split())
        raise PathInvalid(f"{text!r} is no JMESPath expression ({told})") from None
    return Path(compiled, frozenset(_answers(compiled.parsed)))


def is_target(name: str) -> bool:
    """
    Return whether a map may fill *name*.

    >>> is_target("email"), is_target("utm.source"), is_target("fields.budget"), is_target("mail")
    (True, True, True, False)
    """
    return name in TARGETS or (name.startswith("fields.") and name != "fields.")


def _quoted(text: str) -> str:
    if not _PLAIN.fullmatch(text):
        return text
    return ".".join(f'"{part.strip()}"' for part in text.split("."))


def _answers(node: Mapping[str, object]) -> Iterator[str]:
    children = _children(node)
    if node.get("type") == "subexpression" and len(children) > 1 and children[0].get("value") == _ANSWERS:
        named = _first_field(children[1])
        if named is not None:
            yield named
    for child in children:
        yield from _answers(child)


def _first_field(node: Mapping[str, object]) -> str | None:
    while node.get("type") != "field":  # as in answers.name[0], where an index stands around the field
        children = _children(node)
        if not children:
            return None
        node = children[0]
    return str(node["value"])


def _children(node: Mapping[str, object]) -> list[Mapping[str, object]]:
    children = node.get("children")
    return [child for child in children if isinstance(child, dict)] if isinstance(children, list) else []
