"""`form.submitted.v1`: a person pressed the button. Every clock starts at `submitted_at`."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

from router.events.base import MAX_WHOLE, Absent, EventData, Id, Instant, Name, Number, Text


def _scalar(value: object) -> object:
    if value is None or isinstance(value, str | int | float):  # a bool is an int
        return value
    raise ValueError("must be text, a number, true, false or null")


Scalar = Annotated[
    str | int | float | bool | None,
    PlainValidator(_scalar),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"]}),
]
"""What a form may ask besides: anything but lists and objects."""


DEEPEST = 32
"""How deep `consent` may be nested: what a form asks fits into a few levels, and writers of JSON give up at some."""


def _not_too_deep(value: dict[str, Any] | None) -> dict[str, Any] | None:
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return value
    raise ValueError(f"must not be nested deeper than {DEEPEST} levels")


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

    At least one of `email` and `phone` must be given; whether they identify
    anybody is for the router to say. Null, empty and blank text count as not given.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["email"]}, {"required": ["phone"]}]})

    submission_id: Id
    """The producer's own id and the idempotency key: the same one again makes no second decision."""
    submitted_at: Instant
    """When the person pressed the button: every clock starts here."""
    form: Name
    """A key of `forms` in the configuration; an unknown one is decided with intent `none`."""
    email: Text = None
    """One address; one without a valid form counts as not given."""
    phone: Text = None
    """International (`+…`), or national and then read by `country`."""
    first_name: Text = None
    last_name: Text = None
    company: Text = None
    job_title: Text = None
    country: Text = None
    """ISO 3166 alpha-2."""
    region: Text = None
    industry: Text = None
    website: Text = None
    language: Text = None
    """BCP 47."""
    timezone: Text = None
    """A name of the IANA time zone database."""
    message: Text = None
    page_url: Text = None
    """The page that the form stood on."""
    referrer: Text = None
    employees: Annotated[int | None, Field(ge=0, le=MAX_WHOLE), Number, Absent] = None
    """How many people the company employs, as the form said."""
    utm: Annotated[Utm | None, Absent] = None
    consent: Annotated[dict[str, Any] | None, AfterValidator(_not_too_deep), Absent] = None
    """What the person agreed to; carried through, never read; at most 32 levels deep."""
    fields: Annotated[dict[str, Scalar] | None, Absent] = None
    """Whatever else the form asked."""
    test: Annotated[bool, Absent] = False
    """True: decided as it would have been, and nobody hears of it."""

    @model_validator(mode="after")
    def _somebody_to_reach(self) -> Self:
        if self.email is None and self.phone is None:
            raise ValueError("one of email and phone is required")
        return self
