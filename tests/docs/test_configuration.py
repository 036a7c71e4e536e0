"""The page on the configuration: its excerpts are the shipped files, and every key and strategy stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import BaseModel

from router.domain.policy import Stage, Strategy
from router.events.submission import FormSubmitted
from router.policy.cases import CaseShape
from router.policy.names import COMPANY, LEAD
from router.policy.shapes import PolicyShape
from tests.docs.documents import ROOT, Document

PATH = ROOT / "docs" / "configuration.md"
PAGE = Document(PATH, PATH.read_text(encoding="utf-8"))
EXCERPTS = re.findall(r"^\[(config/[^\]]+)\]\([^)]+\):\n\n```yaml\n(.*?)^```", PAGE.text, re.DOTALL | re.MULTILINE)
DERIVED = sorted(name for name in LEAD - set(FormSubmitted.model_fields) if "." not in name)


def keys(shape: type[BaseModel], seen: set[type[BaseModel]] | None = None) -> Iterator[str]:
    """Yield every key that may stand in a configuration, at any depth."""
    seen = seen if seen is not None else set()
    seen.add(shape)
    for name, field in shape.model_fields.items():
        yield name
        for inner in _shapes(field.annotation):
            if inner not in seen:
                yield from keys(inner, seen)


def _shapes(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _shapes(argument)


def test_every_block_is_an_excerpt() -> None:
    """No YAML stands on the page that no file holds."""
    assert len(EXCERPTS) == PAGE.text.count("```yaml")


@pytest.mark.parametrize(("file", "text"), EXCERPTS, ids=[file for file, _ in EXCERPTS])
def test_an_excerpt_is_what_the_file_says(file: str, text: str) -> None:
    """Each line of an excerpt is a line of the shipped file, in its order."""
    lines = iter((ROOT / file).read_text(encoding="utf-8").splitlines())

    assert [line for line in text.splitlines() if line and line not in lines] == []


@pytest.mark.parametrize("key", sorted({*keys(PolicyShape), *keys(CaseShape)}))
def test_every_key_is_on_the_page(key: str) -> None:
    """Whoever meets a key in a file finds it here."""
    assert re.search(rf"\b{key}\b", PAGE.text)


@pytest.mark.parametrize("word", [*get_args(Stage), *get_args(Strategy), *sorted(COMPANY)])
def test_every_word_of_the_language_is_on_the_page(word: str) -> None:
    """Stages, strategies and what is known of a company are explained."""
    assert f"`{word}`" in PAGE.text


@pytest.mark.parametrize("name", DERIVED)
def test_what_the_router_finds_out_is_on_the_page(name: str) -> None:
    """Values of a lead that no form sends are named; those that it sends are on the page of topics."""
    assert f"`{name}`" in PAGE.text
