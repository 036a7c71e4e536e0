"""
The values that expressions see: for one lead, only those that some expression names.

Turning Python values into CEL's costs a hundred times as much as evaluating a rule,
so it is put off until a rule asks for it; what is decided later (`fit`, `stage`, a
rep) is added root by root.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from numbers import Real
from typing import Any, Self

import cel

_INT64 = 2**63
_AS_IS = frozenset({bool, datetime})
_LEAVES = frozenset({bool, int, float})
_LONGEST = 100  # characters; longer text is somebody's own words and does not come again

Path = tuple[str, ...]


class Gap:
    """Stands for a value that is not known: on the way to it, `depth` steps are there."""

    __slots__ = ("depth",)

    def __init__(self, depth: int) -> None:
        """Remember how far the way went."""
        self.depth = depth


_GAPS = tuple(Gap(depth) for depth in range(16))


class _Tree(dict[str, "_Tree"]):
    """The wanted paths by their steps; an empty tree wants the whole value."""


class Scope:
    """
    What is known of one lead, as far as *wanted_paths* name it.

    None, at any depth, is "not known". Not to be shared between threads.

    >>> scope = Scope({"company": {"employees": 50, "name": None}}, frozenset({"company.employees", "company.name"}))
    >>> scope.knows(("company", "employees")), scope.knows(("company", "name"))
    (True, False)
    """

    __slots__ = ("_exact", "_floating", "_known", "_wanted")

    def __init__(self, values: Mapping[str, object], wanted_paths: frozenset[str]) -> None:
        """Take from *values* (root to its value) what is wanted."""
        self._wanted = _tree(wanted_paths)
        self._known: dict[str, object] = {}
        for root, below in self._wanted.items():
            value = _pick(values.get(root), below)
            if value is not None:
                self._known[root] = value
        self._exact: cel.Context | None = None
        self._floating: cel.Context | None = None

    @classmethod
    def of(cls, paths: Sequence[Path], leaves: Sequence[object]) -> Self:
        """Return a scope of just these *leaves*, as another one gave them out at *paths*."""
        scope = cls({}, frozenset())
        for path, leaf in zip(paths, leaves, strict=True):
            level: dict[str, Any] = scope._known
            for step in path[: leaf.depth] if isinstance(leaf, Gap) else path[:-1]:
                level = level.setdefault(step, {})
            if not isinstance(leaf, Gap):
                level[path[-1]] = leaf
        return scope

    def leaves(self, paths: Sequence[Path]) -> list[object] | None:
        """Return what stands at *paths*, or None where that is not all short and simple values."""
        found: list[object] = []
        for path in paths:
            value: Any = self._known
            for depth, step in enumerate(path):
                if type(value) is not dict:
                    return None
                if step not in value:
                    found.append(_GAPS[depth])
                    break
                value = value[step]
            else:
                if type(value) not in _LEAVES and (type(value) is not str or len(value) > _LONGEST):
                    return None
                found.append(value)
        return found

    def add(self, root: str, value: object) -> None:
        """Set or replace one root; None takes it away. A root that no wanted path names is passed over."""
        below = self._wanted.get(root)
        if below is None:
            return
        picked = _pick(value, below)
        self._floating = None
        if picked is not None:
            self._known[root] = picked
            if self._exact is not None:
                self._exact.add_variable(root, picked)
        elif self._known.pop(root, None) is not None:
            self._exact = None

    def knows(self, path: tuple[str, ...]) -> bool:
        """Return whether there is a value at *path*."""
        value: object = self._known
        for step in path:
            if not isinstance(value, dict) or step not in value:
                return False
            value = value[step]
        return True

    def exact(self) -> cel.Context:
        """Return the values as they are; made when first asked for."""
        if self._exact is None:
            self._exact = cel.Context(self._known)
        return self._exact

    def floating(self) -> cel.Context:
        """Return the values with every number as a floating one, for arithmetic; made when first asked for."""
        if self._floating is None:
            self._floating = cel.Context({root: _floated(value) for root, value in self._known.items()})
        return self._floating


@lru_cache(maxsize=64)
def _tree(paths: frozenset[str]) -> _Tree:
    tree = _Tree()
    for path in sorted(paths, key=lambda path: path.split(".")):  # a container before what is in it
        level = tree
        *above, last = path.split(".")
        for step in above:
            if step in level and not level[step]:
                break  # all of it is wanted already
            level = level.setdefault(step, _Tree())
        else:
            level[last] = _Tree()
    return tree


def _pick(value: object, wanted: _Tree) -> object:
    """Return what is wanted of *value*: containers stay, empty where nothing is known, so that `has()` can ask."""
    if not wanted:
        return _plain(value)
    source = value if type(value) is dict or isinstance(value, Mapping) else {}  # a look at the type costs far less
    picked = {}
    for name, below in wanted.items():
        found = _pick(source.get(name), below)
        if found is not None:
            picked[name] = found
    return picked


def _plain(value: object) -> object:
    """Return a value that CEL knows; None where it says nothing."""
    kind = type(value)
    if value is None or kind in _AS_IS or (kind is str and value.isascii()):  # type: ignore[attr-defined]  # is text
        return value
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return value
    if isinstance(value, Real | Decimal):
        return _number(float(value))
    if isinstance(value, dict | Mapping):
        return {str(name): plain for name, item in value.items() if (plain := _plain(item)) is not None}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain for item in value if (plain := _plain(item)) is not None]
    text = str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _number(number: float) -> float | None:
    """Return 50.0 as 50, so that a rule does not hang on how a dataset writes it; None for what is no number."""
    if not isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < _INT64 else number


def _floated(value: object) -> object:
    if isinstance(value, dict):
        return {name: _floated(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_floated(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
