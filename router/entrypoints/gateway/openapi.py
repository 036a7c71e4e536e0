"""The gateway's description in OpenAPI 3.1: bodies from the event models, every answer with its example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from router.entrypoints.gateway import openapi_examples as examples
from router.entrypoints.gateway.problems import MEDIA_TYPE
from router.events.action import RepAction
from router.events.activity import LeadActivity
from router.events.base import EventData
from router.events.outcome import LeadOutcome
from router.events.presence import RepPresence
from router.events.submission import FormSubmitted

Schema = dict[str, Any]

_REFS: Final = "#/components/schemas/{model}"
_RETRY: Final = {"Retry-After": {"description": "Seconds.", "required": True, "schema": {"type": "integer"}}}

PROBLEMS: Final[Mapping[int, tuple[str, str]]] = {
    401: ("Who are you?", "No key, one that is not known or was revoked, or a signature that does not hold."),
    403: ("Not with this key", "The key is of another scope, or the call comes from another origin."),
    404: ("No such thing", "A lead, rep or source of this name is not known here."),
    405: ("Method Not Allowed", "Another method; `Allow` names those there are."),
    408: ("Too slow", "The body did not arrive in time."),
    413: ("Too large", "The body is over 256 KiB, or over 1 MiB where it is a list."),
    415: ("Not this kind", "The body is of a media type that is not taken here."),
    422: ("Not usable", "`errors` names the fields that are wrong."),
    429: ("Too many calls", "More calls than this key or address may make; `Retry-After` says when to come again."),
    503: ("A server is away", "The log or Redis is away: nothing was accepted. Try again after `Retry-After`."),
}

BODIES: Final[Mapping[str, tuple[type[EventData], Sequence[str], Sequence[str]]]] = {
    "Submission": (FormSubmitted, (), ("submission_id", "submitted_at")),
    "Activity": (LeadActivity, (), ("activity_id", "at")),
    "Outcome": (LeadOutcome, (), ("outcome_id", "at")),
    "Presence": (RepPresence, ("rep_id", "at"), ()),
    "Action": (RepAction, ("lead_id",), ("action_id", "at")),
}
"""Each body by name: its model, the fields of it that do not stand in the body, those that need not."""


def answers(name: str, *problems: int, status: int = 202, description: str = "The log has it.") -> dict[str, Any]:
    """Return the argument `responses` of a route: its answer, of the schema *name*, and its *problems*."""
    reference = {"$ref": _REFS.format(model=name[:1].upper() + name[1:] + "Answer")}
    good = {"description": description, "content": {"application/json": {"schema": reference}}}
    return {"responses": {status: good, **{one: problem(one) for one in problems}}}


def problem(status: int) -> dict[str, Any]:
    """Return the description of a problem document."""
    title, detail = PROBLEMS[status]
    example: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if status == 422:  # noqa: PLR2004 - the one with further members
        example["errors"] = [{"field": "email", "problem": "one of email and phone is required"}]
    schema = {"$ref": _REFS.format(model="Problem")}
    told = {"description": detail, "content": {MEDIA_TYPE: {"schema": schema, "example": example}}}
    return told if status not in (429, 503) else {**told, "headers": _RETRY}


def accepts(name: str, *, lists: bool = False, idempotent: bool = False) -> dict[str, Any]:
    """Return the argument `openapi_extra` of a route whose body is JSON of the schema *name*."""
    reference = {"$ref": _REFS.format(model=name[:1].upper() + name[1:])}
    schema = reference
    if lists:
        schema = {"oneOf": [reference, {"type": "array", "items": reference, "minItems": 1, "maxItems": 100}]}  # type: ignore[dict-item]  # a schema is a dict of anything
    content = {"application/json": {"schema": schema, "examples": examples.BODIES[name]}}
    extra: dict[str, Any] = {"requestBody": {"required": True, "content": content}}
    if idempotent:
        told = "The same key and body gives the same answer and no second event, for a day."
        key = {"name": "Idempotency-Key", "in": "header", "required": False, "description": told}
        extra["parameters"] = [{**key, "schema": {"type": "string", "minLength": 1, "maxLength": 255}}]
    return extra


def describe(app: FastAPI) -> None:
    """Make *app* tell of itself in OpenAPI 3.1, with the schemas that its routes name."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                openapi_version="3.1.0",
                summary=app.summary,
                description=app.description,
                routes=app.routes,
                tags=[{"name": name, "description": told} for name, told in examples.TAGS.items()],
            )
            made.setdefault("components", {}).setdefault("schemas", {}).update(_schemas())
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI documents it


def _schemas() -> Schema:
    found: Schema = {}
    for name, (model, without, optional) in BODIES.items():
        schema = model.model_json_schema(ref_template=_REFS)
        found |= schema.pop("$defs", {})
        schema["title"] = name
        for field in without:
            del schema["properties"][field]
        absent = {*without, *optional}
        schema["required"] = [field for field in schema.get("required", []) if field not in absent]
        found[name] = schema
    return found | examples.ANSWERS
