"""Holds the promises against a load that was played to its end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from router.policy.load import load_policy
from tests.e2e.play import Played
from tests.e2e.site import Site


def expect_promises(played: Played, site: Site, submissions: int, *, grace: timedelta) -> None:
    """Check every promise that shows on the topics, and that each of so many submissions was decided once."""
    policy = load_policy(Path(site.environment["ROUTER_CONFIG"])).policy
    report = played.judge(policy, site.environment["ROUTER_TOPIC_PREFIX"], grace)
    print(report.counts, report.delays, f"longest delay {max(played.delays):.2f} s")
    assert report.holds, "\n".join(str(violation) for violation in report.violations[:20])
    assert played.of("dead-letters") == []
    decisions = {record.data["submission_id"]: record.ce_id for record in played.of("lead-decisions") if record.data}
    assert len(decisions) == submissions
    assert len(set(decisions.values())) == submissions
