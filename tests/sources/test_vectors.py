"""The signature vectors that the platforms publish in their own libraries' tests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from router.adapters.sources import PLATFORMS
from router.adapters.sources.delivery import Delivery, Key, SignatureRefused
from tests.sources.senders import NOW, URL

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "signature_vectors.json").read_text("utf-8"))
KINDS = {"hubspot_v1": "hubspot", "hubspot_v2": "hubspot", "hubspot_v3": "hubspot"}


def accepted(vector: dict[str, Any], **changed: str) -> bool:
    """Return whether the adapter takes the vector's request."""
    vector = {**vector, **changed}
    delivery = Delivery(
        vector["method"] or "POST",
        vector["url"] or URL,
        {name.lower(): value for name, value in vector["headers"].items()},
        vector["body"].encode(),
        datetime.fromtimestamp(vector["now"], UTC) if vector["now"] else NOW,
    )
    provider = vector["provider"]
    try:
        PLATFORMS[KINDS.get(provider, provider)].verify(delivery, Key(vector["secret"]))
    except SignatureRefused:
        return False
    return True


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['provider']}: {vector['source'][:20]}")
def test_published_vectors_hold(vector: dict[str, Any]) -> None:
    """What the platform's own library takes is taken, and what it refuses is refused."""
    assert accepted(vector) == vector["expect_valid"]


@pytest.mark.parametrize("vector", [one for one in VECTORS if one["expect_valid"]], ids=lambda one: one["provider"])
def test_each_vector_stands_for_its_body_and_secret_alone(vector: dict[str, Any]) -> None:
    """The same signature proves no other body, and none with another secret."""
    other = f"{vector['secret'][:-1]}{'x' if vector['secret'][-1] != 'x' else 'y'}"

    assert not accepted(vector, body=f"{vector['body']} ")
    assert not accepted(vector, secret=other)


@pytest.mark.parametrize(
    "vector", [one for one in VECTORS if one["url"] and one["expect_valid"]], ids=lambda one: one["provider"]
)
def test_hubspot_signs_the_address_too(vector: dict[str, Any]) -> None:
    """A request to one address proves nothing at another one."""
    assert not accepted(vector, url="https://www.example.com/another")
    assert not accepted(vector, method="PUT")
