"""The configuration's files under a running gateway: followed when they check, kept as they were when not."""

from __future__ import annotations

import shutil
from pathlib import Path

from structlog.testing import capture_logs

from tests.gateway.live import SHIPPED, eventually, open_site

SOURCE = "sources:\n  survey: {kind: generic, secret_env: SURVEY_SECRET, form: demo-request, header: x-signature}\n"


async def test_a_source_is_there_when_its_file_is(valkey: str, prefix: str, tmp_path: Path) -> None:
    """A source that is added is known without a restart; a mistake in a file changes nothing."""
    config = tmp_path / "config"
    shutil.copytree(SHIPPED, config)
    async with open_site(valkey, prefix, tmp_path, config=config) as site:
        before = (await site.client.post("/v1/webhooks/survey")).status_code
        (config / "sources.yaml").write_text(SOURCE, encoding="utf-8")

        async def known() -> bool:
            return "survey" in site.door.directory.sources

        await eventually(known)
        after = (await site.client.post("/v1/webhooks/survey")).status_code
        with capture_logs() as lines:
            (config / "sources.yaml").write_text("sources: {survey: nonsense}\n", encoding="utf-8")

            async def refused() -> bool:
                return any(one["event"] == "directory.refused" for one in lines)

            await eventually(refused)
        kept = list(site.door.directory.sources)
        (config / "sources.yaml").write_text(SOURCE.replace("survey", "poll"), encoding="utf-8")

        async def followed() -> bool:
            return list(site.door.directory.sources) == ["poll"]

        await eventually(followed)

    assert (before, after != 404, kept) == (404, True, ["survey"])
