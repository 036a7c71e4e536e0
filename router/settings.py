"""
The settings of a process: environment, or a `.env` file in the working directory.

One field a variable of the contract, with its default and the reason for it.
A secret may also come from a file named by `NAME_FILE`. What stands in the
policy files (`ROUTER_CONFIG`) is not here, and nothing here opens a connection.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, Field, HttpUrl, SecretStr, UrlConstraints, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import Url
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from rapidfuzz import fuzz, process

from router.errors import BadInput

PREFIX = "ROUTER_"
SHORTEST_SECRET = 32
WRITTEN_WITHIN = 1.0  # seconds
HIGHEST_PORT = 65535
SECRETS = frozenset({"secret", "identity_key", "redis_url", "kafka_sasl_password", "kafka_ssl_key_password"})
"""What may stand in a file that `NAME_FILE` names instead."""


def _matching(pattern: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"does not match {pattern}")
        return value

    return AfterValidator(check)


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < SHORTEST_SECRET:
        raise ValueError("shorter than 32 characters")
    return value


def _identity_key(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", value.get_secret_value()):
        raise ValueError("not 64 hexadecimal digits")
    return value


_HOST = r"(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)"


def _addresses(value: str) -> str:
    for one in value.split(","):
        ip_network(one.strip(), strict=False)
    return value


def _port(value: str) -> str:
    if int(value.rpartition(":")[2]) > HIGHEST_PORT:  # the C library would cut it down to another one
        raise ValueError(f"its port is above {HIGHEST_PORT}")
    return value


Addresses = Annotated[str, AfterValidator(_addresses)]
HostPorts = Annotated[str, _matching(rf"{_HOST}:\d{{1,5}}(?:,{_HOST}:\d{{1,5}})*")]
HostPort = Annotated[str, _matching(rf"{_HOST}:\d{{1,5}}"), AfterValidator(_port)]
Name = Annotated[str, _matching(r"[A-Za-z0-9._-]{1,64}")]
TopicPrefix = Annotated[str, _matching(r"[A-Za-z0-9._-]{0,150}")]
RedisUrl = Annotated[Url, UrlConstraints(allowed_schemes=["redis", "rediss", "unix"])]


class Settings(BaseSettings):
    """Every variable, its default and why; a description opens with what is accepted and is shown on a wrong value."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    kafka: HostPorts | None = Field(None, description="host:port[,host:port]; unset: the embedded log")
    redis_url: RedisUrl | None = Field(
        None,
        repr=False,
        description="redis://, rediss:// or unix:// URL; unset: the embedded Valkey under ROUTER_DATA_DIR",
    )
    data_dir: Path = Field(Path(".router"), description="a folder; .router keeps a trial inside the project's folder")
    config: Path = Field(Path("config"), description="the folder of policy files; config is where the shipped one is")
    workspace: Name = Field("default", description="1 to 64 of A-Z a-z 0-9 . _ -; one ledger each")
    topic_prefix: TopicPrefix = Field("", description="up to 150 of A-Z a-z 0-9 . _ -; empty: plain names")
    listen: HostPort = Field(
        "127.0.0.1:8080",
        description="host:port, a port of 0 to 65535; the default faces this machine only, on purpose",
    )
    metrics_listen: HostPort | None = Field(
        None,
        description="host:port, a port of 0 to 65535, of a worker's, notifier's or watchdog's metrics; unset: they are "
        "not shown",
    )
    trusted_proxies: Addresses = Field(
        "127.0.0.1,::1",
        description="addresses or networks, comma-separated, whose X-Forwarded-For and -Proto count; by default this "
        "machine, where a proxy often is",
    )
    public_url: HttpUrl | None = Field(None, description="an http(s) URL; unset: notifications carry no links")
    secret: Annotated[SecretStr, AfterValidator(_long_enough)] | None = Field(
        None, description="at least 32 characters; required with ROUTER_KAFKA (workers must agree), else made once"
    )
    identity_key: Annotated[SecretStr, AfterValidator(_identity_key)] | None = Field(
        None, description="64 hexadecimal digits; unset: derived from ROUTER_SECRET, so that one secret is enough"
    )
    allow_volatile_redis: bool = Field(
        default=False, description="true or false; false, since a Redis that forgets loses leads"
    )
    log_format: Literal["console", "json"] | None = Field(
        None, description="console or json; unset: console on a terminal, where a person reads, else json"
    )

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] | None = Field(
        None, description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; unset: PLAINTEXT, librdkafka's default"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; unset: no SASL"
    )
    kafka_sasl_username: str | None = Field(None, description="the SASL user; unset: no SASL")
    kafka_sasl_password: SecretStr | None = Field(None, description="the SASL password; unset: no SASL")
    kafka_ssl_ca_location: Path | None = Field(None, description="a PEM file; unset: the system's authorities")
    kafka_ssl_certificate_location: Path | None = Field(None, description="a PEM file; unset: no client certificate")
    kafka_ssl_key_location: Path | None = Field(None, description="a PEM file; unset: it is in the certificate's file")
    kafka_ssl_key_password: SecretStr | None = Field(None, description="the key's password; unset: the key has none")
    kafka_ssl_endpoint_identification_algorithm: Literal["https", "none"] | None = Field(
        None, description="https or none; unset: https, the broker's name must be the certificate's"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - settings come from outside only
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - a folder of files, not `NAME_FILE`
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over `.env`; look in both for the file of a secret."""
        dotenv = getattr(dotenv_settings, "env_file", None)
        given = {**(dotenv_values(dotenv) if dotenv else {}), **os.environ}
        return env_settings, dotenv_settings, _SecretFiles(settings_cls, given)

    @property
    def log_style(self) -> Literal["console", "json"]:
        """How log lines look: as set, else for a person on a terminal and for a program elsewhere."""
        return self.log_format or ("console" if sys.stderr.isatty() else "json")

    @property
    def listen_address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        return _host_and_port(self.listen)

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """Host and port of `metrics_listen`."""
        return None if self.metrics_listen is None else _host_and_port(self.metrics_listen)

    @property
    def trusted_addresses(self) -> tuple[str, ...]:
        """The addresses and networks of `trusted_proxies`."""
        return tuple(one.strip() for one in self.trusted_proxies.split(","))

    def kafka_options(self) -> Mapping[str, str]:
        """Return what was set of Kafka's TLS and SASL, under librdkafka's names."""
        options: dict[str, str] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name.startswith("kafka_") and value is not None:
                text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
                options[name.removeprefix("kafka_").replace("_", ".")] = text
        return options


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads a secret from the file that `NAME_FILE` names, in the environment or in `.env`."""

    def __init__(self, settings: type[BaseSettings], given: Mapping[str, str | None]) -> None:
        super().__init__(settings)
        self._given = given

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:  # noqa: ARG002 - the base class's signature
        variable = _variable(field_name)
        path = self._given.get(f"{variable}_FILE") if field_name in SECRETS else None
        if not path:
            return None, field_name, False
        if self._given.get(variable):
            raise BadInput(f"{variable}, {variable}_FILE: both are set. Keep one.")
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{variable}_FILE: cannot read {path} ({type(error).__name__}).") from error

    def __call__(self) -> dict[str, object]:
        found = {name: self.get_field_value(field, name)[0] for name, field in Settings.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def load_settings(dotenv: Path = Path(".env")) -> Settings:
    """
    Read the settings from the environment and, where that is silent, from the file *dotenv*.

    Raises `BadInput` that names every wrong variable and what it accepts, never its value.
    """
    if problems := _misspelt({*dotenv_values(dotenv), *os.environ}):
        raise BadInput("\n".join(problems))
    try:
        return Settings(_env_file=dotenv)
    except ValidationError as error:
        wrong = dict.fromkeys(str(part["loc"][0]).lower().removeprefix(PREFIX.lower()) for part in error.errors())
        accepted = ((_variable(name), Settings.model_fields[name].description) for name in wrong)
        lines = (f"{variable}: not usable. Accepted: {text}." for variable, text in accepted)
        raise BadInput("\n".join(lines)) from None  # the cause holds the value, which may be a secret


def signing_secret(settings: Settings) -> bytes:
    """
    Return the secret that signs links and sessions.

    Without `ROUTER_KAFKA` it is made once and kept under `ROUTER_DATA_DIR`,
    readable by its owner alone. With it, workers on other machines must agree,
    so `BadInput` asks for the setting.
    """
    if settings.secret is not None:
        return settings.secret.get_secret_value().encode()
    if settings.kafka is not None:
        raise BadInput(
            "ROUTER_SECRET: required with ROUTER_KAFKA. Set the same 32 or more characters in every process."
        )
    return _kept_secret(settings.data_dir / "secret")


def identity_key(settings: Settings) -> bytes:
    """Return the 32 bytes that lead ids are made with: as set, else derived from the secret (HKDF, RFC 5869)."""
    if settings.identity_key is not None:
        return bytes.fromhex(settings.identity_key.get_secret_value())
    extracted = hmac.digest(bytes(32), signing_secret(settings), "sha256")
    return hmac.digest(extracted, b"identity\x01", "sha256")


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _misspelt(given: Iterable[str]) -> list[str]:
    """Find variables that nearly are ours. Others pass: Kubernetes injects some for a service named `router`."""
    known = {_variable(name) for name in Settings.model_fields} | {f"{_variable(name)}_FILE" for name in SECRETS}
    ours = sorted(name for name in set(given) - known if name.startswith(PREFIX))
    near = ((name, process.extractOne(name, known, scorer=fuzz.ratio, score_cutoff=90)) for name in ours)
    return [f"{name}: no such setting. Did you mean {match[0]}?" for name, match in near if match]


def _kept_secret(path: Path) -> bytes:
    """Read the secret at *path*, made first if there is none; of two processes that make one, both read the first's."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _keep_new_secret(path)
        kept = _read_secret(path)
    except OSError as error:
        problem = f"{path}: cannot keep the secret there ({error.strerror})."
        raise BadInput(f"{problem} Set ROUTER_DATA_DIR or ROUTER_SECRET.") from error
    if len(kept) < SHORTEST_SECRET:
        raise BadInput(f"{path}: damaged, shorter than 32 characters. Restore it, or delete it to have a new one made.")
    return kept.encode()


def _keep_new_secret(path: Path) -> None:
    """Make a secret at *path*, whole from when it is there; leave that of whoever was first."""
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        _write_secret(descriptor)
        _give_name(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _give_name(draft: str, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:  # there are file systems without hard links; where it is another fault, this meets it again
        _keep_new_secret_in_place(path)


def _keep_new_secret_in_place(path: Path) -> None:
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _write_secret(descriptor)
        except OSError:
            path.unlink(missing_ok=True)
            raise


def _write_secret(descriptor: int) -> None:
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())


def _read_secret(path: Path) -> str:
    """Read what is kept at *path*; where it is empty, whoever made it may be about to write it."""
    until = time.monotonic() + WRITTEN_WITHIN
    while not (kept := path.read_text(encoding="ascii").strip()) and time.monotonic() < until:
        time.sleep(0.02)
    return kept
