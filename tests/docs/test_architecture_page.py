"""The page on architecture: its tables are those of the code."""

import re
from typing import get_args

from router.domain.ledger.verbs import Verb
from router.pipeline import PIPELINE
from tests.docs.documents import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, str]:
    """Return the table below *heading*: first cell to second."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", section, re.MULTILINE))


def test_the_table_of_steps_is_the_pipeline() -> None:
    """Each input topic, with its steps in their order."""
    assert rows("The steps") == {topic: ", ".join(step.__name__ for step in steps) for topic, steps in PIPELINE.items()}


def test_the_table_of_verbs_is_the_ledgers() -> None:
    """Each verb once, and no other."""
    assert rows("The ledger's verbs").keys() == {verb.__name__.lower() for verb in get_args(Verb)}
