"""
A configuration's directory, looked at again and again to see whether it has changed since it was last read.

By the status of its files, not by the kernel's notices: those follow a directory's inode, so they miss a directory
that is a symbolic link and is pointed elsewhere, and files on a network. A look costs some 30 µs.
"""

from __future__ import annotations

from pathlib import Path

from router.policy.load import Loaded, load_policy

Look = frozenset[tuple[str, int, int, int, int]]
"""What the files look like from outside: name, inode, size, and when content and status were last changed."""


class Directory:
    """The directory that a worker was given."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: Look = frozenset()
        self._dataset: str | None = None

    def load(self) -> Loaded:
        """Read and check it. Raises `PolicyInvalid`. What changes from this moment on is a change."""
        self.seen = self.look()
        loaded = load_policy(self.path)
        enrichment = loaded.policy.enrichment
        self._dataset = enrichment.dataset_name if enrichment else None
        if self._dataset is not None and (status := _status(self.path / self._dataset)) is not None:
            self.seen |= {(self._dataset, *status)}
        return loaded

    def look(self) -> Look:
        """
        Return what it looks like now; a directory that is not there looks empty.

        Hidden files are an editor's or Kubernetes' own. Links are followed: what they lead to counts. Files in
        folders are not looked at but for the dataset; a folder itself changes when something is put in it.
        """
        try:
            names = {entry.name for entry in self.path.iterdir() if not entry.name.startswith(".")}
        except OSError:
            names = set()
        if self._dataset is not None:
            names.add(self._dataset)
        found = ((name, _status(self.path / name)) for name in names)
        return frozenset((name, *status) for name, status in found if status is not None)


def _status(path: Path) -> tuple[int, int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
