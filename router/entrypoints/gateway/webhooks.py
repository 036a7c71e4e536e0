"""
What form platforms post to the gateway, and the challenge that one of them asks before.

A request is proven on its raw body before anything in it is read. What it says
is mapped, checked against the model and put onto the log. The platforms
themselves are in `router/adapters/sources/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import ValidationError

from router.adapters.environment import Environment, SecretMissing, environment
from router.adapters.sources import PLATFORMS
from router.adapters.sources.delivery import Delivery, Key, KeyUnusable, Message, SignatureRefused
from router.adapters.sources.field_map import compiled
from router.adapters.sources.meta import GRAPH, Graph, challenge
from router.entrypoints.gateway.body import raw
from router.entrypoints.gateway.door import Door, door_of, trace_of
from router.entrypoints.gateway.openapi import answers, problem
from router.entrypoints.gateway.problems import Problem
from router.events.refusal import explain
from router.events.submission import FormSubmitted
from router.policy.shapes import SourceShape

log = structlog.get_logger()
routes = APIRouter(tags=["webhooks"])

_ASK_AGAIN = {"Retry-After": "30"}
_BODY = {
    "requestBody": {
        "description": "What the platform sends, as it sends it.",
        "content": {"application/json": {}, "multipart/form-data": {}, "application/x-www-form-urlencoded": {}},
    }
}
_PLAIN = {"description": "The challenge.", "content": {"text/plain": {"schema": {"type": "string"}}}}


@routes.post(
    "/v1/webhooks/{source}",
    status_code=202,
    summary="Webhooks of form platforms",
    **answers("submissions", 401, 404, 408, 413, 415, 422, 503),
    openapi_extra=_BODY,
)
async def receive(source: str, request: Request, door: Annotated[Door, Depends(door_of)]) -> JSONResponse:
    """
    Take what a form platform sends.

    The platform proves itself by its signature on the raw body. What was signed and is no form submission is
    answered with an empty list; the platform's own id of the event is the `submission_id`.
    """
    shape = _shape(door, source)
    given = environment()
    delivery = await _delivery(door, request)
    _prove(source, shape, delivery, given)
    messages = PLATFORMS[shape.kind].read(delivery)
    unread: list[str] = []
    if shape.kind == "meta" and messages:
        messages, unread = await _read_leads(source, shape, messages, given)
    valid, wrong = _submissions(shape, messages, delivery)
    accepted = [asdict(one) for one in await door.submit(valid, trace_of(request))] if valid else []
    log.info("webhook.received", source=source, accepted=len(accepted), invalid=len(wrong), unread=len(unread))
    if unread:
        raise Problem(503, "The lead cannot be read now", f"{unread[0]}. Send the message again.", headers=_ASK_AGAIN)
    if wrong:
        raise wrong[0]
    return JSONResponse({"accepted": accepted}, 202)


@routes.get(
    "/v1/webhooks/{source}",
    summary="A platform's challenge",
    response_class=PlainTextResponse,
    responses={200: _PLAIN, **{status: problem(status) for status in (403, 404, 405, 503)}},
    openapi_extra={
        "parameters": [
            {"name": f"hub.{name}", "in": "query", "required": False, "schema": {"type": "string"}}
            for name in ("mode", "verify_token", "challenge")
        ]
    },
)
async def answer_challenge(source: str, request: Request, door: Annotated[Door, Depends(door_of)]) -> Response:
    """Answer the challenge of a platform that asks one (Meta: `hub.mode`, `hub.verify_token`, `hub.challenge`)."""
    shape = _shape(door, source)
    if shape.kind != "meta":
        raise Problem(405, "No challenge", f"A {shape.kind} source asks none: it posts.", headers={"Allow": "POST"})
    token = _secret(source, "verify_env", shape.verify_env, environment())
    echoed = challenge(request.query_params, token)
    if echoed is None:
        log.warning("webhook.challenge_refused", source=source)
        raise Problem(403, "The token is not the one agreed", "Enter the same one at the platform and as verify_env.")
    return PlainTextResponse(echoed, headers={"X-Content-Type-Options": "nosniff"})


@routes.head("/v1/webhooks/{source}", include_in_schema=False)
async def is_there(source: str, door: Annotated[Door, Depends(door_of)]) -> Response:
    """Answer a platform that only asks whether the address is one (Intercom does, when it is entered)."""
    _shape(door, source)
    return Response()


def tell_missing_secrets(sources: Mapping[str, SourceShape]) -> Sequence[str]:
    """Log each secret of a source that is not set, when the gateway starts; return the lines."""
    given, lines = environment(), []
    for name, shape in sources.items():
        wanted = [("secret_env", shape.secret_env)]
        if shape.kind == "meta":
            wanted += [("verify_env", shape.verify_env), ("token_env", shape.token_env)]
        for key, variable in wanted:
            try:
                _look_up(key, variable, given)
            except SecretMissing as error:
                log.warning("webhook.secret_missing", source=name, problem=str(error))
                lines.append(f"source {name}: {error}")
    return lines


def _shape(door: Door, source: str) -> SourceShape:
    shape = door.directory.sources.get(source)
    if shape is None:
        raise Problem(404, "No such source", "Its name stands under `sources` in the configuration.")
    return shape


async def _delivery(door: Door, request: Request) -> Delivery:
    query = request.url.query
    path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1").partition("?")[0]
    base = door.settings.public_url
    called = (str(base) if base is not None else f"{request.url.scheme}://{request.url.netloc}").rstrip("/")
    return Delivery(
        request.method,
        f"{called}{path}?{query}" if query else f"{called}{path}",
        dict(request.headers),
        await raw(request),
        door.clock.now(),
    )


def _prove(source: str, shape: SourceShape, delivery: Delivery, given: Environment) -> None:
    secret = _secret(source, "secret_env", shape.secret_env, given)
    key = Key(secret, shape.header, shape.timestamp_header, shape.algorithm)
    try:
        PLATFORMS[shape.kind].verify(delivery, key)
    except SignatureRefused as error:
        log.warning("webhook.refused", source=source, kind=shape.kind, reason=str(error))
        raise Problem(401, "Not proven", f"{error}. Nothing was accepted.") from None
    except KeyUnusable as error:
        log.error("webhook.secret_unusable", source=source, variable=shape.secret_env, problem=str(error))  # noqa: TRY400 - no bug: its way tells nothing
        raise _not_ready() from None


def _secret(source: str, key: str, variable: str | None, given: Environment) -> str:
    try:
        return _look_up(key, variable, given)
    except SecretMissing as error:
        log.error("webhook.secret_missing", source=source, problem=str(error))  # noqa: TRY400 - as above
        raise _not_ready() from None


def _look_up(key: str, variable: str | None, given: Environment) -> str:
    if variable is None:
        raise SecretMissing(f"the source has no `{key}`. Name the variable that holds it.")
    return given.secret(variable)


def _not_ready() -> Problem:
    return Problem(503, "The source is not ready", "A secret of it is not set; the log says which.", headers=_ASK_AGAIN)


async def _read_leads(
    source: str, shape: SourceShape, messages: Sequence[Message], given: Environment
) -> tuple[Sequence[Message], list[str]]:
    """Return the leads that could be read, and why others could not: those come again with Meta's next try."""
    token = _secret(source, "token_env", shape.token_env, given)
    read, unread = await Graph(shape.api or GRAPH, token).leads(messages)
    for reason in unread:
        log.warning("webhook.lead_unreadable", source=source, variable=shape.token_env, reason=reason)
    return read, unread


def _submissions(
    shape: SourceShape, messages: Sequence[Message], delivery: Delivery
) -> tuple[list[FormSubmitted], list[Problem]]:
    fields, valid, wrong = compiled(shape.form, shape.map), [], []
    for message in messages:
        data = fields.submission(message, delivery.received_at)
        if not message.surely and not data.get("email") and not data.get("phone"):
            continue
        try:
            valid.append(FormSubmitted.model_validate(data))
        except ValidationError as error:
            wrong.append(_unusable(explain(error, FormSubmitted), data))
    return valid, wrong


def _unusable(told: str, data: Mapping[str, object]) -> Problem:
    errors = []
    for one in told.split("; "):
        field, parted, words = one.partition(": ")
        names = [field] if parted else [name for name in ("email", "phone") if name in one]
        errors += [{"field": name, "problem": words if parted else one} for name in names]
    return Problem(422, "No valid submission", f"{told}. See the source's `map`.", errors=errors, found=sorted(data))
