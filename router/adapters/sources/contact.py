"""
Which answer is which field, where a source has no `map`: by its kind, else by what it is called.

Only names that can hardly mean anything else; for all others there is `map`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from router.adapters.sources.delivery import Answer
from router.adapters.sources.payload import plain

FULL_NAME = "name"
"""A first and a last name in one; no field of `form.submitted.v1` but split into two of them."""

_CALLED: Mapping[str, str] = {
    "email": "email emailaddress mail workemail workemailaddress businessemail companyemail youremail contactemail",
    "phone": "phone phonenumber mobile mobilephone mobilenumber telephone tel workphone workphonenumber yourphone",
    "first_name": "firstname givenname yourfirstname",
    "last_name": "lastname surname familyname yourlastname",
    FULL_NAME: "name fullname yourname",
    "company": "company companyname organization organisation businessname yourcompany",
    "job_title": "jobtitle jobrole",
    "country": "country countrycode",
    "region": "region state province",
    "industry": "industry",
    "website": "website companywebsite websiteurl",
    "language": "language preferredlanguage",
    "timezone": "timezone",
    "message": "message comment comments yourmessage howcanwehelp howcanwehelpyou",
    "page_url": "pageurl",
    "referrer": "referrer referer",
    "employees": "employees numemployees numberofemployees employeecount companysize teamsize",
    "utm.source": "utmsource",
    "utm.medium": "utmmedium",
    "utm.campaign": "utmcampaign",
    "utm.term": "utmterm",
    "utm.content": "utmcontent",
}
_FIELD = {name: field for field, names in _CALLED.items() for name in names.split()}
_KINDS = frozenset({"email", "phone"})
_ALPHA_2 = 2


def taken(answers: Mapping[str, Answer]) -> Mapping[str, str]:
    """
    Return which answer gives which field, as field to name of the answer; the first of a kind wins.

    >>> taken({"q1": Answer("a@b.example", kind="email"), "Last Name": Answer("Lima"), "q3": Answer("x", "Budget")})
    {'email': 'q1', 'last_name': 'Last Name'}
    """
    out: dict[str, str] = {}
    for field, name in _found(answers):
        if plain(answers[name].value) not in {None, ""}:
            out.setdefault(field, name)
    return {field: name for field, name in out.items() if _fits(field, answers[name])}


def split(full_name: str) -> Mapping[str, str]:
    """
    Return first and last name of a full one.

    >>> split("Ana de Lima")
    {'first_name': 'Ana', 'last_name': 'de Lima'}
    """
    first, _, last = full_name.strip().partition(" ")
    return {"first_name": first, "last_name": last.strip()} if last else {"first_name": first}


def _found(answers: Mapping[str, Answer]) -> Iterator[tuple[str, str]]:
    for name, answer in answers.items():
        if answer.kind in _KINDS:
            yield answer.kind, name
    for name in answers:
        if field := _FIELD.get(_word(name)):
            yield field, name
    for name, answer in answers.items():
        if field := _FIELD.get(_word(answer.label)):
            yield field, name


def _word(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _fits(field: str, answer: Answer) -> bool:
    """Tell a country's code from its name: the field takes the code."""
    return field != "country" or len(str(plain(answer.value)).strip()) == _ALPHA_2
