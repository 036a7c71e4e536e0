"""
Writes what can be said of the topics from what is said already: schemas, AsyncAPI document, reference page.

`python -m router.events.schemas` writes them anew in a checkout; with `--check`
it only tells which are not what they would be. Nothing here runs in production.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from ruamel.yaml import YAML

from router.errors import BadInput
from router.events import TOPICS
from router.events.asyncapi import document
from router.events.base import EventData
from router.events.catalogue import catalogue, folder
from router.events.reference import page

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class _Schema(GenerateJsonSchema):
    """JSON Schema without a title on every field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's signature
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Keep a docstring's paragraphs and forget where the source breaks its lines."""
        made = super().model_schema(schema)
        if text := made.get("description"):
            made["description"] = "\n".join(" ".join(part.split()) for part in text.split("\n\n"))
        return made


def schema(ce_type: str, model: type[EventData]) -> dict[str, Any]:
    """Return the JSON Schema of one type's data; further fields are allowed, as producers may run ahead."""
    made = model.model_json_schema(schema_generator=_Schema, mode="validation")
    return {"$schema": DIALECT, "$id": f"urn:speed-to-lead-router:{ce_type}", **made}


def rendered() -> Mapping[str, str]:
    """Return every generated file: its path from the root of the checkout, and its text."""
    topics = catalogue()
    schemas = {ce_type: schema(ce_type, model) for types in TOPICS.values() for ce_type, model in types.items()}
    files = {f"topics/schemas/{ce_type}.json": _json(content) for ce_type, content in schemas.items()}
    files["topics/asyncapi.yaml"] = _yaml(document(topics, schemas))
    files["docs/reference/topics.md"] = page(topics, schemas)
    return files


def stale(root: Path) -> Sequence[str]:
    """Return the generated files under *root* that are missing, different or generated no more."""
    files = rendered()
    differing = [
        path for path, text in files.items() if not (root / path).is_file() or (root / path).read_text("utf-8") != text
    ]
    found = (f"topics/schemas/{path.name}" for path in (root / "topics" / "schemas").iterdir())
    return sorted([*differing, *(path for path in found if path not in files)])


def write(root: Path) -> Sequence[str]:
    """Bring the generated files under *root* up to date and return those that changed."""
    changed = stale(root)
    files = rendered()
    for path in changed:
        target = root / path
        if path in files:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(files[path], "utf-8")
        else:
            target.unlink()
    return changed


def main(arguments: Sequence[str]) -> int:
    """Write, or with `--check` compare, and return the exit code."""
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m router.events.schemas [--check]", file=sys.stderr)  # noqa: T201 - a command
        return 2
    root = folder().parent
    try:
        paths = stale(root) if arguments else write(root)
    except BadInput as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command
        return 1
    for path in paths:
        print(f"{path}: is not what the models say; run `make topics`" if arguments else path)  # noqa: T201 - a command
    return 1 if arguments and paths else 0


def _json(content: Mapping[str, Any]) -> str:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _yaml(content: Mapping[str, Any]) -> str:
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 110
    text = StringIO()
    text.write("# Written by `make topics` from topics/*.yaml and the event models; changes here are lost.\n")
    yaml.dump(content, text)
    # A folded line may end in the blank that the fold stands for; yamllint rejects it and no reader needs it.
    return "\n".join(line.rstrip() for line in text.getvalue().split("\n"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
