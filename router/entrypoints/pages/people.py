"""Who may sign in: the reps and managers of the policy in force. One address may be both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from router.adapters.redis.visitors import Kind
from router.domain.policy import Manager, Policy, Rep


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the configuration, as a rep, as a manager, or as both."""

    name: str
    email: str
    rep_id: str | None
    manager_id: str | None

    @property
    def key(self) -> tuple[Kind, str]:
        """What a session keeps."""
        return ("manager", self.manager_id) if self.manager_id is not None else ("rep", self.rep_id or "")

    @property
    def home(self) -> str:
        """The page to begin with."""
        return "/board" if self.manager_id is not None else "/leads"


def by_key(policy: Policy, kind: Kind, person: str) -> Person | None:
    """Return the person that a session speaks of; None for one who is no longer there."""
    found = policy.managers.get(person) if kind == "manager" else policy.reps.get(person)
    return None if found is None else _with(policy, found)


def by_address(policy: Policy, address: str) -> Person | None:
    """Return whose e-mail address this is, whatever its case."""
    wanted = address.strip().casefold()
    return next((_with(policy, each) for each in _all(policy) if each.email.casefold() == wanted), None)


def everybody(policy: Policy) -> tuple[Person, ...]:
    """Return all people, managers first, each once."""
    return tuple(dict.fromkeys(_with(policy, each) for each in _all(policy)))


def _all(policy: Policy) -> Iterator[Rep | Manager]:
    yield from policy.managers.values()
    yield from policy.reps.values()


def _with(policy: Policy, found: Rep | Manager) -> Person:
    address = found.email.casefold()
    rep_id = next((each.id for each in policy.reps.values() if each.email.casefold() == address), None)
    manager_id = next((each.id for each in policy.managers.values() if each.email.casefold() == address), None)
    return Person(found.name, found.email, rep_id, manager_id)
