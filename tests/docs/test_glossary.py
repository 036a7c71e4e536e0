"""The glossary: each word once, in order, and the words that the code and the topics are made of among them."""

import re
from typing import get_args

import pytest

from router.domain.policy import Stage
from tests.docs.documents import ROOT

ENTRY = re.compile(r"^\*\*(?P<word>[^*]+)\*\*", re.MULTILINE)
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
WORDS = [word.lower() for word in ENTRY.findall(GLOSSARY)]


def test_words_stand_once_and_in_order() -> None:
    """A word is found by its letter, and has one meaning."""
    assert sorted(set(WORDS)) == WORDS


@pytest.mark.parametrize("stage", get_args(Stage))
def test_every_stage_is_explained(stage: str) -> None:
    """A stage is a word that salespeople read on their screen."""
    assert re.search(rf"\b{stage}\b", GLOSSARY, re.IGNORECASE)


@pytest.mark.parametrize("reference", sorted(set(re.findall(r"→ (\w+)", GLOSSARY))))
def test_what_an_entry_points_to_is_there(reference: str) -> None:
    """An arrow leads to another word of the glossary."""
    assert reference.lower() in WORDS
