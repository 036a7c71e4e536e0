"""A Lua file states its contract in its header; the header and the code beneath it say the same."""

import re
from pathlib import Path

import pytest

from router.adapters.redis.functions import PARTS

FOLDER = Path(__file__).resolve().parents[2] / "router" / "adapters" / "redis" / "lua"
FILES = sorted(FOLDER.glob("*.lua"))
HEADER = re.compile(r"--\[\[\n(?P<text>.*?)\]\]\n", re.DOTALL)
ONE = re.compile(r"\b(KEYS|ARGV)\[(\d+)\](?! and on)", re.IGNORECASE)
LISTED_FROM = re.compile(r"\b(KEYS|ARGV)\[(\d+)\] and on", re.IGNORECASE)
LOOPED = re.compile(r"\bipairs\((keys|argv)\)", re.IGNORECASE)
LOOPED_FROM = re.compile(r"for \w+ = (\d+), #(keys|argv)\b", re.IGNORECASE)


def documented(header: str) -> set[str]:
    """Return the parameters that *header* explains: `ARGV[2]`, or `ARGV[3..]` for "ARGV[3] and on"."""
    single = {f"{kind.upper()}[{number}]" for kind, number in ONE.findall(header)}
    return single | {f"{kind.upper()}[{number}..]" for kind, number in LISTED_FROM.findall(header)}


def used(code: str) -> set[str]:
    """Return the parameters that *code* reads, by number or in a loop to the end."""
    without_comments = re.sub(r"--.*", "", code)
    single = {f"{kind.upper()}[{number}]" for kind, number in ONE.findall(without_comments)}
    single |= {f"{kind.upper()}[1..]" for kind in LOOPED.findall(without_comments)}
    return single | {f"{kind.upper()}[{number}..]" for number, kind in LOOPED_FROM.findall(without_comments)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_header_names_the_file_and_its_parameters(path: Path) -> None:
    """Each file opens with what it is; each KEYS and ARGV that it reads is explained there, and none besides."""
    source = path.read_text(encoding="utf-8")
    header = HEADER.match(source)

    assert header, f"{path.name} does not open with a --[[ ... ]] block"
    assert header["text"].lstrip().startswith(f"{path.stem}: "), f"{path.name}: its header opens with another name"
    assert used(source[header.end() :]) == documented(header["text"])


def test_every_file_is_loaded_once() -> None:
    """The library is built from all files of the folder: one left out would be dead, and look alive."""
    assert sorted(PARTS) == [path.stem for path in FILES]


def test_a_parameter_without_a_word_is_found() -> None:
    """The check itself tells an unexplained parameter from an explained one."""
    header = "place: a lead.\n KEYS[1] the prefix\n ARGV[1] now\n ARGV[3] and on: items"

    assert documented(header) == {"KEYS[1]", "ARGV[1]", "ARGV[3..]"}
    assert used("for i, item in ipairs(argv) do end") == {"ARGV[1..]"}
    assert used("P = keys[1] -- not argv[9]\nlocal a = argv[2]\nfor i = 3, #argv do end") == {
        "KEYS[1]",
        "ARGV[2]",
        "ARGV[3..]",
    }
