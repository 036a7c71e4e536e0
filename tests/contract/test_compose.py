"""
The deployment that docker-compose.yml describes, held against its schema and against this code.

No Docker is needed. What only an engine could tell, whether the images start, is not tested here.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.routing import APIRoute
from typer.testing import CliRunner

from router.cli import app
from router.entrypoints.gateway import health
from router.settings import PREFIX, SECRETS, Settings, load_settings, signing_secret

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"

deployment: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
services: dict[str, dict[str, Any]] = deployment["services"]
ours = {name: service for name, service in services.items() if "build" in service}
workers = {name: service for name, service in ours.items() if service["command"] == ["worker"]}


def check_schema(path: Path) -> subprocess.CompletedProcess[str]:
    """Hold *path* against the Compose specification's schema as check-jsonschema carries it."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_follows_the_compose_specification() -> None:
    """The file is one that Compose reads."""
    answer = check_schema(COMPOSE)

    assert answer.returncode == 0, answer.stdout


def test_the_schema_refuses_a_misspelt_key(tmp_path: Path) -> None:
    """The check above is able to fail: a key that Compose does not know is refused."""
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(COMPOSE.read_text(encoding="utf-8").replace("healthcheck:", "healthchek:"), encoding="utf-8")

    assert check_schema(wrong).returncode == 1


@pytest.mark.parametrize("service", sorted(ours))
def test_every_command_exists(service: str) -> None:
    """Each command of our processes is one that the command line knows."""
    answer = CliRunner().invoke(app, [*ours[service]["command"], "--help"])

    assert answer.exit_code == 0, answer.output


@pytest.mark.parametrize("service", sorted(ours))
def test_every_variable_is_a_setting(service: str) -> None:
    """Each variable of our processes is one that `Settings` reads."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS}

    assert set(ours[service]["environment"]) <= known


@pytest.mark.parametrize("service", sorted(ours))
def test_its_settings_load(service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our processes start with the values that stand there, given a secret in a file."""
    secret = tmp_path / "router-secret"
    secret.write_text("s" * 64 + "\n", encoding="utf-8")
    for name, value in ours[service]["environment"].items():
        monkeypatch.setenv(name, str(secret) if name.endswith("_FILE") else str(value))

    settings = load_settings(tmp_path / ".env")

    assert signing_secret(settings) == b"s" * 64
    assert settings.kafka == "kafka:9092"
    assert str(settings.redis_url) == "redis://valkey:6379/0"


def test_servers_are_named_as_the_settings_name_them() -> None:
    """Kafka tells its clients the address that they were given, and both servers are services of this file."""
    assert services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"] == "PLAINTEXT://kafka:9092"
    assert "valkey" in services


def test_what_a_service_uses_is_declared() -> None:
    """Every volume, secret and dependency that a service names exists."""
    for service in services.values():
        named = [volume.split(":")[0] for volume in service.get("volumes", [])]
        assert {volume for volume in named if not volume.startswith(".")} <= set(deployment["volumes"])
        assert all((ROOT / volume).exists() for volume in named if volume.startswith("."))
        assert set(service.get("secrets", [])) <= set(deployment["secrets"])
        assert set(service.get("depends_on", {})) <= set(services)


