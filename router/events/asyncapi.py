"""
The AsyncAPI 3.0 document of all topics, from the router's point of view: what it receives, what it sends.

Payloads are references to the JSON Schemas beside the document, which keep to
what AsyncAPI's own schema dialect reads as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from router.events.catalogue import Topic, folder

CONTRACT_VERSION: Final = "1.0.0"
_BINDING_VERSION: Final = "0.5.0"
_ACTIONS: Final = {"in": "receive", "out": "send"}

_ATTRIBUTES: Final[Mapping[str, Mapping[str, str]]] = {
    "ce_specversion": {"type": "string", "const": "1.0"},
    "ce_id": {
        "type": "string",
        "description": "The same fact published again carries the same id, so that a repeat can be told.",
    },
    "ce_source": {"type": "string", "description": "`/router/<workspace>` on what the router sends."},
    "ce_type": {"type": "string"},
    "ce_time": {"type": "string", "format": "date-time"},
    "ce_subject": {"type": "string", "description": "What the event is about: mostly the lead."},
    "content-type": {"type": "string", "const": "application/json"},
    "traceparent": {"type": "string", "description": "W3C trace context, passed on when one came in."},
}
_ALWAYS_SENT: Final = tuple(name for name in _ATTRIBUTES if name != "traceparent")


def document(topics: Mapping[str, Topic], schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the document of *topics*; *schemas* are those of all types."""
    types = {ce_type: topic for topic in topics.values() for ce_type in topic.types}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:speed-to-lead-router",
        "info": {
            "title": "speed-to-lead router",
            "version": CONTRACT_VERSION,
            "description": "Every event is a CloudEvents 1.0 event on Kafka. Sent in binary mode; received in binary "
            "mode, in structured mode (application/cloudevents+json) and as bare JSON data.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(topic) for name, topic in topics.items()},
        "operations": {
            f"{_ACTIONS[direction]}-{topic.name}": _operation(topic, _ACTIONS[direction])
            for topic in topics.values()
            for direction in topic.direction
        },
        "components": {
            "schemas": {
                "received-headers": {"type": "object", "properties": _copy(_ATTRIBUTES)},
                "sent-headers": {
                    "type": "object",
                    "required": list(_ALWAYS_SENT),
                    "properties": _copy(_ATTRIBUTES),
                },
            },
            "messages": {ce_type: _message(ce_type, topic, schemas[ce_type]) for ce_type, topic in types.items()},
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": f"{{prefix}}{topic.name}",
        "description": topic.description,
        "parameters": {"prefix": {"description": "ROUTER_TOPIC_PREFIX", "default": ""}},
        "messages": {ce_type: {"$ref": f"#/components/messages/{ce_type}"} for ce_type in topic.types},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": [topic.cleanup],
                    "retention.ms": topic.retention_ms,
                    "max.message.bytes": topic.max_message_bytes,
                },
                "bindingVersion": _BINDING_VERSION,
            }
        },
        "x-personal-data": topic.personal_data,
    }


def _operation(topic: Topic, action: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{ce_type}"} for ce_type in topic.types],
    }


def _message(ce_type: str, topic: Topic, schema: Mapping[str, Any]) -> dict[str, Any]:
    headers = "received-headers" if "in" in topic.direction else "sent-headers"
    example = topic.types[ce_type].examples[0]
    key = {"type": "string", "description": topic.key} if topic.key else {"type": ["string", "null"]}
    return {
        "name": ce_type,
        "summary": schema["description"].partition("\n")[0],
        "contentType": "application/json",
        "headers": {
            "allOf": [
                {"$ref": f"#/components/schemas/{headers}"},
                {"properties": {"ce_type": {"const": ce_type}}},
            ]
        },
        "payload": {"$ref": f"./schemas/{topic.types[ce_type].schema_file}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": _BINDING_VERSION}},
        "examples": [{"name": example, "payload": _example(ce_type, example)}],
    }


def _example(ce_type: str, name: str) -> object:
    return orjson.loads((folder() / "examples" / ce_type / f"{name}.json").read_bytes())


def _copy(attributes: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {name: dict(attribute) for name, attribute in attributes.items()}
