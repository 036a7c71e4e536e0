"""Secrets of sources: the configuration names them, the environment holds them, or a file that `NAME_FILE` names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from router.errors import RouterError


class SecretMissing(RouterError):
    """A variable that the configuration names gives nothing; the message says which one and what to do."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where secrets are looked up: once for each request, so that a file may be changed while the router runs."""

    given: Mapping[str, str | None]

    def secret(self, name: str) -> str:
        """Return the secret that *name* stands for; raises `SecretMissing`."""
        if value := (self.given.get(name) or "").strip():
            return value
        path = self.given.get(f"{name}_FILE")
        if not path:
            raise SecretMissing(f"{name}: not set. Set it, or {name}_FILE to a file that holds it.")
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretMissing(f"{name}_FILE: cannot read {path} ({type(error).__name__}).") from None
        if not value:
            raise SecretMissing(f"{name}_FILE: {path} is empty.")
        return value


def environment(dotenv: Path = Path(".env")) -> Environment:
    """Return the environment of this process; where it is silent, what stands in *dotenv*."""
    return Environment({**(dotenv_values(dotenv) if dotenv.is_file() else {}), **os.environ})
