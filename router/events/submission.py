"""`form.submitted.v1`: a person pressed the button. Every clock starts at `submitted_at`."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from router.events.base import EventData, Id, Instant

Scalar = str | int | float | bool | None


def _blank_is_absent(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on whatever came
    if isinstance(value, str):
        return value.strip() or None
    return value


Text = Annotated[str | None, BeforeValidator(_blank_is_absent)]
"""Null, empty and blank text count as not given."""


class Utm(EventData):
    """Where a visit came from, in the five customary parameters."""

    source: Text = None
    medium: Text = None
    campaign: Text = None
    term: Text = None
    content: Text = None


class FormSubmitted(EventData):
    """
    One submission of one form.

    `submission_id` is the producer's own and the idempotency key. At least one
    of `email` and `phone` must be given; whether they identify anybody is for
    `router.domain.identity` to say.
    """

    submission_id: Id
    submitted_at: Instant
    form: Annotated[str, Field(min_length=1, max_length=128)]
    email: Text = None
    phone: Text = None
    first_name: Text = None
    last_name: Text = None
    company: Text = None
    job_title: Text = None
    country: Text = None
    region: Text = None
    industry: Text = None
    website: Text = None
    language: Text = None
    timezone: Text = None
    message: Text = None
    page_url: Text = None
    referrer: Text = None
    employees: Annotated[int | None, Field(ge=0), BeforeValidator(_blank_is_absent)] = None
    utm: Utm | None = None
    consent: dict[str, Any] | None = None
    fields: dict[str, Scalar] | None = None
    test: bool = False

    @model_validator(mode="after")
    def _somebody_to_reach(self) -> Self:
        if self.email is None and self.phone is None:
            message = "one of email and phone is required"
            raise ValueError(message)
        return self
