"""One run under load: two workers on a Kafka and a Valkey, the load, looks at them meanwhile, and the audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from router.policy.load import load_policy
from tests.chaos.scene import settings_of
from tests.e2e.play import Stage
from tests.e2e.scenario import Scenario
from tests.e2e.site import Site
from tests.load.report import Figures, figures
from tests.load.sampling import Samples

ENDS_WITHIN = 120.0  # seconds after the last submission
GRACE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a load is played: *environment* names the servers, *config* and *workers* are what runs on them."""

    environment: Mapping[str, str]
    folder: Path
    config: Path
    workers: int = 2


async def run(title: str, scenario: Scenario, over: timedelta, place: Place) -> Figures:
    """Play *scenario* spread *over* a time against the workers of *place*, and judge it."""
    site = Site(dict(place.environment), place.folder)
    workers = [site.start_worker() for _ in range(place.workers)]
    try:
        samples = Samples([worker.pid for worker in workers], place.environment["ROUTER_REDIS_URL"])
        stage = Stage(scenario, settings_of(place.environment))
        problem = ""
        try:
            await stage.play(over, beside=samples.take, within=over.total_seconds() + ENDS_WITHIN)
        except TimeoutError as error:
            problem = str(error)
    finally:
        for worker in workers:
            worker.stop()
    prefix = place.environment["ROUTER_TOPIC_PREFIX"]
    report = stage.played.judge(load_policy(place.config).policy, prefix, GRACE)
    return figures(title, over.total_seconds(), stage.played, samples, report, problem)
