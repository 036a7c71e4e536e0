"""
The companies and titles that the load of the large tests is drawn from: real ones, from the data beside the project.

Nothing of them is part of the project; where the folder is absent the tests skip and say so.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

DATA = Path(__file__).parents[2].parent / "shared" / "data"

_SUFFIXES = PublicSuffixList()
_HOSTS_OF_MANY = {"amazonaws.com", "facebook.com", "linkedin.com", "google.com", "gov.uk", "nhs.uk", "wordpress.com"}
_BANDS: Mapping[str, int] = {
    "Less than 250": 120,
    "250 to 499": 300,
    "500 to 999": 700,
    "1000 to 4999": 2_000,
    "5000 to 19,999": 9_000,
    "20,000 or more": 40_000,
}
_COUNTRIES: Mapping[str, str] = {
    "United States": "US",
    "Canada": "CA",
    "United Kingdom": "GB",
    "Germany": "DE",
    "France": "FR",
    "Japan": "JP",
    "China": "CN",
    "India": "IN",
    "Australia": "AU",
    "Sweden": "SE",
    "Switzerland": "CH",
}


@dataclass(frozen=True, slots=True)
class Company:
    """One company; what nobody knows of it is None."""

    name: str
    domain: str
    employees: int | None
    industry: str | None
    country: str | None


def companies(data: Path = DATA) -> tuple[Company, ...]:
    """Return all companies that have a domain of their own, each domain once, in the order of the files."""
    found: dict[str, Company] = {}
    for source in (_young, _british, _large, _listed):
        for company in source(data / "firmographics"):
            found.setdefault(company.domain, company)
    return tuple(found.values())


def titles(data: Path = DATA) -> tuple[str, ...]:
    """Return real job titles of all levels."""
    return tuple(row["Position"].strip() for row in _rows(data / "titles" / "title_levels.csv"))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _own_domain(text: str) -> str | None:
    host = (urlsplit(text).hostname if "//" in text else text) or ""
    domain = _SUFFIXES.privatesuffix(host.strip().lower())
    return domain if domain and domain not in _HOSTS_OF_MANY and domain.isascii() else None


def _company(name: str, site: str, employees: float | None, industry: str, country: str | None) -> Iterator[Company]:
    if domain := _own_domain(site):
        yield Company(name.strip(), domain, int(employees) if employees else None, industry.strip() or None, country)


def _young(folder: Path) -> Iterator[Company]:
    for row in _rows(folder / "yc_companies.csv"):
        country = "US" if "USA" in row["all_locations"] else None
        yield from _company(row["name"], row["domain"], float(row["team_size"] or 0), row["industry"], country)


def _british(folder: Path) -> Iterator[Company]:
    for row in _rows(folder / "uk_employers_2017_18.csv"):
        yield from _company(row["CurrentName"], row["domain"], _BANDS.get(row["EmployerSize"]), "", "GB")


def _large(folder: Path) -> Iterator[Company]:
    for row in _rows(folder / "fortune_1000_2021.csv"):
        yield from _company(row["company"], row["Website"], float(row["num. of employees"]), row["sector"], "US")


def _listed(folder: Path) -> Iterator[Company]:
    for row in _rows(folder / "listed_companies.csv"):
        yield from _company(row["name"], row["domain"], None, row["sector"], _COUNTRIES.get(row["country"]))
