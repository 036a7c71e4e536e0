"""
The AsyncAPI document: every reference leads somewhere, and its parts have the form that AsyncAPI 3.0 asks for.

The official schema (npm `@asyncapi/specs`, 3.0.0) and parser accept the
document too; they are not fetched here, so this checks the same by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from router.events import TOPIC_OF_TYPE, TOPICS
from router.events.catalogue import catalogue

FOLDER = Path(__file__).resolve().parents[2] / "topics"

STRUCTURE: Mapping[str, Any] = {
    "type": "object",
    "required": ["asyncapi", "info"],
    "additionalProperties": False,
    "properties": {
        "asyncapi": {"const": "3.0.0"},
        "id": {"type": "string", "format": "uri"},
        "defaultContentType": {"const": "application/json"},
        "info": {
            "type": "object",
            "required": ["title", "version"],
            "additionalProperties": False,
            "properties": {
                "title": {"type": "string"},
                "version": {"type": "string"},
                "description": {"type": "string"},
                "license": {
                    "type": "object",
                    "required": ["name"],
                    "additionalProperties": False,
                    "properties": {"name": {"type": "string"}, "url": {"type": "string"}},
                },
            },
        },
        "channels": {
            "additionalProperties": {
                "required": ["address", "messages"],
                "additionalProperties": False,
                "properties": {
                    "address": {"type": "string"},
                    "description": {"type": "string"},
                    "parameters": {
                        "propertyNames": {"pattern": r"^[\w.-]+$"},
                        "additionalProperties": {
                            "additionalProperties": False,
                            "properties": {"description": {"type": "string"}, "default": {"type": "string"}},
                        },
                    },
                    "messages": {"additionalProperties": {"$ref": "#/definitions/reference"}},
                    "bindings": {
                        "required": ["kafka"],
                        "additionalProperties": False,
                        "properties": {
                            "kafka": {
                                "required": ["partitions", "topicConfiguration", "bindingVersion"],
                                "additionalProperties": False,
                                "properties": {
                                    "partitions": {"type": "integer", "minimum": 1},
                                    "bindingVersion": {"const": "0.5.0"},
                                    "topicConfiguration": {
                                        "additionalProperties": False,
                                        "properties": {
                                            "cleanup.policy": {"items": {"enum": ["delete", "compact"]}},
                                            "retention.ms": {"type": "integer"},
                                            "max.message.bytes": {"type": "integer"},
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "x-personal-data": {"type": "boolean"},
                },
            }
        },
        "operations": {
            "additionalProperties": {
                "required": ["action", "channel", "messages"],
                "additionalProperties": False,
                "properties": {
                    "action": {"enum": ["send", "receive"]},
                    "channel": {"$ref": "#/definitions/reference"},
                    "messages": {"items": {"$ref": "#/definitions/reference"}},
                },
            }
        },
        "components": {
            "additionalProperties": False,
            "properties": {
                "schemas": {"propertyNames": {"pattern": r"^[\w.-]+$"}},
                "messages": {
                    "propertyNames": {"pattern": r"^[\w.-]+$"},
                    "additionalProperties": {
                        "required": ["name", "payload", "headers"],
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string"},
                            "summary": {"type": "string"},
                            "contentType": {"const": "application/json"},
                            "headers": {"type": "object"},
                            "payload": {"$ref": "#/definitions/reference"},
                            "bindings": {"required": ["kafka"]},
                            "examples": {
                                "items": {
                                    "required": ["payload"],
                                    "additionalProperties": False,
                                    "properties": {"name": {"type": "string"}, "payload": {"type": "object"}},
                                }
                            },
                        },
                    },
                },
            },
        },
    },
    "definitions": {
        "reference": {
            "required": ["$ref"],
            "additionalProperties": False,
            "properties": {"$ref": {"type": "string"}},
        }
    },
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Return the committed document."""
    content: dict[str, Any] = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text("utf-8"))
    return content


def references(node: object) -> Iterator[str]:
    """Yield every `$ref` below *node*."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(document: object, reference: str) -> object:
    """Return what a reference of the document leads to."""
    file, _, pointer = reference.partition("#")
    node: Any = json.loads((FOLDER / file).read_text("utf-8")) if file else document
    for part in pointer.split("/")[1:]:
        node = node[part]
    found: object = node
    return found


def test_the_document_has_the_form_of_asyncapi(document: dict[str, Any]) -> None:
    """Every object has the members that AsyncAPI 3.0 requires and none that it does not know."""
    Draft7Validator.check_schema(STRUCTURE)
    errors = [f"{error.json_path}: {error.message}" for error in Draft7Validator(STRUCTURE).iter_errors(document)]
    assert errors == []


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """No reference dangles, inside the document or to the schemas beside it."""
    found = set(references(document))
    assert len(found) > 2 * len(TOPIC_OF_TYPE)
    for reference in found:
        assert isinstance(resolve(document, reference), dict), reference


def test_every_topic_is_a_channel_with_its_operations(document: dict[str, Any]) -> None:
    """What comes in is received and what goes out is sent, each with all types of its topic."""
    assert list(document["channels"]) == list(TOPICS)
    actions = {"in": "receive", "out": "send"}
    expected = {f"{actions[way]}-{topic.name}" for topic in catalogue().values() for way in topic.direction}
    assert set(document["operations"]) == expected
    for operation in document["operations"].values():
        channel = resolve(document, operation["channel"]["$ref"])
        assert isinstance(channel, dict)
        assert len(operation["messages"]) == len(channel["messages"])
    for name, channel in document["channels"].items():
        assert list(channel["messages"]) == list(TOPICS[name])
        assert re.findall(r"{(\w+)}", channel["address"]) == list(channel["parameters"])


def test_examples_fit_payload_and_headers_fit_the_envelope(document: dict[str, Any]) -> None:
    """Each message's example is valid under its payload, and its headers name its own type."""
    for ce_type, message in document["components"]["messages"].items():
        payload = resolve(document, message["payload"]["$ref"])
        assert isinstance(payload, dict)
        Draft7Validator.check_schema(payload)  # tools read payloads in AsyncAPI's dialect, which extends draft 7
        Draft7Validator(payload).validate(message["examples"][0]["payload"])
        assert message["headers"]["allOf"][1] == {"properties": {"ce_type": {"const": ce_type}}}
