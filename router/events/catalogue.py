"""
The topics as `topics/*.yaml` describes them: key, partitions, retention, who writes, who reads.

The same files make the topics on a broker, so nothing here repeats a number.
An installed router carries them along; in a checkout they stand beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

import router
from router.errors import BadInput
from router.events import TOPICS

Process = Literal["outside", "gateway", "worker", "notifier", "watchdog", "rebuild"]
"""Who writes or reads a topic: `outside` is other people's software, the rest are commands of the router."""

FOLDERS_BESIDE: Final = ("schemas", "examples")
_RETENTION: Final = re.compile(r"([1-9][0-9]*)(d|h)")
_UNITS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1)}


def _retention(value: object) -> timedelta:
    match = _RETENTION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a whole number of days or hours, like 30d")
    return int(match[1]) * _UNITS[match[2]]


Sentence = Annotated[str, StringConstraints(min_length=10, strip_whitespace=True)]


class _Closed(BaseModel):
    """A key that is not known here is a slip of the pen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class EventType(_Closed):
    """One type of event on a topic: the file of its JSON Schema and the names of its examples."""

    schema_file: Annotated[str, Field(alias="schema")]
    examples: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class Topic(_Closed):
    """One topic; `name` is without `ROUTER_TOPIC_PREFIX`."""

    name: str
    description: Sentence
    direction: Annotated[tuple[Literal["in", "out"], ...], Field(strict=False, min_length=1)]
    """From the router's side: `in` is read by its pipeline, `out` is written by it."""
    key: str | None
    """What the router uses as key, in words; none where it writes nothing or any key will do."""
    partitions: Annotated[int, Field(ge=1)]
    cleanup: Literal["delete", "compact"]
    retention: Annotated[timedelta, BeforeValidator(_retention)]
    max_message_bytes: Annotated[int, Field(ge=1024)]
    producers: Annotated[tuple[Process, ...], Field(strict=False, min_length=1)]
    consumers: Annotated[tuple[Process, ...], Field(strict=False, min_length=1)]
    personal_data: bool
    types: Mapping[str, EventType]

    @property
    def retention_ms(self) -> int:
        """The retention as a broker's `retention.ms`."""
        return self.retention // timedelta(milliseconds=1)


def folder() -> Path:
    """Return the folder of the topics' files: inside an installed package, else the checkout's `topics/`."""
    package = Path(router.__file__).parent
    installed = package / "_data" / "topics"
    return installed if installed.is_dir() else package.parent / "topics"


@cache
def catalogue() -> Mapping[str, Topic]:
    """Return every topic of the contract by its short name, in the contract's order."""
    return MappingProxyType({name: read_topic(folder() / f"{name}.yaml") for name in TOPICS})


def read_topic(path: Path) -> Topic:
    """Return the topic that one file describes; raises `BadInput` naming the file and each wrong key."""
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: is missing; it describes a topic that the router needs: install it again") from None
    except YAMLError as error:
        raise BadInput(f"{path}: is no YAML: {error}") from None
    if not isinstance(content, dict):
        raise BadInput(f"{path}: must be a mapping; see the other files of the folder")
    try:
        return Topic.model_validate({**content, "name": path.stem})
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
        raise BadInput(f"{path}: {'; '.join(problems)}") from None
