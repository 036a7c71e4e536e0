"""What the gateway's description shows: example bodies, the schemas of answers, what the groups of calls are for."""

from __future__ import annotations

from typing import Any, Final

TAGS: Final = {
    "ingest": "What other software tells the router. Keys of scope `ingest` or `admin`.",
    "forms": "Forms on web pages. Keys of scope `form`, which are public and good from their origins only.",
    "agents": "For software that acts for reps and shows leads. Keys of scope `agent` or `admin`.",
    "operations": "Health and figures; no key.",
}

SUBMISSION: Final = {
    "submission_id": "sub-2026-03-02-0001",
    "submitted_at": "2026-03-02T14:05:09.123Z",
    "form": "demo-request",
    "email": "dana@acme.example",
    "first_name": "Dana",
    "company": "Acme",
    "country": "US",
    "employees": 5200,
    "fields": {"product": "analytics"},
}

LEAD: Final = "ld_0123456789abcdef0123456789abcdef"

BODIES: Final[dict[str, Any]] = {
    "submission": {
        "one": {"summary": "One submission", "value": SUBMISSION},
        "little": {"summary": "As little as will do", "value": {"form": "demo-request", "email": "dana@acme.example"}},
        "list": {"summary": "A list", "value": [SUBMISSION, {"form": "newsletter", "phone": "+12025550123"}]},
    },
    "activity": {
        "one": {
            "summary": "A page that somebody looked at",
            "value": {
                "activity_id": "act-1",
                "at": "2026-03-02T14:00:00Z",
                "kind": "pricing_page_view",
                "email": "dana@acme.example",
            },
        }
    },
    "outcome": {
        "one": {
            "summary": "A lead that was won",
            "value": {"outcome_id": "out-1", "lead_id": LEAD, "outcome": "won", "at": "2026-03-09T10:00:00Z"},
        }
    },
    "presence": {
        "available": {"summary": "A rep takes leads", "value": {"status": "available", "ttl_seconds": 90}},
        "heartbeat": {"summary": "Still there", "value": {"status": "available", "heartbeat": True}},
    },
    "action": {
        "accept": {"summary": "A rep takes the lead", "value": {"rep_id": "ana", "action": "accept", "attempt": 1}},
        "touch": {"summary": "First contact", "value": {"rep_id": "ana", "action": "touch", "channel": "call"}},
    },
}


def _accepted(example: dict[str, Any]) -> dict[str, Any]:
    kinds = {str: "string", bool: "boolean"}
    item = {
        "type": "object",
        "properties": {name: {"type": kinds[type(value)]} for name, value in example.items()},
        "required": list(example),
    }
    return {
        "type": "object",
        "properties": {"accepted": {"type": "array", "items": item}},
        "required": ["accepted"],
        "examples": [{"accepted": [example]}],
    }


_STATUS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"status": {"type": "string", "enum": ["ok", "away"]}},
    "required": ["status"],
}

ANSWERS: Final[dict[str, Any]] = {
    "Problem": {
        "title": "Problem",
        "description": "A problem document (RFC 9457).",
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"field": {"type": "string"}, "problem": {"type": "string"}},
                    "required": ["field", "problem"],
                },
            },
        },
        "required": ["type", "title", "status"],
    },
    "SubmissionsAnswer": _accepted({"submission_id": "sub-2026-03-02-0001", "duplicate": False}),
    "ActivitiesAnswer": _accepted({"activity_id": "act-1"}),
    "OutcomesAnswer": _accepted({"outcome_id": "out-1"}),
    "ActionsAnswer": _accepted({"action_id": "act-1"}),
    "PresenceAnswer": _accepted({"rep_id": "ana", "recorded": True}),
    "LeadAnswer": {
        "type": "object",
        "description": "What `router explain LEAD_ID --json` prints.",
        "properties": {"lead_id": {"type": "string"}},
        "required": ["lead_id"],
    },
    "HealthAnswer": {**_STATUS, "examples": [{"status": "ok"}]},
    "ReadyAnswer": {
        "type": "object",
        "properties": {
            "status": _STATUS["properties"]["status"],
            "log": {"type": "string"},
            "redis": {"type": "string"},
        },
        "required": ["status", "log", "redis"],
        "examples": [{"status": "ok", "log": "ok", "redis": "ok"}],
    },
}
