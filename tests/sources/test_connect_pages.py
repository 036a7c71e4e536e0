"""The pages on connecting forms: what they say to configure checks, and what they say to try works."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
from pathlib import Path

import orjson
import pytest
from ruamel.yaml import YAML

from router.adapters.sources import PLATFORMS
from router.policy.load import load_policy
from tests.docs.documents import ROOT
from tests.gateway.live import open_site
from tests.sources.conftest import write_sources

FOLDER = ROOT / "docs" / "connect"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md")) if path.stem != "README"}
INDEX = (FOLDER / "README.md").read_text(encoding="utf-8")
CONFIGURED = re.compile(r"^```yaml\n(sources:\n.*?)^```", re.MULTILINE | re.DOTALL)
TRIED = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
PUBLIC = "https://router.example.com"


def configured(page: str) -> str:
    """Return the section `sources` that a page shows."""
    [section] = CONFIGURED.findall(PAGES[page])
    return str(section)


def test_every_kind_has_its_page() -> None:
    """A platform that can be configured is explained, and the index links all pages."""
    kinds = {source["kind"] for page in PAGES for source in YAML(typ="safe").load(configured(page))["sources"].values()}

    assert kinds == set(PLATFORMS)
    assert set(re.findall(r"\]\(([a-z-]+)\.md\)", INDEX)) == set(PAGES)
    assert set(re.findall(r"^\| \[.*\| `(\w+)` \|", INDEX, re.MULTILINE)) == set(PLATFORMS)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_says_to_configure_checks(page: str, tmp_path: Path) -> None:
    """The excerpt can be pasted into a file beside the shipped configuration."""
    loaded = load_policy(write_sources(tmp_path / "config", configured(page)))

    assert not [one for one in loaded.warnings if "sources" in str(one)]
    [source] = loaded.sources
    assert f"{PUBLIC}/v1/webhooks/{source}" in PAGES[page]


def test_the_index_configures_a_source_that_checks(tmp_path: Path) -> None:
    """The example that explains the section is one."""
    [section] = CONFIGURED.findall(INDEX)
    assert load_policy(write_sources(tmp_path / "config", section)).sources


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.skipif(shutil.which("openssl") is None or shutil.which("curl") is None, reason="needs openssl and curl")
async def test_what_a_page_says_to_try_works(
    page: str, valkey: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of the page, run against a gateway with the page's configuration, are answered as it says."""
    section = configured(page)
    given = {
        name: f"whsec_{base64.b64encode(b'a secret of a test').decode()}"
        for name in re.findall(r"\w+_env: (\w+)", section)
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    [commands] = TRIED.findall(PAGES[page])
    config = write_sources(tmp_path / "config", section)
    async with open_site(valkey, prefix, tmp_path, config=config) as site:
        shell = await asyncio.create_subprocess_exec(
            *("sh", "-ec", commands.replace(PUBLIC, site.url)),
            env={**os.environ, **given, "no_proxy": "*"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await shell.communicate()
        events = await site.on("form-submissions")

    assert (shell.returncode, err) == (0, b"")
    if page == "meta-lead-ads":
        assert out == b"here"
        return
    identity = re.search(r"try-[a-z]+", commands)
    assert identity is not None
    [event] = events
    assert event["submission_id"].endswith(identity[0])
    assert orjson.loads(out) == {"accepted": [{"submission_id": event["submission_id"], "duplicate": False}]}
    assert event["email"] == "you@acme.example"


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_the_same_parts(page: str) -> None:
    """Who knows one page finds their way on the others."""
    headings = re.findall(r"^## (.+)$", PAGES[page], re.MULTILINE)

    assert headings[0] == "In the router"
    assert headings[1].startswith("At ")
    assert headings[2:] == ["Try it", "What is taken"]
    assert "README.md#what-each-answer-means" in PAGES[page]


def test_the_reasons_that_the_pages_quote_are_those_that_are_given() -> None:
    """A message that is looked for on a page is found there in the words of the code."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "router" / "adapters" / "sources").glob("*.py"))
    for text in PAGES.values():
        for quoted in re.findall(r'^\| 401 "([^"]+)"', text, re.MULTILINE):
            words = re.sub(r"^there is no header .*", "there is no header ", quoted)
            assert words in code, quoted
