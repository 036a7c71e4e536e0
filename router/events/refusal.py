"""
Why event data was refused, in words that name fields and problems and never a value.

The words go on the wire, into logs and onto screens, and a form's values are
personal data. So are, sometimes, the keys of its free-form objects: only names
of the model's own fields are repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from pydantic import BaseModel, ValidationError

MAX_PROBLEMS: Final = 10
"""How many problems are told; the rest are counted."""

_WORDS: Final[Mapping[str, str]] = {
    "missing": "is required",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "has more than {max_length} characters",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "too_long": "has more than {max_length} entries",
}
"""pydantic's kinds of problem; the placeholders are the model's own limits. Any other kind "is not valid"."""


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return one line that names each field of *model* that is wrong, and how."""
    known = _field_names(model)
    problems: dict[str, None] = {}  # a set in order: two keys of one object are one problem
    for problem in error.errors(include_url=False, include_input=False):
        place = _place(problem["loc"], known)
        words = _problem(problem["type"], problem.get("ctx", {}))
        problems[f"{place}: {words}" if place else words] = None
    told = list(problems)[:MAX_PROBLEMS]
    rest = len(problems) - len(told)
    return "; ".join(told) + (f"; and {rest} more" if rest else "")


def _problem(kind: str, context: Mapping[str, object]) -> str:
    if kind == "value_error":  # raised by our own validators, which quote nothing
        return str(context["error"])
    return _WORDS.get(kind, "is not valid").format_map(context)


def _place(location: tuple[int | str, ...], known: frozenset[str]) -> str:
    parts: list[str] = []
    for part in location:
        if isinstance(part, str) and part not in known:
            parts.append("*")  # a key of the payload: nothing deeper is ours to name
            break
        parts.append(str(part))
    return ".".join(parts)


@lru_cache(maxsize=64)
def _field_names(model: type[BaseModel]) -> frozenset[str]:
    definitions = model.model_json_schema().get("$defs", {}).values()
    nested = (name for definition in definitions for name in definition.get("properties", ()))
    return frozenset(model.model_fields) | frozenset(nested)
