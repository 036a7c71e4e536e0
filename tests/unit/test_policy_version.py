"""The version of a policy: what changes it, what does not, and that its text can be read back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import pytest

from router.policy import canonical, load_policy, restore
from tests.unit.policy_text import MINIMAL, change, load, problems, write

COMPANIES = "domain,employees\nacme.example,5000\nb.example,20\n"
WITH_COMPANIES = MINIMAL + "enrichment: {dataset: companies.csv}\n"


def split(text: str) -> dict[str, str]:
    """Cut a configuration into one file a section, last section first."""
    parts: list[str] = []
    for line in text.splitlines(keepends=True):
        if line[0] not in " -":
            parts.append("")
        parts[-1] += line
    return {f"{99 - n}_yaml": part for n, part in enumerate(parts)}


def test_form_without_meaning_leaves_the_version_alone(tmp_path: Path) -> None:
    """Comments, blanks, the split into files, the order of names and a written-out default change nothing."""
    version = load(tmp_path / "plain").policy.version
    same = {
        "comment": "# hello\n" + MINIMAL,
        "blanks": change("company.employees >= 50'", "company.employees>=50  // people'"),
        "default": change("name: Ana,", "name: Ana, active: true, weight: 1,"),
        "unit": change("first_touch: 5m", "first_touch: 300s"),
        "days": change("{mon-fri:", "{thu-fri: ['09:00-17:00'], mon-wed:"),
        "order": change("  demo: {action: demo_request, intent: high}\n", "").replace(
            "fit:\n", "  demo: {intent: high, action: demo_request}\nfit:\n", 1
        ),
    }
    for name, text in same.items():
        assert load(tmp_path / name, text).policy.version == version, name
    files = split(MINIMAL)
    first = files.pop("99_yaml")
    assert load(tmp_path / "split", first, **files).policy.version == version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("points: 70", "points: 71"),
        ("weight: 2", "weight: 3"),
        ("name: Ana,", "name: Anna,"),
        ("first_touch: 5m", "first_touch: 6m"),
        ('rep.id == "ben"', "true"),
        ("[en, 'no']", "[en]"),
        ("priority: 10", "priority: 11"),
        ("company.employees >= 50'", "company.employees > 50'"),
        ("reason: a disposable address", "reason: throw-away"),
    ],
)
def test_every_change_of_meaning_changes_the_version(tmp_path: Path, old: str, new: str) -> None:
    """What can change a decision, a placement or a word that people read is in the version."""
    before = load(tmp_path / "before").policy.version
    assert load(tmp_path / "after", change(old, new)).policy.version != before


def test_the_order_of_routes_is_meaning(tmp_path: Path) -> None:
    """Lists keep their order in the version."""
    rest = "  - {name: rest, when: 'stage == \"mql\"', to: nurture}\n"
    text = change("routes:\n", "routes:\n" + rest, change(rest, ""))
    assert load(tmp_path / "a").policy.version != load(tmp_path / "b", text).policy.version


def test_the_dataset_is_in_the_version(tmp_path: Path) -> None:
    """Other contents give another version; another order of rows and an empty line do not."""
    first = load(tmp_path / "a", WITH_COMPANIES, companies_csv=COMPANIES).policy.version
    turned = "domain,employees\n\nB.example,20\nwww.acme.example, 5000\n"
    assert load(tmp_path / "b", WITH_COMPANIES, companies_csv=turned).policy.version == first
    other = COMPANIES.replace("20", "21")
    assert load(tmp_path / "c", WITH_COMPANIES, companies_csv=other).policy.version != first


def test_a_canonical_text_is_read_back(tmp_path: Path) -> None:
    """A policy of its canonical text has the same text, version and members."""
    policy = load(tmp_path, WITH_COMPANIES, companies_csv=COMPANIES).policy
    again = restore(canonical(policy))
    assert canonical(again) == canonical(policy)
    assert again.version == policy.version
    assert again.pools == policy.pools
    assert again.calendars == policy.calendars
    assert again.routes == policy.routes


def test_the_shipped_configuration_is_read_back() -> None:
    """What the router ships keeps its version through the canonical text."""
    policy = load_policy(Path("config")).policy
    assert restore(canonical(policy)).version == policy.version


def with_reps(ids: Iterable[object]) -> str:
    """Return a configuration with these reps too, all of them in the pool `all`."""
    rows = "".join(f"  - {{id: {one}, name: Rep, email: rep@sales.example}}\n" for one in ids)
    return change("managers:\n", rows + "managers:\n")


def with_condition(length: int) -> str:
    """Return a configuration whose first route asks for one of so many companies that its text is *length* long."""
    names = ",".join(f'"c{n}.example"' for n in range(1000))
    text = f"company.domain in [{names}"[: length - 1].rpartition(",")[0] + "]"
    text += " " * (length - len(text))
    return change("""when: 'stage in ["iql", "sql"]'""", f"when: '{text}'")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(with_reps(f"rep-{n:03}" for n in range(400)), id="400 reps"),
        pytest.param(with_reps(UUID(int=n) for n in range(100)), id="100 reps with long ids"),
        pytest.param(with_condition(3900), id="a condition almost as long as one may be"),
    ],
)
def test_what_a_policy_grows_to_is_read_back(tmp_path: Path, text: str) -> None:
    """Whatever checks can be read back, though its text names every member and has blanks that the files have not."""
    policy = load(tmp_path, text).policy
    assert restore(canonical(policy)).version == policy.version


def test_what_people_write_is_held_in_length(tmp_path: Path) -> None:
    """A condition of more than 4000 characters is refused, with what it may have."""
    [problem] = problems(tmp_path, with_condition(4001))
    assert "must have at most 4000 characters" in problem.message


def test_the_dataset_is_read_by_cell(tmp_path: Path) -> None:
    """An empty cell is unknown, a cell that reads as a number is one, a bad row is a warning with its line."""
    rows = "domain,employees,size,city\nacme.example,5000,2.50,Oslo\nb.example,,1e3,\n"
    rows += "acme.example,1,1,x\n,1,1,x\nc.example,1\n"
    folder = write(tmp_path, WITH_COMPANIES, companies_csv=rows)
    loaded = load_policy(folder)
    assert loaded.policy.enrichment is not None
    assert loaded.policy.enrichment.dataset == {
        "acme.example": {"employees": 5000, "size": 2.5, "city": "Oslo"},
        "b.example": {"size": 1000},
    }
    assert [one.line for one in loaded.warnings] == [4, 5, 6]
