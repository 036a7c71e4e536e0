"""
Reads the company dataset: a CSV with a `domain` column, whose other columns become `company.<column>`.

An empty cell is unknown; a cell that reads as a number is one. A bad row is a
warning and left out: one typo in a list of companies must not stop the router.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from router.domain.identity import registrable_domain
from router.policy.documents import MAX_BYTES
from router.policy.problems import Findings, Problem

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,2})?\Z", re.ASCII)
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MAX_ROW_WARNINGS = 20
_MAX_BYTES = 64 * MAX_BYTES
_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Dataset:
    """The companies by registrable domain, the columns beside `domain`, and a hash of the contents."""

    companies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    digest: str = ""


def cell(text: str) -> str | int | float | None:
    """
    Read one cell: nothing, a number, or text.

    >>> [cell(t) for t in ("", " 1200 ", "2.5", "1,200")]
    [None, 1200, 2.5, '1,200']
    """
    text = text.strip()
    if not text:
        return None
    if not _NUMBER.match(text):
        return text
    try:
        number = int(text)
    except ValueError:
        real = float(text)
        return int(real) if real.is_integer() and abs(real) < _INT64 else real
    return number if abs(number) < _INT64 else float(number)


def read_dataset(path: Path, shown: str, findings: Findings) -> Dataset:
    """Return the companies of the CSV at *path*; what is wrong goes to *findings*."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            findings.errors.append(Problem(shown, 0, "the dataset is larger than 256 MiB", "use an HTTP source"))
            return Dataset()
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        findings.errors.append(Problem(shown, 0, "the text is not UTF-8", "save the file as UTF-8"))
        return Dataset()
    except OSError as exc:
        findings.errors.append(Problem(shown, 0, f"cannot be read: {exc.strerror}", "it stands beside the YAML files"))
        return Dataset()
    return _parse(text, shown, findings)


def _parse(text: str, shown: str, findings: Findings) -> Dataset:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    companies: dict[str, dict[str, object]] = {}
    first_seen: dict[str, int] = {}
    warnings: list[Problem] = []
    try:
        header = [name.strip() for name in next(rows, [])]
        if not _header_ok(header, shown, findings):
            return Dataset()
        key = header.index("domain")
        for row in rows:
            line = rows.line_num
            if not any(value.strip() for value in row):
                continue
            if len(row) != len(header):
                warnings.append(Problem(shown, line, f"{len(row)} cells, not {len(header)}: left out", "check commas"))
                continue
            domain = registrable_domain(row[key].strip())
            if domain is None:
                warnings.append(Problem(shown, line, f"{row[key].strip()!r} is no domain: left out", "as in acme.com"))
                continue
            if domain in companies:
                told = f"{domain} stands in line {first_seen[domain]} already: this row is left out"
                warnings.append(Problem(shown, line, told, "keep one row a company"))
                continue
            first_seen[domain] = line
            cells = ((name, cell(value)) for name, value in zip(header, row, strict=True) if name != "domain")
            companies[domain] = {name: value for name, value in cells if value is not None}
    except csv.Error as exc:
        findings.errors.append(Problem(shown, rows.line_num, f"not valid CSV: {exc}", "check the quotes"))
        return Dataset()
    findings.warnings += warnings[:_MAX_ROW_WARNINGS]
    if len(warnings) > _MAX_ROW_WARNINGS:
        more = len(warnings) - _MAX_ROW_WARNINGS
        findings.warnings.append(Problem(shown, 0, f"{more} more rows are left out", None))
    columns = tuple(name for name in header if name != "domain")
    return Dataset(companies, columns, _digest(companies, columns))


def _header_ok(header: list[str], shown: str, findings: Findings) -> bool:
    before = len(findings.errors)
    if "domain" not in header:
        findings.errors.append(Problem(shown, 1, "no `domain` column", "name the columns in the first line"))
    for name in sorted(set(header)):
        if header.count(name) > 1:
            findings.errors.append(Problem(shown, 1, f"column {name!r} stands twice", "rename one of them"))
        elif not _COLUMN.match(name):
            told = f"column {name!r} cannot be named in a rule"
            findings.errors.append(Problem(shown, 1, told, "use letters, digits and _, as in annual_revenue"))
        elif name == "known":
            findings.errors.append(Problem(shown, 1, "column 'known' is the router's own", "rename it"))
    return len(findings.errors) == before


def _digest(companies: Mapping[str, Mapping[str, object]], columns: tuple[str, ...]) -> str:
    content = json.dumps([sorted(columns), companies], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