def test_workers_wait_for_topics_and_for_the_ledger() -> None:
    """Two workers start once the topics are made and Valkey answers."""
    assert len(workers) == 2
    for worker in workers.values():
        assert worker["depends_on"] == {
            "topics": {"condition": "service_completed_successfully"},
            "valkey": {"condition": "service_healthy"},
        }
    assert services["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}


def test_gateway_notifier_and_watchdog_run_beside_the_workers() -> None:
    """They wait for what the workers wait for, and are started again when they end."""
    for name in ("gateway", "notifier", "watchdog"):
        assert services[name]["command"] == [name]
        assert services[name]["depends_on"] == services["worker-1"]["depends_on"]
        assert services[name]["restart"] == "unless-stopped"


def test_only_the_gateway_is_reached_from_outside() -> None:
    """It listens on the port that it publishes, to this machine alone, and its image says so."""
    assert [name for name, service in services.items() if "ports" in service] == ["gateway"]
    assert services["gateway"]["ports"] == ["127.0.0.1:8080:8080"]
    assert services["gateway"]["environment"]["ROUTER_LISTEN"] == "0.0.0.0:8080"
    assert "\nEXPOSE 8080\n" in DOCKERFILE.read_text(encoding="utf-8")


def test_all_our_processes_are_given_the_public_address() -> None:
    """The one line that is there for it reaches whoever makes links: workers, gateway and watchdog."""
    text, lines = re.subn("# (ROUTER_PUBLIC_URL: )", r"\1", COMPOSE.read_text(encoding="utf-8"))
    given = yaml.safe_load(text)["services"]

    assert lines == 1
    assert {given[name]["environment"].get("ROUTER_PUBLIC_URL") for name in ours} == {"https://leads.example.com"}


def test_the_gateways_health_is_asked_where_it_is_told() -> None:
    """The check asks the route that says whether log and Redis answer; urlopen fails on its 503."""
    [asked] = [word for word in services["gateway"]["healthcheck"]["test"] if "urlopen" in word]
    [url] = re.findall(r"'http://127\.0\.0\.1:8080(/[^']*)'", asked)

    assert url in {route.path for route in health.routes.routes if isinstance(route, APIRoute)}


@pytest.mark.parametrize("service", ["worker-1", "worker-2", "notifier"])
def test_health_is_asked_where_metrics_are_shown(service: str) -> None:
    """Of processes that are reached from nowhere else, at the address that their settings name."""
    [asked] = [word for word in ours[service]["healthcheck"]["test"] if "urlopen" in word]
    [(port, path)] = re.findall(r"'http://127\.0\.0\.1:(\d+)(/[^']*)'", asked)

    assert ours[service]["environment"]["ROUTER_METRICS_LISTEN"] == f"0.0.0.0:{port}"
    assert path == "/health/live"


def test_the_ledger_never_forgets() -> None:
    """Valkey writes before it answers, and evicts nothing: what the promises of delivery need."""
    command = services["valkey"]["command"]

    assert dict(zip(command[1::2], command[2::2], strict=True)) == {
        "--appendonly": "yes",
        "--appendfsync": "always",
        "--maxmemory-policy": "noeviction",
    }
    assert "valkey-data:/data" in services["valkey"]["volumes"]


def test_no_secret_stands_in_it() -> None:
    """The secret comes from a file that the user names; without one Compose says so and starts nothing."""
    assert deployment["secrets"]["router-secret"]["file"].startswith("${ROUTER_SECRET_FILE:?")
    given = {name for service in services.values() for name in service.get("environment", {})}
    assert not {name for name in given if name.endswith(("SECRET", "PASSWORD", "KEY", "TOKEN"))}


@pytest.mark.parametrize("service", sorted(ours))
def test_our_processes_own_nothing(service: str) -> None:
    """They run without root, capabilities or a writable root filesystem."""
    assert ours[service]["read_only"] is True
    assert ours[service]["cap_drop"] == ["ALL"]
    assert ours[service]["security_opt"] == ["no-new-privileges:true"]
    assert "\nUSER 10001\n" in DOCKERFILE.read_text(encoding="utf-8")


def test_nobody_runs_as_root_or_with_more_than_it_needs() -> None:
    """Also the servers: no capability, no new privilege, nothing of the host but the policy, which is only read."""
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "cap_add", "devices", "pid", "ipc", "network_mode", "userns_mode"} & service.keys(), (
            name
        )
        assert str(service.get("user", "image")) not in {"root", "0"}, name
        bound = [volume for volume in service.get("volumes", []) if volume.startswith((".", "/"))]
        assert bound == (["./config:/etc/router/config:ro"] if name in ours else []), name
    assert {name for name, service in services.items() if not service.get("read_only")} == {"kafka"}


def test_the_image_leaves_root_and_brings_no_secret() -> None:
    """Its user is a number that is not root's, nothing is installed after that, and no variable is a secret."""
    lines = [line.strip() for line in DOCKERFILE.read_text(encoding="utf-8").splitlines()]
    last = lines[len(lines) - lines[::-1].index("FROM python:3.13-slim") - 1 :]
    user = next(index for index, line in enumerate(last) if line.startswith("USER "))

    assert int(last[user].split()[1]) > 0
    assert not [line for line in last[user:] if line.startswith(("RUN", "COPY", "ADD", "USER root"))]
    given = [line for line in lines if line.startswith(("ENV", "ARG"))]
    assert not [line for line in given if re.search("SECRET|PASSWORD|TOKEN|KEY", line)]
    assert not [line for line in lines if line.startswith("ADD ")]


def test_the_image_is_built_from_hashed_lists() -> None:
    """Every install of the Dockerfile takes hashed requirements, or no dependency at all."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    installs = [part for line in text.splitlines() for part in line.split("&&") if "pip install" in part]

    assert installs
    assert all("--require-hashes" in part or "--no-deps" in part for part in installs)


def test_what_the_image_is_built_from_is_sent_to_the_builder() -> None:
    """Each file that the Dockerfile copies by name, and all that the wheel is made of, passes .dockerignore."""
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"}

    assert {"requirements.txt", "requirements-build.txt"} <= sent
    assert {"router", "topics", "config", "pyproject.toml", "README.md", "LICENSE"} <= sent
