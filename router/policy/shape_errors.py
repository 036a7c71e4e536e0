"""Tells what a shape refused in words of the configuration: the place, the problem, what was probably meant."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from router.policy.documents import Document, Path_
from router.policy.problems import Problem, did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_WANTED: Mapping[str, str] = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "list_type": "must be a list",
    "dict_type": "must hold keys and values",
    "model_type": "must hold keys and values",
    "model_attributes_type": "must hold keys and values",
}

_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("be above {}", "gt"),
    "greater_than_equal": ("be at least {}", "ge"),
    "less_than": ("be below {}", "lt"),
    "less_than_equal": ("be at most {}", "le"),
    "string_too_short": ("have at least {} characters", "min_length"),
    "string_too_long": ("have at most {} characters", "max_length"),
    "too_short": ("hold at least {}", "min_length"),
}


def problems_of(exc: ValidationError, document: Document, model: type[BaseModel], at: Path_ = ()) -> list[Problem]:
    """Return one problem for each value that *model*, read at *at*, refused."""
    told: dict[Path_, Problem] = {}
    for error in exc.errors(include_url=False):
        path, key_itself = _path(error["loc"], document, at)
        # several branches of a union complain of one value; the first is enough
        missing = error["loc"][-1] if error["type"] == "missing" else ""
        told.setdefault((*path, missing), _tell(error, path, key_itself, document, model, at))
    return list(told.values())


def _path(loc: tuple[int | str, ...], document: Document, at: Path_) -> tuple[Path_, bool]:
    """Drop what pydantic adds for union branches and keys from *loc*."""
    path: Path_ = at
    for part in loc:
        if part == "[key]":
            return path, True
        if (*path, part) in document.places:
            path = (*path, part)
    return path, False


def _tell(
    error: ErrorDetails,
    path: Path_,
    key_itself: bool,  # noqa: FBT001 - internal
    document: Document,
    model: type[BaseModel],
    at: Path_,
) -> Problem:
    kind, context = error["type"], error.get("ctx", {})
    last = error["loc"][-1] if error["loc"] else ""
    subject = _named(path)
    suggestion: str | None = None
    if kind == "missing":
        what = "section" if not path else "key"
        message, suggestion = f"{what} {last!r} is missing" + (f" in {subject}" if path else ""), f"add `{last}:`"
    elif kind == "extra_forbidden":
        known = _fields(model, path[len(at) : -1])
        unused = [name for name in known if (*path[:-1], name) not in document.places] or known
        message, suggestion = f"unknown key {str(last)!r}", did_you_mean(str(last), unused)
    elif kind in _WANTED:
        message = f"{subject} {_WANTED[kind]}, not {_shown(error['input'])}"
        if kind == "string_type":
            suggestion = "put it in quotes"
    elif kind == "literal_error":
        choices = [c.strip(" '") for c in str(context.get("expected", "")).replace(" or ", ", ").split(",")]
        message = f"{subject} cannot be {_shown(error['input'])}"
        suggestion = did_you_mean(str(error["input"]), choices)
        if suggestion and suggestion.startswith("did"):
            suggestion += f" (one of {', '.join(choices)})"
    elif kind == "value_error":
        told = str(context.get("error", error["msg"]))
        message, _, hint = told.partition("|")
        message, suggestion = f"{subject}: {message}", hint or None
    elif kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        message = f"{subject} must {words.format(context[bound])}, not {_shown(error['input'])}"
    else:
        message = f"{subject}: {error['msg'][0].lower()}{error['msg'][1:]}"
    if key_itself:
        message = f"a key here: {message}"
    return document.problem(path, message, suggestion)


def _named(path: Path_) -> str:
    """
    Name a path as a person would.

    >>> _named(("routes", 0, "steps", 1, "pool"))
    'routes[1].steps[2].pool'
    """
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "the file"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return repr(text if len(text) <= 40 else text[:39] + "…") if isinstance(value, str) else text  # noqa: PLR2004


def _fields(model: type[BaseModel], path: Path_) -> list[str]:
    """Return the keys that stand at *path* below *model*."""
    current: Any = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            current = _inner(field.annotation) if field else None
        else:
            current = _element(current)
    current = _inner(current)
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _inner(annotation: Any) -> Any:  # noqa: ANN401 - an annotation is anything
    """Take `| None` and `Annotated` away."""
    if get_origin(annotation) in {Union, UnionType}:
        return _inner(next(arg for arg in get_args(annotation) if arg is not type(None)))
    if hasattr(annotation, "__metadata__"):
        return _inner(annotation.__origin__)
    return annotation


def _element(annotation: Any) -> Any:  # noqa: ANN401 - an annotation is anything
    args = get_args(_inner(annotation))
    return _inner(args[-1]) if args else None
