"""The form of the source: size, names, what every folder holds. Layers are held by `lint-imports` in `make lint`."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 400
SOURCES = sorted(path for path in (ROOT / "router").rglob("*") if path.suffix in {".py", ".lua"})
NAMELESS = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


def name(path: Path) -> str:
    """Return *path* as one reads it in a report."""
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_file_is_longer_than_a_head_can_hold(path: Path) -> None:
    """A file of more than 400 lines is two files."""
    lines = len(path.read_text(encoding="utf-8").splitlines())

    assert lines <= LONGEST, f"{name(path)} has {lines} lines: give one of its subjects a file of its own"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_every_file_is_named_by_its_subject(path: Path) -> None:
    """No module or folder is called by a word that tells nothing of what is in it."""
    parts = set(path.relative_to(ROOT).with_suffix("").parts)

    assert not parts & NAMELESS, f"{name(path)}: name the subject instead"


def test_every_folder_of_modules_is_a_package() -> None:
    """A folder without `__init__.py` would be left out by tools that walk packages, the layers' linter among them."""
    folders = {path.parent for path in SOURCES if path.suffix == ".py"}

    assert sorted(name(folder) for folder in folders if not (folder / "__init__.py").exists()) == []
