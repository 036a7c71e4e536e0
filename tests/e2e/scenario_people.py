"""The people of the large tests, at real companies, and the forms that they send."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from router.events.base import rfc3339
from tests.e2e.scenario_companies import Company

REPEATED = 0.06
"""How many of the submissions are a second one of somebody."""

REDELIVERED = 0.04
"""How many of the submissions are sent twice."""

_DRAMA = ("020 7946", "0113 496", "0121 496", "0131 496", "0161 496")
"""British numbers that are set aside for stories, a thousand each."""

_PHONE_ONLY = 0.03
_FREE_MAIL = 0.05
_STUDENTS = 0.02
_FORMS = ("demo-request", "pricing", "ebook")
_FORM_WEIGHTS = (40, 20, 40)
# fmt: off
_FIRST = (
    "Ada", "Amir", "Anaïs", "Bao", "Carla", "Chidi", "Dana", "Diego", "Elif", "Emeka", "Fatima", "Finn", "Grace",
    "Hana", "Irene", "Ivan", "Jana", "João", "Kwame", "Lena", "Liam", "Mei", "Milan", "Nadia", "Noor", "Olga", "Omar",
    "Priya", "Quinn", "Rosa", "Sami", "Sofia", "Tariq", "Uma", "Viktor", "Wanda", "Xin", "Yara", "Zoë", "Łukasz",
)
_LAST = (
    "Adeyemi", "Andersson", "Becker", "Brown", "Chen", "Costa", "Demir", "Dubois", "Eriksen", "Fischer", "García",
    "Haddad", "Ito", "Jansen", "Kaur", "Kim", "Kowalski", "Larsen", "López", "Mensah", "Moreau", "Nguyen", "Novak",
    "O'Brien", "Okafor", "Patel", "Petrov", "Rossi", "Sato", "Silva", "Singh", "Smith", "Tanaka", "Vega", "Virtanen",
    "Wang", "Weber", "Williams", "Yilmaz", "Zhang",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may send a form: either an address or a number is given, or both."""

    number: int
    first_name: str
    last_name: str
    title: str
    company: Company
    email: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """One form as it is sent, at a share of the run; the same submission may be sent again later."""

    share: float
    submission_id: str
    form: str
    person: Person

    def data(self, submitted_at: datetime) -> Mapping[str, Any]:
        """Return the data of `form.submitted.v1`."""
        person = self.person
        given = {
            "submission_id": self.submission_id,
            "submitted_at": rfc3339(submitted_at),
            "form": self.form,
            "email": person.email,
            "phone": person.phone,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "company": person.company.name,
            "job_title": person.title,
            "country": "GB" if person.phone else person.company.country,
        }
        return {name: value for name, value in given.items() if value is not None}


def people(draw: random.Random, companies: Sequence[Company], titles: Sequence[str], count: int) -> tuple[Person, ...]:
    """Draw people, no two of whom share an address or a number; half work where fifty or more do."""
    large = [company for company in companies if (company.employees or 0) >= 50]
    return tuple(_person(draw, number, draw.choice(draw.choice((large, companies))), titles) for number in range(count))


def _person(draw: random.Random, number: int, company: Company, titles: Sequence[str]) -> Person:
    first, last, kind = draw.choice(_FIRST), draw.choice(_LAST), draw.random()
    box = f"p{number}"
    email: str | None = f"{box}@{company.domain}"
    phone = None
    if kind < _PHONE_ONLY and number < 1000 * len(_DRAMA):  # so many numbers there are
        email, phone = None, f"{_DRAMA[number // 1000]} {number % 1000:04}"
    elif kind < _PHONE_ONLY + _FREE_MAIL:
        email = f"{box}@gmail.com"
    elif kind < _PHONE_ONLY + _FREE_MAIL + _STUDENTS:
        email = f"{box}@state.edu"
    return Person(number, first, last, draw.choice(titles), company, email, phone)


def sent_forms(draw: random.Random, crowd: Sequence[Person], count: int) -> tuple[Sent, ...]:
    """Draw *count* submissions over the run, and send some of them twice; returned in the order of sending."""
    repeats = round(count * REPEATED)
    senders = [*crowd[: count - repeats], *draw.sample(crowd[: count - repeats], repeats)]
    sent = [
        Sent(draw.random(), f"form-{number:05}", draw.choices(_FORMS, _FORM_WEIGHTS)[0], person)
        for number, person in enumerate(senders)
    ]
    again = [
        Sent(draw.uniform(form.share, 1.0), form.submission_id, form.form, form.person)
        for form in draw.sample(sent, round(count * REDELIVERED))
    ]
    return tuple(sorted((*sent, *again), key=lambda form: (form.share, form.submission_id)))
