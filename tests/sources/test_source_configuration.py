"""`sources` of a configuration: what is checked before anything is received, and where secrets come from."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from router.adapters.environment import Environment, SecretMissing, environment
from router.adapters.sources import PLATFORMS
from router.entrypoints.gateway.webhooks import tell_missing_secrets
from router.policy.load import load_policy
from router.policy.paths import TARGETS, PathInvalid, path
from router.policy.problems import PolicyInvalid
from router.policy.shapes import SourceShape

SHIPPED = Path(__file__).resolve().parents[2] / "config"


def configured(folder: Path, source: str) -> Path:
    """Return the shipped configuration with one source more."""
    for file in [*SHIPPED.glob("*.yaml"), *SHIPPED.glob("*.csv")]:
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "sources.yaml").write_text(f"sources:\n  theirs: {source}\n", encoding="utf-8")
    return folder


def test_every_kind_has_its_platform() -> None:
    """What may be configured can be received."""
    kinds = SourceShape.model_fields["kind"].annotation
    assert set(getattr(kinds, "__args__", ())) == set(PLATFORMS)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{kind: typeform, form: demo-request, secret_env: S, map: {emial: answers.x}}", "did you mean 'email'?"),
        ("{kind: typeform, form: demo-request, secret_env: S, map: {form: answers.x}}", "'form' is no field"),
        ("{kind: typeform, form: demo-request, secret_env: S, map: {fields: answers.x}}", "'fields' is no field"),
        ("{kind: typeform, form: demo-request, secret_env: S, map: {email: 'answers.['}}", "no JMESPath expression"),
        ("{kind: typeform, form: demo-request, secret_env: S, map: {email: 'what is it?'}}", "needs quotes"),
        ("{kind: tally, form: demo-request, secret_env: S, header: X-Sig}", "`header` is for kind generic"),
        ("{kind: generic, form: demo-request, secret_env: S, api: 'https://x.example'}", "`api` is for kind meta"),
        ("{kind: generic, form: demo-request, secret_env: S, header: 'X Sig'}", "header"),
        ("{kind: meta, form: demo-request, secret_env: S, api: graph.example}", "as in https://"),
    ],
)
def test_a_mistake_is_found_before_anything_is_received(tmp_path: Path, source: str, told: str) -> None:
    """The check names the mistake and what to write instead."""
    with pytest.raises(PolicyInvalid) as refused:
        load_policy(configured(tmp_path, source))

    assert told in "\n".join(map(str, refused.value.problems))


@pytest.mark.parametrize("key", ["secret_env", "token_env"])
def test_a_source_that_nobody_can_prove_is_told(tmp_path: Path, key: str) -> None:
    """Without the name of a secret the configuration checks, with a warning."""
    keys = ", ".join(f"{one}: SOME" for one in ("secret_env", "token_env") if one != key)
    loaded = load_policy(configured(tmp_path, f"{{kind: meta, form: demo-request, {keys}}}"))

    assert any(f"`{key}`" in str(one) for one in loaded.warnings)


def test_a_good_source_is_quiet(tmp_path: Path) -> None:
    """All that a map may fill, quotes and functions pass."""
    joined = "join('-', [answers.\"x?\", a.b[0]])"
    paths = {**dict.fromkeys(sorted(TARGETS), "answers.a-b c"), "fields.plan": joined}
    source = {"kind": "typeform", "form": "demo-request", "secret_env": "S", "map": paths}
    loaded = load_policy(configured(tmp_path, json.dumps(source)))

    assert not [one for one in loaded.warnings if "theirs" in str(one)]
    assert loaded.sources["theirs"].map == paths


def test_a_worker_without_the_gateways_libraries_still_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The expressions of a map are the gateway's business: elsewhere a warning says that nobody checked them."""
    monkeypatch.delitem(sys.modules, "router.policy.paths", raising=False)
    monkeypatch.setitem(sys.modules, "jmespath", None)
    source = "{kind: typeform, form: demo-request, secret_env: S, map: {email: 'answers.['}}"
    loaded = load_policy(configured(tmp_path, source))

    assert any("jmespath is not installed" in str(one) for one in loaded.warnings)


def test_a_secret_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    """The variable goes before its file; blanks around the secret are none of it."""
    (tmp_path / "secret").write_text("from-file\n", encoding="utf-8")
    names = Environment({"A": " from-env ", "A_FILE": "nowhere", "B_FILE": str(tmp_path / "secret")})

    assert names.secret("A") == "from-env"
    assert names.secret("B") == "from-file"


@pytest.mark.parametrize(
    ("given", "told"), [({}, "S: not set"), ({"S": " "}, "S: not set"), ({"S_FILE": "/nowhere"}, "S_FILE: cannot read")]
)
def test_a_secret_that_is_not_there_names_its_variable(given: dict[str, str], told: str) -> None:
    """Who runs the router knows which variable to set."""
    with pytest.raises(SecretMissing, match=told):
        Environment(given).secret("S")


def test_an_empty_file_is_no_secret(tmp_path: Path) -> None:
    """An empty secret would let everybody in."""
    (tmp_path / "secret").write_text("\n", encoding="utf-8")
    with pytest.raises(SecretMissing, match="is empty"):
        Environment({"S_FILE": str(tmp_path / "secret")}).secret("S")


def test_a_dotenv_file_is_read_where_the_environment_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for the router's own settings."""
    (tmp_path / ".env").write_text("SOURCE_A=from-dotenv\nSOURCE_B=from-dotenv\n", encoding="utf-8")
    monkeypatch.setenv("SOURCE_B", "from-env")
    names = environment(tmp_path / ".env")

    assert (names.secret("SOURCE_A"), names.secret("SOURCE_B")) == ("from-dotenv", "from-env")


def test_missing_secrets_are_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line a variable, with the source that needs it."""
    monkeypatch.setenv("SOURCE_HERE", "x")
    sources = {
        "lead-ads": SourceShape(kind="meta", form="demo", secret_env="SOURCE_HERE", token_env="SOURCE_GONE"),
        "forms": SourceShape(kind="tally", form="demo", secret_env="SOURCE_AWAY"),
    }
    with capture_logs() as logs:
        lines = tell_missing_secrets(sources)

    assert len(lines) == len(logs) == 3
    assert "source lead-ads: the source has no `verify_env`" in lines[0]
    assert "source lead-ads: SOURCE_GONE: not set" in lines[1]
    assert "source forms: SOURCE_AWAY: not set" in lines[2]


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab.[]{}()'\"`|&!<>=*@?,:0-5 \\\n"), max_size=14) | st.just("[" * 3000))
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_any_text_is_a_path_or_is_refused_as_one(text: str) -> None:
    """A mistake in an expression never ends a command with a traceback, and reading by one never does."""
    with suppress(PathInvalid):
        path(text).read({"a": 1, "b": [{"a": "x"}]}, {"a": "x"})
