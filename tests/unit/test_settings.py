"""What the environment may say, and what is said back when it is wrong."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from router.errors import BadInput
from router.settings import Settings, identity_key, load_settings, signing_secret

TEXT = "a text of more than 32 characters"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("ROUTER_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_defaults_are_the_contracts() -> None:
    """With nothing set, the documented defaults hold."""
    settings = load_settings()
    assert (settings.kafka, settings.redis_url, settings.topic_prefix) == (None, None, "")
    assert (settings.data_dir, settings.config, settings.workspace) == (Path(".router"), Path("config"), "default")
    assert settings.listen_address == ("127.0.0.1", 8080)
    assert settings.allow_volatile_redis is False


def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default a proxy on this machine is trusted; others are named one by one or by their network."""
    assert load_settings().trusted_addresses == ("127.0.0.1", "::1")
    settings = _load(monkeypatch, ROUTER_TRUSTED_PROXIES="10.0.0.0/8, fd00::1")
    assert settings.trusted_addresses == ("10.0.0.0/8", "fd00::1")


def test_the_environment_wins_over_dotenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A `.env` file fills in what the environment does not say; an empty variable says nothing."""
    (tmp_path / ".env").write_text("ROUTER_WORKSPACE=file\nROUTER_TOPIC_PREFIX=file-\n")
    settings = _load(monkeypatch, ROUTER_WORKSPACE="environment", ROUTER_TOPIC_PREFIX="")
    assert (settings.workspace, settings.topic_prefix) == ("environment", "file-")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROUTER_KAFKA", "no-port"),
        ("ROUTER_REDIS_URL", "http://localhost"),
        ("ROUTER_LISTEN", "localhost"),
        ("ROUTER_LISTEN", "127.0.0.1:65536"),
        ("ROUTER_METRICS_LISTEN", "[::1]:99999"),
        ("ROUTER_TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
        ("ROUTER_WORKSPACE", "a b"),
        ("ROUTER_ALLOW_VOLATILE_REDIS", "perhaps"),
        ("ROUTER_LOG_FORMAT", "xml"),
        ("ROUTER_SECRET", "short-and-secret"),
        ("ROUTER_IDENTITY_KEY", "not-hex"),
        ("ROUTER_KAFKA_SASL_MECHANISM", "GUESS"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A value that cannot be used is refused with the variable and what it accepts, never with the value."""
    with pytest.raises(BadInput, match=rf"^{name}: .*Accepted: ") as caught:
        _load(monkeypatch, **{name: value})
    assert value not in str(caught.value)


@pytest.mark.parametrize("port", [0, 65535])
def test_a_port_that_there_is_is_taken(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """From the one that stands for any free one up to the highest; for one beyond it is said where they end."""
    assert _load(monkeypatch, ROUTER_LISTEN=f"[::1]:{port}").listen_address == ("::1", port)
    with pytest.raises(BadInput, match=r"ROUTER_LISTEN: .*0 to 65535"):
        _load(monkeypatch, ROUTER_LISTEN="[::1]:65536")


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is nearly one of ours is refused with a suggestion; one that only starts alike passes."""
    with pytest.raises(BadInput, match="Did you mean ROUTER_TOPIC_PREFIX"):
        _load(monkeypatch, ROUTER_TOPIC_PREFX="a-")
    monkeypatch.delenv("ROUTER_TOPIC_PREFX")
    _load(monkeypatch, ROUTER_PORT_8080_TCP="tcp://10.0.0.1:8080", ROUTER_KAFKA_SERVICE_HOST="10.0.0.1")


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`NAME_FILE` names the file of a secret; both at once, or a file that is not there, are refused."""
    path = tmp_path / "mounted"
    path.write_text(f"{TEXT}\n")
    settings = _load(monkeypatch, ROUTER_SECRET_FILE=str(path))
    assert signing_secret(settings) == TEXT.encode()
    with pytest.raises(BadInput, match="Keep one"):
        _load(monkeypatch, ROUTER_SECRET=TEXT)
    monkeypatch.delenv("ROUTER_SECRET")
    with pytest.raises(BadInput, match="ROUTER_SECRET_FILE: cannot read"):
        _load(monkeypatch, ROUTER_SECRET_FILE=str(tmp_path / "absent"))


def test_the_secret_is_made_once_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Kafka a secret is made once, readable by its owner alone; with Kafka it is asked for."""
    settings = _load(monkeypatch, ROUTER_DATA_DIR=str(tmp_path / "data"))
    assert signing_secret(settings) == signing_secret(settings)
    assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600
    with pytest.raises(BadInput, match="ROUTER_SECRET: required with ROUTER_KAFKA"):
        signing_secret(_load(monkeypatch, ROUTER_KAFKA="localhost:9092"))


def test_a_start_that_was_interrupted_spoils_no_later_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What it left is in nobody's way, also where the process has the same number each time, as in a container."""
    (tmp_path / f"secret.{os.getpid()}").write_text("")
    settings = _load(monkeypatch, ROUTER_DATA_DIR=str(tmp_path))
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", _refuse(OSError(errno.ENOSPC, "No space left on device")))
        with pytest.raises(BadInput, match="No space left"):
            signing_secret(settings)
    assert [path.name for path in tmp_path.iterdir()] == [f"secret.{os.getpid()}"]
    assert signing_secret(settings) == signing_secret(settings)


def test_a_secret_is_kept_without_hard_links(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Some file systems have none: it is written in its place then, and nothing beside it is left."""
    monkeypatch.setattr(os, "link", _refuse(PermissionError(errno.EPERM, "Operation not permitted")))
    settings = _load(monkeypatch, ROUTER_DATA_DIR=str(tmp_path))
    assert signing_secret(settings) == signing_secret(settings)
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_all_who_start_at_once_have_one_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, links: bool) -> None:
    """The first one's, with hard links and without."""
    if not links:
        monkeypatch.setattr(os, "link", _refuse(PermissionError(errno.EPERM, "Operation not permitted")))
    settings = _load(monkeypatch, ROUTER_DATA_DIR=str(tmp_path / "data"))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: signing_secret(settings), range(8)))
    assert len(set(found)) == 1
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret"]


def _refuse(error: OSError) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise error

    return refuse


def test_the_identity_key_follows_from_the_secret_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The identity key is HKDF-SHA-256 of the secret with info `identity`; a set one is taken as it is."""
    derived = identity_key(_load(monkeypatch, ROUTER_SECRET="x" * 32))
    assert derived.hex() == "2940241efd909b53cefc21f559bacf18459484f3c90730fc23a3059aaee396a5"
    settings = _load(monkeypatch, ROUTER_SECRET="y" * 40, ROUTER_IDENTITY_KEY=derived.hex())
    assert identity_key(settings) == derived


def test_kafka_options_carry_librdkafkas_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS and SASL settings arrive under librdkafka's names."""
    settings = _load(
        monkeypatch,
        ROUTER_KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        ROUTER_KAFKA_SASL_MECHANISM="SCRAM-SHA-512",
        ROUTER_KAFKA_SASL_PASSWORD="hush",
    )
    assert settings.kafka_options() == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.password": "hush",
    }
    assert "hush" not in repr(settings)
