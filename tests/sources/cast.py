"""Ana Lima of Acme asks for a demo, once by way of each platform, in the form that its documentation shows."""

from __future__ import annotations

from pathlib import Path

from tests.sources.senders import (
    BOUNDARY,
    Sender,
    b64,
    by_calendly,
    by_hubspot_v2,
    by_hubspot_v3,
    by_standard,
    by_timed_generic,
    by_webflow,
    encoded,
    hexed,
    multipart,
)

TYPEFORM = {
    "event_id": "01H5320DBGJF8PEJNWTN565S0A",
    "event_type": "form_response",
    "form_response": {
        "form_id": "lT4Z3j",
        "token": "a3a12ec67a1365927098a606107fac15",
        "submitted_at": "2026-03-02T14:05:02Z",
        "landed_at": "2026-03-02T14:01:00Z",
        "hidden": {"utm_source": "newsletter", "plan": "team"},
        "definition": {
            "id": "lT4Z3j",
            "title": "Demo",
            "fields": [
                {"id": "f1", "title": "First name", "type": "short_text", "ref": "01FIRST"},
                {"id": "f2", "title": "Your address", "type": "email", "ref": "work-email"},
                {"id": "f3", "title": "How many work there?", "type": "multiple_choice", "ref": "size"},
            ],
        },
        "answers": [
            {"type": "text", "text": "Ana", "field": {"id": "f1", "type": "short_text", "ref": "01FIRST"}},
            {"type": "email", "email": "ana@acme.example", "field": {"id": "f2", "type": "email", "ref": "work-email"}},
            {
                "type": "choice",
                "choice": {"label": "51-200"},
                "field": {"id": "f3", "type": "multiple_choice", "ref": "size"},
            },
            {
                "type": "choices",
                "choices": {"labels": ["CRM", "Chat"], "other": "Fax"},
                "field": {"id": "f4", "type": "multiple_choice", "ref": "tools"},
            },
            {"type": "boolean", "boolean": True, "field": {"id": "f5", "type": "yes_no", "ref": "urgent"}},
            {"type": "phone_number", "phone_number": "+14155550123", "field": {"id": "f6", "ref": "call-me"}},
        ],
    },
}

TALLY = {
    "eventId": "a4cb511e-d513-4fa5-baee-b815d718dfd1",
    "eventType": "FORM_RESPONSE",
    "createdAt": "2026-03-02T14:05:03.000Z",
    "data": {
        "responseId": "2wgx4n",
        "submissionId": "2wgx4n",
        "respondentId": "dwQKYm",
        "formId": "VwbNEw",
        "formName": "Demo",
        "createdAt": "2026-03-02T14:05:02.000Z",
        "fields": [
            {"key": "question_1", "label": "Your address", "type": "INPUT_EMAIL", "value": "ana@acme.example"},
            {
                "key": "question_2",
                "label": "Which plan?",
                "type": "DROPDOWN",
                "value": ["b"],
                "options": [{"id": "a", "text": "Starter"}, {"id": "b", "text": "Team"}],
            },
            {
                "key": "question_3",
                "label": "Which tools?",
                "type": "CHECKBOXES",
                "value": ["x", "z"],
                "options": [{"id": "x", "text": "CRM"}, {"id": "y", "text": "Fax"}, {"id": "z", "text": "Chat"}],
            },
            {"key": "question_4", "label": "Company name", "type": "INPUT_TEXT", "value": "Acme"},
            {"key": "question_5", "label": "Anything else?", "type": "TEXTAREA", "value": None},
        ],
    },
}

WEBFLOW = {
    "triggerType": "form_submission",
    "payload": {
        "name": "Contact Us",
        "siteId": "65427cf400e02b306eaa049c",
        "data": {
            "First Name": "Ana",
            "Last Name": "Lima",
            "email": "ana@acme.example",
            "Phone Number": 15550000000,
            "Budget (USD)": "10k",
        },
        "submittedAt": "2026-03-02T14:05:02.117Z",
        "id": "6321ca84df3949bfc6752327",
        "formId": "65429eadebe8a9f3a30f62d0",
    },
}

