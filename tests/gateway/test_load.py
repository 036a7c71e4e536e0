"""Many submissions at full speed: all that were accepted are in the log, each once."""

from __future__ import annotations

from collections import Counter

from tests.gateway.caller import call
from tests.gateway.live import Site

SUBMISSIONS, CONNECTIONS = 1_500, 24
"""`make bench ARGS=--gateway` does the same with ten thousand, and measures."""


async def test_all_that_was_accepted_is_in_the_log_once(site: Site) -> None:
    """At full speed over many connections nothing is refused, lost or written twice."""
    called = await call(site.url, await site.key("ingest"), SUBMISSIONS, CONNECTIONS)
    logged = Counter(one["submission_id"] for one in await site.on("form-submissions"))

    assert called.refused == {}
    assert len(called.accepted) == SUBMISSIONS
    assert logged == Counter(called.accepted)
