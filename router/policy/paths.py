"""
Paths of a `map`: where in a platform's payload a field of `form.submitted.v1` stands, or a company's in an answer.

A path is a JMESPath expression; plain dotted names, or several with `||` between
them, need no quotes for blanks and hyphens. Only here the language is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import jmespath
from jmespath.exceptions import JMESPathError

from router.events.submission import FormSubmitted, Utm

TARGETS = frozenset(FormSubmitted.model_fields) - {"form", "utm", "fields"} | {
    f"utm.{name}" for name in Utm.model_fields
}
"""What a map may fill, besides `fields.NAME`; `form` is what the source itself says."""

_PLAIN = re.compile(r"[\w -]+(\.[\w -]+)*")


class PathInvalid(ValueError):
    """The text is no JMESPath expression; the message says where it breaks."""


class _Watched(dict[str, object]):
    """Answers that remember which of them were read."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        super().__init__(answers)
        self.read: set[str] = set()

    def get(self, key: str, default: object = None) -> object:
        self.read.add(key)
        return super().get(key, default)


@dataclass(frozen=True, slots=True)
class Path:
    """One compiled path."""

    expression: jmespath.parser.ParsedResult

    def read(
        self, payload: Mapping[str, object], answers: Mapping[str, object]
    ) -> tuple[object | None, AbstractSet[str]]:
        """
        Return what stands there, and the names of the answers that were read for it.

        None where nothing stands there, or where a function does not fit what it was given.

        >>> path("answers.work-mail || answers.mail").read({}, {"work-mail": "ana@a.example", "mail": "ana@b.example"})
        ('ana@a.example', {'work-mail'})
        """
        watched = _Watched(answers)
        try:
            return self.expression.search({**payload, "answers": watched}), watched.read
        except JMESPathError:
            pass  # functions know plain objects only
        try:
            return self.expression.search({**payload, "answers": dict(answers)}), frozenset()
        except JMESPathError:
            return None, frozenset()

    def find(self, document: object) -> object | None:
        """
        Return what stands there in a document that has no answers; None as in `read`.

        >>> path("metrics.employees").find({"metrics": {"employees": 1200}})
        1200
        """
        try:
            found: object = self.expression.search(document)
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
    return Path(compiled)


def is_target(name: str) -> bool:
    """
    Return whether a map may fill *name*.

    >>> is_target("email"), is_target("utm.source"), is_target("fields.budget"), is_target("mail")
    (True, True, True, False)
    """
    return name in TARGETS or (name.startswith("fields.") and name != "fields.")


def _quoted(text: str) -> str:
    names = [part.strip() for part in text.split("||")]
    if not all(_PLAIN.fullmatch(name) for name in names):
        return text
    return " || ".join(".".join(f'"{part.strip()}"' for part in name.split(".")) for name in names)