CALENDLY = {
    "event": "invitee.created",
    "created_at": "2026-03-02T14:05:03.000000Z",
    "created_by": "https://api.calendly.com/users/AAAAAAAAAAAAAAAA",
    "payload": {
        "uri": "https://api.calendly.com/scheduled_events/GBGBDCAADAEDCRZ2/invitees/KVNEDCAADAEDCRZ2",
        "email": "ana@acme.example",
        "name": "Ana de Lima",
        "first_name": None,
        "last_name": None,
        "timezone": "America/New_York",
        "text_reminder_number": "+1 415-555-0123",
        "created_at": "2026-03-02T14:05:02.123456Z",
        "questions_and_answers": [
            {"question": "Company", "answer": "Acme", "position": 0},
            {"question": "What shall we show you?", "answer": "Routing", "position": 1},
        ],
        "tracking": {"utm_campaign": "spring", "utm_source": None, "salesforce_uuid": None},
        "scheduled_event": {"start_time": "2026-03-03T10:00:00.000000Z"},
    },
}

INTERCOM = {
    "type": "notification_event",
    "id": "notif_78c122d0-23ba-11e4-9464-79b01267cc2e",
    "topic": "contact.lead.added_email",
    "app_id": "a86dr8yl",
    "created_at": 1772460302,
    "data": {
        "type": "notification_event_data",
        "item": {
            "type": "contact",
            "id": "530370b477ad7120001d",
            "role": "lead",
            "name": "Ana Lima",
            "email": "ana@acme.example",
            "phone": None,
            "referrer": "https://search.example/",
            "utm_source": "ads",
            "location": {"country": "United States", "country_code": "US", "region": "California"},
            "custom_attributes": {"job_title": "VP Sales", "seats": 40},
        },
    },
}

HUBSPOT = {
    "vid": 3234574,
    "canonical-vid": 3234574,
    "portal-id": 62515,
    "properties": {
        "email": {"value": "ana@acme.example", "versions": []},
        "firstname": {"value": "Ana", "versions": []},
        "jobtitle": {"value": "VP Sales", "versions": []},
        "numemployees": {"value": "1,000+", "versions": []},
        "favourite_tool": {"value": "Chat", "versions": []},
    },
    "form-submissions": [
        {"conversion-id": "older", "timestamp": 1672460302000, "form-id": "f0"},
        {
            "conversion-id": "8d8e2f07-4fd8-4f3f-8a3c-0b1b0a0d0c0e",
            "timestamp": 1772460302000,
            "form-id": "f1",
            "page-url": "https://acme.example/demo",
        },
    ],
}

STANDARD = {
    "type": "contact.submitted",
    "timestamp": "2026-03-02T14:05:02Z",
    "data": {"email": "ana@acme.example", "full_name": "Ana Lima", "plan": "team", "nested": {"a": 1}},
}

GENERIC = {
    "id": "evt-1",
    "submitted_at": "2026-03-02T14:05:02Z",
    "form": "what-they-call-it",
    "email": "ana@acme.example",
    "first_name": "Ana",
    "utm": {"source": "ads", "term": None},
    "fields": {"plan": "team"},
    "consent": {"marketing": True},
    "colours": ["red", "blue"],
}

JOTFORM = {
    "formID": "240000000000000",
    "submissionID": "5308741572752112119",
    "ip": "192.0.2.1",
    "formTitle": "Demo",
    "pretty": "Name:Ana Lima, E-mail:ana@acme.example",
    "rawRequest": (
        '{"slug":"submit/240000000000000/","q3_name":{"first":"Ana","last":"Lima"},"q4_email":"ana@acme.example",'
        '"q5_phoneNumber":{"full":"(415) 555-0123"},"q6_tools":["CRM","Chat"],"q7_plan":"Team","event_id":"1_2_3"}'
    ),
}

META_MESSAGE = (Path(__file__).parent / "meta_leadgen_page_webhook.json").read_bytes()
"""The one message that Meta's own documents show; the lead itself is read from the Graph API."""

