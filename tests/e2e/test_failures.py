"""What a user meets when settings, files or the command itself are wrong: the exit code, and what to do about it."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import pytest

from tests.e2e.command import BAD_INPUT, SECRET, USAGE, expect_failure, router

CONFIG = Path(__file__).resolve().parents[2] / "config"
SERVERS = {"ROUTER_KAFKA": "127.0.0.1:1", "ROUTER_REDIS_URL": "redis://127.0.0.1:1"}


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Settings with which a worker would start, on the embedded servers."""
    return {"ROUTER_CONFIG": str(CONFIG), "ROUTER_DATA_DIR": str(tmp_path / "data"), "ROUTER_SECRET": SECRET}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the shipped configuration, to be broken."""
    return shutil.copytree(CONFIG, tmp_path / "config")


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("ROUTER_KAFKA", "http://broker:9092", "host:port"),
        ("ROUTER_KAFKA", "broker", "host:port"),
        ("ROUTER_REDIS_URL", "http://redis:6379", "redis://"),
        ("ROUTER_SECRET", "too short", "at least 32 characters"),
        ("ROUTER_IDENTITY_KEY", "xyz", "64 hexadecimal digits"),
        ("ROUTER_WORKSPACE", "two words", "A-Z a-z 0-9"),
        ("ROUTER_LOG_FORMAT", "xml", "console or json"),
        ("ROUTER_ALLOW_VOLATILE_REDIS", "perhaps", "true or false"),
        ("ROUTER_KAKFA", "localhost:9092", "Did you mean ROUTER_KAFKA?"),
        ("ROUTER_SECRT", SECRET, "Did you mean ROUTER_SECRET?"),
    ],
)
def test_a_wrong_setting(settings: dict[str, str], variable: str, value: str, says: str) -> None:
    """A worker names the setting that is wrong and what it accepts, and not the value, which may be a secret."""
    ended = router("worker", environment={**settings, variable: value})

    expect_failure(ended, BAD_INPUT, variable, says)
    assert value not in ended.err


def test_all_wrong_settings_are_told_at_once(settings: dict[str, str]) -> None:
    """Who has two mistakes hears of both."""
    wrong = {**settings, "ROUTER_KAFKA": "broker", "ROUTER_LISTEN": "everywhere"}

    expect_failure(router("up", environment=wrong), BAD_INPUT, "ROUTER_KAFKA", "ROUTER_LISTEN")


def test_kafka_needs_a_secret(settings: dict[str, str]) -> None:
    """With Kafka, where workers on several machines must agree, no secret is made up."""
    del settings["ROUTER_SECRET"]

    expect_failure(router("worker", environment={**settings, **SERVERS}), BAD_INPUT, "ROUTER_SECRET", "required")


def test_the_file_of_a_secret_is_missing(settings: dict[str, str], tmp_path: Path) -> None:
    """A `_FILE` that cannot be read is named."""
    del settings["ROUTER_SECRET"]
    wrong = {**settings, "ROUTER_SECRET_FILE": str(tmp_path / "nothing")}

    expect_failure(router("up", environment=wrong), BAD_INPUT, "ROUTER_SECRET_FILE", "nothing")


def test_sasl_without_a_user(settings: dict[str, str]) -> None:
    """Half of an authentication is refused before anything is connected."""
    wrong = {**settings, **SERVERS, "ROUTER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}

    expect_failure(router("topics", "check", environment=wrong), BAD_INPUT, "sasl.username", "sasl.password")


# --- the data folder --------------------------------------------------------------------------------------------------


def test_a_file_stands_where_the_data_should(settings: dict[str, str], tmp_path: Path) -> None:
    """A data folder that is a file is named, with the setting that moves it."""
    (tmp_path / "data").write_text("in the way", encoding="ascii")

    expect_failure(router("up", environment=settings), BAD_INPUT, str(tmp_path / "data"), "ROUTER_DATA_DIR")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_the_data_folder_may_not_be_written(settings: dict[str, str], tmp_path: Path) -> None:
    """A folder without permission is named, with the setting that moves it."""
    (tmp_path / "data").mkdir(mode=0o500)

    expect_failure(router("up", environment=settings), BAD_INPUT, "Permission denied", "ROUTER_DATA_DIR")


@pytest.mark.parametrize("secret", [SECRET, None])
def test_the_disk_is_full(settings: dict[str, str], secret: str | None) -> None:
    """Where not one byte can be written the folder is named; a limit on files stands in for a full disk."""
    if secret is None:
        del settings["ROUTER_SECRET"]
    nothing = (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    ended = router("up", environment=settings, limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, nothing))

    expect_failure(ended, BAD_INPUT, settings["ROUTER_DATA_DIR"], "ROUTER_DATA_DIR")


# --- the configuration ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["check", "worker"])
def test_a_broken_configuration(settings: dict[str, str], config: Path, command: str) -> None:
    """Every mistake is told at once, with file, line and what to write instead."""
    fit, routes = config / "fit.yaml", config / "routes.yaml"
    fit.write_text(fit.read_text(encoding="utf-8").replace("company.employees >= 50'", "company.emploees >= 50'"))
    routes.write_text(routes.read_text(encoding="utf-8").replace("widen_after: 90s", "widen_after: 90 seconds"))
    arguments = [command, config] if command == "check" else [command]
    ended = router(*arguments, environment={**settings, "ROUTER_CONFIG": str(config)})

    expect_failure(ended, BAD_INPUT, f"{fit}:9: ", "did you mean company.employees?", f"{routes}:", "as in 90s")
    assert len(ended.err.splitlines()) == 2


def test_no_yaml_at_all(settings: dict[str, str], config: Path) -> None:
    """Text that is no YAML is told with its place, not with a parser's state."""
    (config / "sla.yaml").write_text("sla: [\n", encoding="utf-8")

    expect_failure(router("check", config, environment=settings), BAD_INPUT, "sla.yaml:", "not valid YAML")


