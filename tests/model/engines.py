"""Both engines of the ledger side by side: each verb goes to the model and to Valkey, and must give the same facts."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import orjson
import redis

from router.adapters.redis.functions import library
from router.domain.ledger.facts import Answer
from router.domain.ledger.model import apply
from router.domain.ledger.state import Ledger
from router.domain.ledger.verbs import Verb


def load(client: redis.Redis) -> str:
    """Load the ledger's library and return its function's name."""
    name, source = library()
    client.function_load(source, replace=True)
    return name


@dataclass
class Twins:
    """The model and its twin in Valkey, in one workspace."""

    client: redis.Redis
    function: str
    workspace: str
    model: Ledger = field(default_factory=Ledger)
    history: list[dict[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.prefix = f"{{{self.workspace}}}:"
        self.client.set(self.prefix + "epoch", "test")

    def apply(self, verb: Verb, now: int) -> Answer:
        """Apply *verb* to both at *now* and compare what they answer."""
        answer = apply(self.model, copy.deepcopy(verb), now)
        [row] = self.client.fcall(self.function, 1, self.prefix, str(now), "test", orjson.dumps(verb))
        code, facts, decision, _, message = row
        assert code.decode() == answer.code, message
        expected = orjson.loads(orjson.dumps(answer.facts))
        assert orjson.loads(facts) == expected, (verb, now)
        assert decision.decode() == answer.decision
        self.history += expected
        return answer