_FORM = f"multipart/form-data; boundary={BOUNDARY}"

SENDERS = {
    "typeform": Sender(
        "typeform",
        lambda body, secret, *_: {"typeform-signature": f"sha256={b64(secret, body)}"},
        encoded(TYPEFORM),
        "01H5320DBGJF8PEJNWTN565S0A",
        ("typeform-signature",),
    ),
    "tally": Sender(
        "tally",
        lambda body, secret, *_: {"tally-signature": b64(secret, body)},
        encoded(TALLY),
        "a4cb511e-d513-4fa5-baee-b815d718dfd1",
        ("tally-signature",),
    ),
    "webflow": Sender(
        "webflow",
        by_webflow,
        encoded(WEBFLOW),
        "6321ca84df3949bfc6752327",
        ("x-webflow-signature", "x-webflow-timestamp"),
        ("x-webflow-timestamp",),
    ),
    "calendly": Sender(
        "calendly",
        by_calendly,
        encoded(CALENDLY),
        "https://api.calendly.com/scheduled_events/GBGBDCAADAEDCRZ2/invitees/KVNEDCAADAEDCRZ2",
        ("calendly-webhook-signature",),
        ("calendly-webhook-signature",),
    ),
    "intercom": Sender(
        "intercom",
        lambda body, secret, *_: {"x-hub-signature": f"sha1={hexed(secret, body, 'sha1')}"},
        encoded(INTERCOM),
        "notif_78c122d0-23ba-11e4-9464-79b01267cc2e",
        ("x-hub-signature",),
    ),
    "hubspot v2": Sender(
        "hubspot",
        by_hubspot_v2,
        encoded(HUBSPOT),
        "8d8e2f07-4fd8-4f3f-8a3c-0b1b0a0d0c0e",
        ("x-hubspot-signature", "x-hubspot-signature-version"),
    ),
    "hubspot v3": Sender(
        "hubspot",
        by_hubspot_v3,
        encoded(HUBSPOT),
        "8d8e2f07-4fd8-4f3f-8a3c-0b1b0a0d0c0e",
        ("x-hubspot-signature-v3", "x-hubspot-request-timestamp"),
        ("x-hubspot-request-timestamp",),
    ),
    "standard webhooks": Sender(
        "standard_webhooks",
        by_standard,
        encoded(STANDARD),
        "msg_1",
        ("webhook-id", "webhook-timestamp", "webhook-signature"),
        ("webhook-timestamp",),
    ),
    "svix": Sender(
        "standard_webhooks",
        lambda body, secret, at, _: {
            name.replace("webhook-", "svix-"): value for name, value in by_standard(body, secret, at).items()
        },
        encoded(STANDARD),
        "msg_1",
        ("svix-id", "svix-timestamp", "svix-signature"),
        ("svix-timestamp",),
    ),
    "generic": Sender(
        "generic",
        lambda body, secret, *_: {"x-signature": hexed(secret, body)},
        encoded(GENERIC),
        "evt-1",
        ("x-signature",),
    ),
    "generic with a time": Sender(
        "generic",
        by_timed_generic,
        encoded(GENERIC),
        "evt-1",
        ("x-signature", "x-sent-at"),
        ("x-sent-at",),
        timestamp_header="X-Sent-At",
    ),
    "jotform": Sender(
        "jotform",
        lambda *_: {},
        multipart(JOTFORM),
        "5308741572752112119",
        (),
        content_type=_FORM,
        url="https://router.example/v1/webhooks/theirs?secret=SECRET",
        bound=False,
    ),
    "jotform by a relay": Sender(
        "jotform",
        lambda body, secret, *_: {"x-jotform-signature": hexed(secret, body)},
        multipart(JOTFORM),
        "5308741572752112119",
        ("x-jotform-signature",),
        content_type=_FORM,
    ),
    "meta": Sender(
        "meta",
        lambda body, secret, *_: {"x-hub-signature-256": f"sha256={hexed(secret, body)}"},
        META_MESSAGE,
        "233370042045345",
        ("x-hub-signature-256",),
    ),
}
