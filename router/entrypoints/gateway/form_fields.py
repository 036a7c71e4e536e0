"""From the fields of a form, as a page names them, to those of `form.submitted.v1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from fastapi import Request
from python_multipart.exceptions import ParseError
from starlette.datastructures import FormData
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from router.entrypoints.gateway.body import as_object, media_type, raw, read_json, wrong
from router.entrypoints.gateway.problems import Problem
from router.events.submission import FormSubmitted, Utm

HONEYPOT: Final = "_gotcha"
NEXT: Final = "_next"

MOST_FIELDS: Final = 300
_OWN: Final = frozenset({"submission_id", "submitted_at", "form", "fields"})
_NAMED: Final = frozenset(FormSubmitted.model_fields) - _OWN - {"utm", "consent", "employees", "test"}
_UTM: Final = {f"utm_{name}": name for name in Utm.model_fields}


async def fields_of(request: Request) -> dict[str, Any]:
    """Return the fields of a form by name; of a name that comes several times, all values in one text."""
    kind = media_type(request)
    if kind == "application/json":
        return as_object(read_json(await raw(request)))
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        told = "Send a form (application/x-www-form-urlencoded, multipart/form-data) or JSON."
        raise Problem(415, "Not this kind", told)
    body = await raw(request)

    async def stream() -> Any:  # noqa: ANN401 - an async generator of bytes
        yield body
        yield b""

    parser: FormParser | MultiPartParser = FormParser(request.headers, stream())
    if kind == "multipart/form-data":
        parser = MultiPartParser(request.headers, stream(), max_files=MOST_FIELDS, max_fields=MOST_FIELDS)
    try:
        form = await parser.parse()
    except (MultiPartException, ParseError, KeyError, ValueError):
        raise wrong([("", "is no form of the kind that Content-Type names")]) from None
    try:
        return _joined(form)
    finally:
        await form.close()


def _joined(form: FormData) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in form.multi_items():
        if not isinstance(value, str):  # a file: nothing of it is kept
            continue
        if len(found) >= MOST_FIELDS and name not in found:
            raise wrong([("", f"must have at most {MOST_FIELDS} fields")])
        text = value.encode(errors="replace").decode()  # some charsets give half a character
        found[name] = f"{found[name]}, {text}" if found.get(name) else text
    return found


def submission_of(given: Mapping[str, Any], referer: str | None) -> dict[str, Any]:
    """
    Return the data of a submission, without what the gateway makes itself.

    What has not the form that its name asks for stays a lead: it goes to `fields`. So does `test`: keys of forms are
    public, and what a page calls so is a field of its own.

    >>> submission_of({"email": "d@acme.example", "utm_source": "ad", "product": "x", "employees": "51-200"}, None)
    {'email': 'd@acme.example', 'utm': {'source': 'ad'}, 'fields': {'product': 'x', 'employees': '51-200'}}
    """
    found: dict[str, Any] = {}
    utm: dict[str, str] = {}
    fields: dict[str, Any] = {}
    for name, value in given.items():
        if _fits(name, value):
            found[name] = value
        elif name in _UTM and isinstance(value, str):
            utm[_UTM[name]] = value
        elif name == "utm" and isinstance(value, dict):
            utm |= {one: text for one, text in value.items() if one in Utm.model_fields and isinstance(text, str)}
        elif name == "fields" and isinstance(value, dict):
            fields |= {one: _scalar(each) for one, each in value.items()}
        elif name not in _OWN:
            fields[name] = _scalar(value)
    if referer and referer.isprintable():
        found.setdefault("page_url", referer)
    return {**found, **({"utm": utm} if utm else {}), **({"fields": fields} if fields else {})}


def _fits(name: str, value: object) -> bool:
    """Whether *value* has the form that the contract's field *name* asks for."""
    match name:
        case "employees":
            return _whole(value)
        case "consent":
            return isinstance(value, dict)
        case _:
            return name in _NAMED and (value is None or isinstance(value, str))


def _whole(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().isascii() and value.strip().isdecimal() and len(value.strip()) < 16  # noqa: PLR2004 - below 2**53
    return type(value) is int and 0 <= value < 1 << 53


def _scalar(value: object) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    return orjson.dumps(value).decode()
