"""Sample leads for who tries the router out: made-up people of the companies that the shipped configuration knows."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Request, Response

from router.entrypoints.pages.desk import desk_of
from router.entrypoints.pages.visit import PageRoute, Refused, action_of, see_other
from router.events.base import rfc3339

SAMPLES: Final[tuple[Mapping[str, str], ...]] = (
    {
        "form": "demo-request",
        "first_name": "Maya",
        "last_name": "Lindqvist",
        "job_title": "VP Operations",
        "company": "Acme",
        "email": "maya.lindqvist.{id}@acme.example",
        "phone": "+1 614 555 0134",
        "country": "US",
        "language": "en",
        "message": "We open three plants this year and route every request by hand. Could we see it this week?",
    },
    {
        "form": "contact-sales",
        "first_name": "Erik",
        "last_name": "Halvorsen",
        "job_title": "Head of Customer Service",
        "company": "Fjordbank",
        "email": "erik.halvorsen.{id}@fjordbank.example",
        "phone": "+47 21 55 01 99",
        "country": "NO",
        "language": "en",
        "message": "Two of our teams answer the same customer. Who can I talk to about that?",
    },
    {
        "form": "pricing",
        "first_name": "Priya",
        "last_name": "Nair",
        "job_title": "Director of Growth",
        "company": "Bluebird Health",
        "email": "priya.nair.{id}@bluebird-health.example",
        "phone": "+1 212 555 0177",
        "country": "US",
        "language": "en",
        "message": "What would it cost for 40 people, and is there a yearly plan?",
    },
    {
        "form": "demo-request",
        "first_name": "Tom\u00e1s",
        "last_name": "Rivera",
        "job_title": "Chief Revenue Officer",
        "company": "Northwind Traders",
        "email": "tomas.rivera.{id}@northwind-traders.example",
        "phone": "+1 206 555 0142",
        "country": "US",
        "language": "es",
        "message": "A competitor called us back in four minutes. I would like to know how.",
    },
    {
        "form": "newsletter",
        "first_name": "Jo",
        "last_name": "Price",
        "email": "jo.price.{id}@gmail.com",
        "country": "GB",
        "language": "en",
    },
)

routes = APIRouter(route_class=PageRoute, include_in_schema=False)


@routes.post("/samples")
async def send(request: Request) -> Response:
    """Send the samples, each time as new people."""
    desk = desk_of(request)
    visit, _ = await action_of(request)
    if not visit.trial:
        raise Refused(404, "There is no such page")
    now = rfc3339(desk.door.clock.now())
    events = []
    for sample in SAMPLES:
        new = secrets.token_hex(3)
        common = {"submission_id": f"sample-{new}-{secrets.token_hex(4)}", "submitted_at": now}
        events.append({**sample, **common, "email": sample["email"].format(id=new)})
    await desk.door.send("form-submissions", events)
    return see_other(visit.person.home)
