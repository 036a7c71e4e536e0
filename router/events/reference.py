"""The reference page of the topics: one section a topic, one table a type, in the contract's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router.events.catalogue import Topic

Schema = Mapping[str, Any]

_HEAD = """\
# Topics

<!-- Written by `make topics` from topics/*.yaml and the event models; changes here are lost. -->

A topic's full name is `ROUTER_TOPIC_PREFIX` and the name below. `router topics create` makes what is missing,
`router topics check` tells what differs. The replication factor is the broker's default. JSON Schemas are in
`topics/schemas/`, examples in `topics/examples/`, an AsyncAPI document is `topics/asyncapi.yaml`.
"""


def page(topics: Mapping[str, Topic], schemas: Mapping[str, Schema]) -> str:
    """Return the page in Markdown; *schemas* are those of all types."""
    lines = [_HEAD.rstrip()]
    for topic in topics.values():
        lines += ["", *_topic(topic)]
        for ce_type in topic.types:
            lines += ["", *_type(ce_type, schemas[ce_type])]
    return "\n".join(lines) + "\n"


def _topic(topic: Topic) -> Iterator[str]:
    days = topic.retention.total_seconds() / 86_400
    yield f"### `{topic.name}`"
    yield ""
    yield topic.description
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield f"| direction | {', '.join(topic.direction)} |"
    yield f"| key | {topic.key or 'any'} |"
    yield f"| partitions | {topic.partitions} |"
    yield f"| cleanup, retention | {topic.cleanup}, {days:g} d |"
    yield f"| largest message | {topic.max_message_bytes // 1024} KiB |"
    yield f"| written by | {', '.join(topic.producers)} |"
    yield f"| read by | {', '.join(topic.consumers)} |"
    yield f"| personal data | {'yes' if topic.personal_data else 'no'} |"


def _type(ce_type: str, schema: Schema) -> Iterator[str]:
    yield f"#### `{ce_type}`"
    yield ""
    yield schema["description"].replace("\n", "\n\n")
    yield ""
    yield from _fields(schema)
    for name, nested in schema.get("$defs", {}).items():
        yield ""
        yield f"`{name}`: {nested['description']}"
        yield ""
        yield from _fields(nested)


def _fields(schema: Schema) -> Iterator[str]:
    required = schema.get("required", ())
    yield "| field | type | required | |"
    yield "|---|---|---|---|"
    for name, field in schema["properties"].items():
        mark = "yes" if name in required else ""
        yield f"| `{name}` | {_shape(field)} | {mark} | {field.get('description', '')} |"


def _shape(field: Schema) -> str:
    match field:
        case {"anyOf": choices}:
            shape = " or ".join(map(_shape, choices))
        case {"$ref": reference}:
            shape = f"`{reference.rpartition('/')[2]}`"
        case {"enum": words}:
            shape = " ".join(f"`{word}`" for word in words)
        case {"format": "date-time"}:
            shape = "time"
        case {"items": items}:
            shape = f"list of {_shape(items)}"
        case {"type": [*kinds]}:
            shape = " or ".join(kinds)
        case _:
            shape = str(field.get("type", "any"))
    return shape
