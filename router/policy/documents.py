"""
Reads a directory of YAML files into plain values that remember where they stood.

YAML is read as 1.2, so `no`, `on` and dates stay text. Every file is bounded in
size and in what its aliases may unfold to. What the values mean is for
`router.policy.shapes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from router.policy.problems import Findings, Problem, did_you_mean

Path_ = tuple[str | int, ...]
"""Keys and indices from the top: `("fit", "rules", 0, "when")`."""

MAX_BYTES = 4 * 1024 * 1024
MAX_VALUES = 400_000
_MAX_DIGITS = 18  # what fits in 64 bits, whatever the digits are

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]{1,3})?\Z")
_PREFIX = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key or value stands; lines count from 1."""

    file: str
    line: int


@dataclass(slots=True)
class Document:
    """The values of one or more files, with the place of each."""

    values: dict[str, object] = field(default_factory=dict)
    places: dict[Path_, Place] = field(default_factory=dict)
    fallback: Place = field(default_factory=lambda: Place("configuration", 0))

    def place(self, path: Path_) -> Place:
        """Return where *path* stands, or the nearest thing around it that stands somewhere."""
        for end in range(len(path), 0, -1):
            if (found := self.places.get(path[:end])) is not None:
                return found
        return self.fallback

    def problem(self, path: Path_, message: str, suggestion: str | None = None) -> Problem:
        """Return a problem at *path*."""
        place = self.place(path)
        return Problem(place.file, place.line, message, suggestion)


