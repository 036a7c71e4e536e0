"""A limit that is written wrong is refused at load; none is ever read as "no limit"."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.policy.shapes import LimitsShape
from tests.unit.ledger_story import Engine, Story, seat
from tests.unit.policy_text import change, problems

LIMITS = tuple(LimitsShape.model_fields)
PLACES = (
    *(("limits: {max_age: 7d}", f"limits: {{{name}: ", "}") for name in LIMITS),
    ("capacity: 1,", "capacity: ", ","),
    ("accept_within: 60s,", "accept_within: ", ","),
    ("widen_after: 90s}", "widen_after: ", "}"),
    ("first_touch: 5m,", "first_touch: ", ","),
)
"""Every place of a policy that holds a limit: what stands there, and what comes before and after another value."""
MISTAKES = ("", "null", "~", "''", "'5'", "five", "-1", "1.5", "true", "[]", "{}", "5 leads", "010", ".inf", "none")


def misspelt(name: str) -> tuple[str, ...]:
    """Return what a hurried hand makes of a key."""
    words = (name.replace("_", "-"), name.replace("_", "")) if "_" in name else (name.upper(), name.capitalize())
    return (name[:-1], name + "s", name[1] + name[0] + name[2:], *words)


@pytest.mark.parametrize("value", MISTAKES)
@pytest.mark.parametrize(("old", "before", "after"), PLACES, ids=[before.split("{")[-1] for _, before, _ in PLACES])
def test_a_limit_that_cannot_be_read_is_refused(tmp_path: Path, old: str, before: str, after: str, value: str) -> None:
    """Forgotten, misspelt or of another kind: the file does not load, and file and line are told (RocketChat 35688)."""
    text = change(old, f"{before}{value}{after}")
    [first, *_] = problems(tmp_path, text)
    assert first.file.endswith("policy.yaml")
    assert before.rsplit(maxsplit=1)[-1].strip("{: ") in text.splitlines()[first.line - 1]


@pytest.mark.parametrize("key", [typo for name in LIMITS for typo in misspelt(name)])
def test_a_misspelt_limit_is_refused(tmp_path: Path, key: str) -> None:
    """A key that nobody reads would turn the limit off in silence (RocketChat 35688)."""
    [first, *_] = problems(tmp_path, change("limits: {max_age: 7d}", f"limits: {{{key}: 1}}"))
    assert key in first.message


@pytest.mark.parametrize("key", misspelt("capacity"))
def test_a_misspelt_capacity_is_refused(tmp_path: Path, key: str) -> None:
    """Else the rep would have the default's room, which may be more than was meant (RocketChat 35688)."""
    [first, *_] = problems(tmp_path, change("capacity: 1,", f"{key}: 1,"))
    assert key in first.message


@pytest.mark.parametrize("section", ["limit", "Limits", "LIMITS"])
def test_a_misspelt_section_of_limits_is_refused(tmp_path: Path, section: str) -> None:
    """Not even all limits at once can be turned off by one letter (RocketChat 35688)."""
    [first, *_] = problems(tmp_path, change("limits: {max_age", f"{section}: {{max_age"))
    assert section in first.message


def test_a_limit_of_zero_is_a_limit(engine: Engine) -> None:
    """Capacity 0 takes nothing at all, by whatever way a lead comes (RocketChat 35688)."""
    story = Story(engine, seat("ana", capacity=0))
    story.come("ana")
    story.place("L1")
    story.act("accept", "L1", "ana")
    story.wait(600)
    assert story.holder("L1") is None
    assert story.rep("ana").load == 0
