"""From a platform's message to `form.submitted.v1`: by a source's `map`, else by the platform's own fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from router.adapters.sources.contact import FULL_NAME, split, taken
from router.adapters.sources.delivery import Message
from router.adapters.sources.payload import event_id, instant, mapping, plain, text
from router.events.base import rfc3339
from router.policy.paths import Path, path

_OBJECTS = frozenset({"consent"})
_NOTHING = frozenset({None, ""})
_TRUTHS = frozenset({"test"})
_COUNT = re.compile(r"([0-9][0-9,.' ]*?)(?:\s*(?:[-–—]|to)\s*[0-9][0-9,.' ]*|\s*\+)?", re.IGNORECASE)  # noqa: RUF001 - dashes of drop-downs


@dataclass(frozen=True, slots=True)
class FieldMap:
    """The paths of one source, compiled; empty, the platform's own fields are taken."""

    form: str
    paths: Mapping[str, Path]

    def submission(self, message: Message, received_at: datetime) -> dict[str, object]:
        """Return the data of *message*; whether it is a valid submission is for the model to say."""
        found, used = self._mapped(message) if self.paths else _own(message)
        data: dict[str, object] = {
            "submission_id": message.event_id,
            "submitted_at": rfc3339(received_at) if message.submitted_at is None else instant(message.submitted_at),
        }
        fields: dict[str, object] = {
            name: value
            for name, answer in message.answers.items()
            if name not in used and (value := plain(answer.value)) not in _NOTHING
        }
        for target, one in found.items():
            _put(data, fields, target, one)
        if fields:
            data["fields"] = fields
        data["form"] = self.form
        return data

    def _mapped(self, message: Message) -> tuple[Mapping[str, object], frozenset[str]]:
        answers = {name: answer.value for name, answer in message.answers.items()}
        found: dict[str, object] = {}
        used: set[str] = set()
        for target, one in self.paths.items():
            value, read = one.read(message.payload, answers)
            if value is not None:
                found[target] = value
                used |= read
        return found, frozenset(used)


def compiled(form: str, paths: Mapping[str, str]) -> FieldMap:
    """Compile the `map` of a source; raises `router.policy.paths.PathInvalid`."""
    return FieldMap(form, {target: path(expression) for target, expression in paths.items()})


def _own(message: Message) -> tuple[Mapping[str, object], frozenset[str]]:
    by_answer = taken(message.answers)
    found = {field: message.answers[name].value for field, name in by_answer.items()}
    found |= {field: value for field, value in message.contact.items() if plain(value) not in _NOTHING}
    if FULL_NAME in found:
        found = {**split(str(plain(found[FULL_NAME]))), **found}
        del found[FULL_NAME]
    return found, frozenset(by_answer.values())


def _put(data: dict[str, object], fields: dict[str, object], target: str, value: object) -> None:
    whole, _, part = target.partition(".")
    if whole == "fields":
        fields[part] = plain(value)
    elif whole == "utm":
        data[whole] = {**mapping(data.get(whole)), part: _text(value)}
    elif whole == "employees":
        data[whole] = _employees(value)
        if data[whole] is None and plain(value) not in _NOTHING:
            fields.setdefault(whole, plain(value))
    elif whole == "submitted_at":
        data[whole] = instant(value)
    elif whole == "submission_id":
        data[whole] = event_id(value, text(data[whole]).encode())
    elif whole in _OBJECTS:
        data[whole] = value if isinstance(value, dict) else {"given": plain(value)}
    else:
        data[whole] = plain(value) if whole in _TRUTHS else _text(value)


def _text(value: object) -> str | None:
    """Return *value* as text: a phone number may come as a number."""
    one = plain(value)
    return None if one is None else str(one)


def _employees(value: object) -> int | None:
    """Return a number of people; of a span, as drop-downs have it ("51-200", "1,000+"), the lower end."""
    one = plain(value)
    if isinstance(one, bool) or one is None:
        return None
    if isinstance(one, int | float):
        return int(one) if one >= 0 else None
    match = _COUNT.fullmatch(one.strip())
    digits = re.sub(r"[^0-9]", "", match[1]) if match else ""
    return int(digits) if 0 < len(digits) <= 9 else None  # noqa: PLR2004 - more people than there are
