"""A directory is looked at again and again: every way in which files come to be others is noticed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from router.policy import PolicyInvalid
from router.policy.directory import Directory
from tests.unit.policy_text import MINIMAL, change, write

LARGER = change("capacity: 1, weight: 2", "capacity: 2, weight: 2")
ENRICHED = MINIMAL + "enrichment: {budget: 100ms, dataset: lists/companies.csv}\n"


def written_in_place(folder: Path) -> None:
    """Write as `echo` and most scripts do."""
    write(folder, LARGER)


def renamed_over(folder: Path) -> None:
    """Save as editors do: beside it, then over it."""
    (folder / ".policy.yaml.swp").write_text(LARGER, encoding="utf-8")
    (folder / ".policy.yaml.swp").rename(folder / "policy.yaml")


def removed(folder: Path) -> None:
    """Remove the one file."""
    (folder / "policy.yaml").unlink()


def added(folder: Path) -> None:
    """Add a file."""
    (folder / "more.yaml").write_text("{}", encoding="utf-8")


def of_the_same_size(folder: Path) -> None:
    """Change one digit."""
    write(folder, change("points: 70", "points: 71"))


def moved_away_and_replaced(folder: Path) -> None:
    """Put another folder in its place."""
    folder.rename(folder.with_name("old"))
    write(folder, LARGER)


@pytest.mark.parametrize(
    "how", [written_in_place, renamed_over, removed, added, of_the_same_size, moved_away_and_replaced]
)
def test_a_change_is_noticed(tmp_path: Path, how: Callable[[Path], None]) -> None:
    """Until it is read; then it is no change any more."""
    directory = Directory(write(tmp_path / "config"))
    directory.load()
    assert directory.look() == directory.seen
    how(tmp_path / "config")
    assert directory.look() != directory.seen
    with suppress(PolicyInvalid):
        directory.load()
    assert directory.look() == directory.seen


def test_a_directory_that_is_a_link_is_followed_where_it_points_now(tmp_path: Path) -> None:
    """Releases are put in place so: a notice by inode would miss it."""
    write(tmp_path / "1")
    write(tmp_path / "2", LARGER)
    (tmp_path / "current").symlink_to("1")
    directory = Directory(tmp_path / "current")
    first = directory.load().policy
    (tmp_path / "next").symlink_to("2")
    (tmp_path / "next").rename(tmp_path / "current")
    assert directory.look() != directory.seen
    assert directory.load().policy.version != first.version


def test_a_config_map_that_is_swapped_is_noticed(tmp_path: Path) -> None:
    """Kubernetes keeps each version in a hidden folder and points a hidden link to it."""
    folder = tmp_path / "config"
    write(folder / "..1")
    write(folder / "..2", LARGER)
    (folder / "..data").symlink_to("..1")
    (folder / "policy.yaml").symlink_to("..data/policy.yaml")
    directory = Directory(folder)
    first = directory.load().policy
    (folder / "..data_tmp").symlink_to("..2")
    (folder / "..data_tmp").rename(folder / "..data")
    assert directory.look() != directory.seen
    assert directory.load().policy.version != first.version


def test_an_editor_that_only_opens_a_file_changes_nothing(tmp_path: Path) -> None:
    """Its hidden files are nothing to read again for."""
    directory = Directory(write(tmp_path / "config"))
    directory.load()
    (tmp_path / "config" / ".policy.yaml.swp").write_text("x", encoding="utf-8")
    assert directory.look() == directory.seen


def test_a_dataset_in_a_folder_is_watched_too(tmp_path: Path) -> None:
    """It is a part of the policy."""
    folder = write(tmp_path / "config", ENRICHED)
    (folder / "lists").mkdir()
    dataset = folder / "lists" / "companies.csv"
    dataset.write_text("domain,name\nacme.example,Acme\n", encoding="utf-8")
    directory = Directory(folder)
    first = directory.load().policy
    assert directory.look() == directory.seen
    dataset.write_text("domain,name\nacme.example,Acme Inc\n", encoding="utf-8")
    assert directory.look() != directory.seen
    assert directory.load().policy.version != first.version


def test_a_change_while_it_is_read_is_a_change(tmp_path: Path) -> None:
    """What was seen is what was there before reading began."""
    directory = Directory(write(tmp_path / "config", MINIMAL))
    before = directory.look()
    write(tmp_path / "config", LARGER)
    directory.load()
    assert before != directory.seen
    write(tmp_path / "config", MINIMAL)
    assert directory.look() != directory.seen


def test_a_directory_that_is_gone_looks_empty(tmp_path: Path) -> None:
    """It may come back: nothing is raised, and its coming back is a change."""
    directory = Directory(tmp_path / "nowhere")
    assert directory.look() == frozenset()
    with pytest.raises(PolicyInvalid, match="no such directory"):
        directory.load()
    write(tmp_path / "nowhere")
    assert directory.look() != directory.seen