@pytest.mark.parametrize("command", ["check", "worker"])
def test_an_empty_configuration(settings: dict[str, str], tmp_path: Path, command: str) -> None:
    """A folder without a policy says what is missing."""
    empty = tmp_path / "empty"
    empty.mkdir()
    arguments = [command, empty] if command == "check" else [command]

    ended = router(*arguments, environment={**settings, "ROUTER_CONFIG": str(empty)})
    expect_failure(ended, BAD_INPUT, str(empty), "no YAML file here")


@pytest.mark.parametrize("command", ["check", "worker"])
def test_a_missing_configuration(settings: dict[str, str], tmp_path: Path, command: str) -> None:
    """A folder that is not there is named."""
    missing = tmp_path / "nowhere"
    arguments = [command, missing] if command == "check" else [command]

    ended = router(*arguments, environment={**settings, "ROUTER_CONFIG": str(missing)})
    expect_failure(ended, BAD_INPUT, f"{missing}: no such directory")


def test_a_file_that_is_no_text(settings: dict[str, str], config: Path) -> None:
    """A file in another encoding is named, with what to do."""
    (config / "stages.yaml").write_bytes(b"stages: \xff\xfe\n")

    expect_failure(router("check", config, environment=settings), BAD_INPUT, "stages.yaml:1: ", "UTF-8")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(settings: dict[str, str], config: Path) -> None:
    """A file without permission is named."""
    (config / "stages.yaml").chmod(0)

    expect_failure(router("check", config, environment=settings), BAD_INPUT, "stages.yaml", "cannot be read")


@pytest.mark.parametrize("what", ["missing.json", "."])
def test_a_submission_that_cannot_be_read(settings: dict[str, str], tmp_path: Path, what: str) -> None:
    """A file that is missing, or a folder, is named."""
    expect_failure(router("decide", tmp_path / what, environment=settings), BAD_INPUT, "cannot be read")


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["serve"], ["worker", "--fast"], ["check", "one", "two"], ["topics", "drop"], ["decide", "a.json", "b.json"]],
)
def test_wrong_usage(arguments: list[str]) -> None:
    """What the command line does not know is said, with where help is."""
    ended = router(*arguments)

    assert ended.code == USAGE
    assert ended.out == ""
    assert "Try 'router" in ended.err
    assert "Traceback" not in ended.err