def read_text(path: Path, shown: str, findings: Findings) -> str | None:
    """Return the text of a file, or None with the reason in *findings*."""
    try:
        if path.stat().st_size > MAX_BYTES:
            findings.errors.append(
                Problem(shown, 0, f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB", "split it"),
            )
            return None
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = path.read_bytes()[: exc.start].count(b"\n") + 1
        findings.errors.append(Problem(shown, line, "the text is not UTF-8", "save the file as UTF-8"))
    except OSError as exc:
        findings.errors.append(Problem(shown, 0, f"cannot be read: {exc.strerror}", "check path and permissions"))
    return None


def read_yaml(path: Path, shown: str, findings: Findings) -> tuple[object, dict[Path_, Place]] | None:
    """Return a file's value and its places; None where it is empty or cannot be read, which *findings* then tells."""
    text = read_text(path, shown, findings)
    if text is None:
        return None
    try:
        # ruamel.yaml's own signature is untyped
        node: Node | None = YAML(typ="safe", pure=True).compose(text)
        if node is None:
            findings.warnings.append(Problem(shown, 0, "the file is empty", "fill it or remove it"))
            return None
        reader = _Reader(shown, findings)
        return reader.value(node, ()), reader.places
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark is not None else 0
        told = " ".join(str(exc.problem or exc.context or "cannot be parsed").split())
        findings.errors.append(Problem(shown, line, f"not valid YAML: {told}", _hint(told)))
    except YAMLError as exc:
        told = str(exc).strip().splitlines()[0] if str(exc).strip() else "cannot be parsed"
        findings.errors.append(Problem(shown, 0, f"not valid YAML: {told}", "remove what is not printable text"))
    except RecursionError:
        findings.errors.append(Problem(shown, 0, "nested too deeply", "a policy needs about six levels"))
    except _TooMuch as exc:
        findings.errors.append(Problem(shown, exc.line, str(exc), "write the values out, or use fewer aliases"))
    except (ValueError, TypeError, AttributeError, IndexError, KeyError, AssertionError) as exc:
        # ruamel.yaml's scanner leaks such errors on some malformed text instead of its own
        findings.errors.append(Problem(shown, 0, f"not valid YAML: {type(exc).__name__}", "check quotes and brackets"))
    return None


def read_directory(directory: Path, known: Sequence[str], findings: Findings) -> Document:
    """Read every YAML file of *directory* into one document whose top-level keys are *known*, each in one file only."""
    document = Document(fallback=Place(str(directory), 0))
    if not directory.is_dir():
        what = "not a directory" if directory.exists() else "no such directory"
        findings.errors.append(Problem(str(directory), 0, what, "give the folder that holds the policy's YAML files"))
        return document
    try:
        files = sorted(p for p in directory.iterdir() if p.suffix in {".yaml", ".yml"} and p.is_file())
    except OSError as exc:
        told = f"cannot be read: {exc.strerror}"
        findings.errors.append(Problem(str(directory), 0, told, "check the folder's permissions"))
        return document
    if not files:
        findings.errors.append(Problem(str(directory), 0, "no YAML file here", "a policy starts with routes.yaml"))
    for path in files:
        shown = str(path)
        if (read := read_yaml(path, shown, findings)) is None:
            continue
        value, places = read
        if not isinstance(value, dict):
            findings.errors.append(
                Problem(shown, 1, "the file must hold keys and values", f"start with one of {', '.join(known)}"),
            )
            continue
        _merge(document, value, places, known, findings)
    for at in list(_empty(document.values, ())):
        findings.errors.append(document.problem(at, f"{at[-1]!r} has no value", "give it one, or remove it"))
        _remove(document.values, at)
    return document


def _empty(value: object, path: Path_) -> Iterator[Path_]:
    """Yield the paths of what is null: in a policy that is a forgotten value, which must not turn a limit off."""
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from _empty(below, (*path, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _empty(below, (*path, index))


def _remove(values: Any, path: Path_) -> None:  # noqa: ANN401 - dicts and lists by turns
    for part in path[:-1]:
        values = values[part]
    if isinstance(values, dict):
        del values[path[-1]]
    else:
        values[path[-1]] = ""


def _merge(
    document: Document,
    value: dict[str, object],
    places: dict[Path_, Place],
    known: Sequence[str],
    findings: Findings,
) -> None:
    refused = set()
    for key in value:
        here = places[(key,)]
        if key not in known:
            findings.errors.append(
                Problem(here.file, here.line, f"unknown section {key!r}", did_you_mean(key, known)),
            )
            refused.add(key)
        elif key in document.values:
            first = document.places[(key,)]
            findings.errors.append(
                Problem(
                    here.file,
                    here.line,
                    f"section {key!r} stands in {first.file}:{first.line} already",
                    "keep each section in one file",
                ),
            )
            refused.add(key)
    document.places.update({path: place for path, place in places.items() if path and path[0] not in refused})
    document.values.update({key: part for key, part in value.items() if key not in refused})


class _TooMuch(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Reader:
    """Turns the node graph of one file into values, and finds what YAML lets pass."""

    def __init__(self, file: str, findings: Findings) -> None:
        self.file = file
        self.findings = findings
        self.places: dict[Path_, Place] = {}
        self._inside: set[int] = set()
        self._count = 0

    def value(self, node: Node, path: Path_) -> object:
        line = node.start_mark.line + 1
        self.places.setdefault(path, Place(self.file, line))
        self._count += 1
        if self._count > MAX_VALUES:
            message = f"more than {MAX_VALUES} values"
            raise _TooMuch(message, line)
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if id(node) in self._inside:
            message = "an alias stands inside what it names"
            raise _TooMuch(message, line)
        self._inside.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._mapping(node, path) if isinstance(node, MappingNode) else None
        finally:
            self._inside.discard(id(node))

    def _mapping(self, node: MappingNode, path: Path_) -> dict[str, object]:
        found: dict[str, object] = {}
        merged: list[Node] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if str(key_node.tag) == _PREFIX + "merge":
                merged += value_node.value if isinstance(value_node, SequenceNode) else [value_node]
                continue
            if not isinstance(key_node, ScalarNode):
                self._error(line, "a key must be plain text", "write `key: value`")
                continue
            key = str(key_node.value)
            if key in found:
                first = self.places[(*path, key)].line
                self._error(line, f"key {key!r} stands twice here (first in line {first})", "remove one of them")
                continue
            self.places[(*path, key)] = Place(self.file, line)
            found[key] = self.value(value_node, (*path, key))
        for source in merged:
            inherited = self.value(source, (*path, "<<"))
            if not isinstance(inherited, dict):
                self._error(source.start_mark.line + 1, "`<<` takes a mapping", "name an anchor of keys and values")
                continue
            for key, value in inherited.items():
                found.setdefault(key, value)
        return found

    def _scalar(self, node: ScalarNode) -> object:
        text, tag = str(node.value), str(node.tag)
        kind = tag.removeprefix(_PREFIX)
        line = node.start_mark.line + 1
        if not tag.startswith(_PREFIX) or kind not in {"str", "int", "float", "bool", "null", "timestamp"}:
            self._error(line, f"the tag {tag.rpartition(':')[2]!r} is not allowed here", "remove it")
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in {"true", "false"}:
            return text.lower() == "true"
        if kind == "int" and _INT.match(text):
            if len(text.lstrip("+-")) > _MAX_DIGITS:
                self._error(line, "the number is too large", f"at most {_MAX_DIGITS} digits")
                return 0
            return int(text)
        if kind == "float" and _FLOAT.match(text):
            return float(text)
        return text  # dates, 1.1 words like `no`, and odd numbers stay what was written

    def _error(self, line: int, message: str, suggestion: str) -> None:
        self.findings.errors.append(Problem(self.file, line, message, suggestion))


def _hint(told: str) -> str:
    if "\\t" in told or "'\t'" in told:
        return "indent with blanks"
    if "another document" in told:
        return "keep one document in a file"
    if "alias" in told:
        return "define the anchor before its use"
    return "check quotes, brackets and indentation near this line"
