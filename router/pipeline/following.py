"""
One policy is in force per workspace, and the ledger keeps it by version: a worker puts one in force, or follows.

The last install wins. To follow never installs: two workers with different directories do not answer each other.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import structlog

from router.domain.policy import Policy
from router.domain.routing import Audience
from router.errors import DependencyDown
from router.pipeline.install import install
from router.pipeline.publish import deliver
from router.pipeline.render import render
from router.pipeline.work import InForce
from router.policy.problems import PolicyInvalid
from router.policy.version import canonical
from router.ports import Applied, Clock, Ledger, Publisher

if TYPE_CHECKING:
    from router.pipeline.links import Signer  # as in `render`

log = structlog.get_logger()

TRIES = 10  # to tell of all audiences, where others become known at the same time
SHOWN = 5  # problems in a log line

Companies = Mapping[str, Mapping[str, object]]
Restore = Callable[[str, Companies | None], Policy]


class PolicyKeeper(Ledger, Protocol):
    """The ledger, and the policies that it keeps."""

    async def audiences(self) -> Sequence[Audience]:
        """Return the audiences that the ledger knows, without members."""

    async def version(self) -> str | None:
        """Return the version of the policy in force."""

    async def policy(self, version: str) -> str | None:
        """Return the canonical text of a policy that was ever in force."""

    async def keep_policy(self, version: str, text: str) -> None:
        """Keep the text of a policy that decisions name."""

    async def dataset(self, digest: str) -> Companies | None:
        """Return a dataset of companies that a policy in force looks up in."""

    async def keep_dataset(self, digest: str, companies: Companies) -> None:
        """Keep a dataset, or keep it longer."""


class InstallFailed(RuntimeError):
    """The ledger failed on a policy that checks: a fault of the router's own."""


class Following:
    """
    Keeps this worker's `InForce` on the policy in force; one thing at a time, so that it never goes back.

    *restore* is that of `router.policy.load`.
    """

    def __init__(
        self,
        in_force: InForce,
        ledger: PolicyKeeper,
        restore: Restore,
        *,
        publisher: Publisher,
        clock: Clock,
        workspace: str,
        signer: Signer | None = None,
    ) -> None:
        self._in_force = in_force
        self._ledger = ledger
        self._restore = restore
        self._publisher = publisher
        self._clock = clock
        self._workspace = workspace
        self._signer = signer
        self._turn = asyncio.Lock()
        self._unreadable = ""
        in_force.follow = self.follow

    async def install(self, policy: Policy) -> None:
        """Put *policy* in force, with the coming days of its calendars, and publish what follows."""
        async with self._turn:
            await self._keep_dataset(policy)
            await self._tell(policy, None)
            self._in_force.put(policy, policy.version)
        log.info("policy.installed", version=policy.version)

    async def renew(self) -> None:
        """Tell the ledger the coming days of the calendars in force; where another policy is by now, follow it."""
        async with self._turn:
            policy, version = self._in_force.policy, self._in_force.version
            await self._keep_dataset(policy)
            code = await self._tell(policy, version)
        if code == "stale_policy":
            await self.follow()
        else:
            log.info("policy.renewed", version=version)

    async def follow(self) -> InForce:
        """Ask what is in force, take it over where it is another policy, and return it."""
        async with self._turn:
            version = await self._ledger.version()
            if version is not None and version not in (self._in_force.version, self._unreadable):
                await self._take_over(version)
            return self._in_force.at_this_moment()

    async def _take_over(self, version: str) -> None:
        try:
            policy = await self._restored(version)
        except PolicyInvalid as refusal:
            self._refuse(version, [str(one) for one in refusal.problems[:SHOWN]], "run one release on all workers")
            return
        if policy is None:
            self._refuse(
                version, ["the ledger keeps no text or no dataset of it"], "restart a worker that has its files"
            )
            return
        if policy.version != version:  # bundled lists are part of a version: those of this release are others
            await self._ledger.keep_policy(policy.version, canonical(policy))
            log.warning("policy.differs", version=version, decides_by=policy.version, advice="run one release")
        self._in_force.put(policy, version)
        self._unreadable = ""
        log.info("policy.followed", version=version)

    def _refuse(self, version: str, problems: Sequence[str], advice: str) -> None:
        """Say once that this worker cannot follow, and stay with what it has."""
        self._unreadable = version
        log.error("policy.refused", version=version, kept=self._in_force.version, problems=problems, advice=advice)

    async def _restored(self, version: str) -> Policy | None:
        text = await self._ledger.policy(version)
        if text is None:
            return None
        enrichment = json.loads(text).get("enrichment", {})
        digest = enrichment.get("dataset_digest")
        companies = None if digest is None else await self._companies(digest)
        if digest is not None and companies is None:
            return None
        return await asyncio.to_thread(self._restore, text, companies)

    async def _companies(self, digest: str) -> Companies | None:
        known = self._in_force.policy.enrichment
        if known is not None and known.dataset_digest == digest:
            return known.dataset
        return await self._ledger.dataset(digest)

    async def _keep_dataset(self, policy: Policy) -> None:
        if policy.enrichment is not None and policy.enrichment.dataset_digest:
            await self._ledger.keep_dataset(policy.enrichment.dataset_digest, policy.enrichment.dataset)

    async def _tell(self, policy: Policy, renews: str | None) -> str:
        """Tell the ledger of the policy and of all audiences it knows, until none has become known in between."""
        for _ in range(TRIES):
            known = await self._ledger.audiences()
            verb = await asyncio.to_thread(install, policy, known, self._clock.now(), renews=renews)
            [applied] = await self._ledger.apply([verb])
            await self._publish(applied)
            if applied.code == "error":
                message = f"the ledger does not take the policy: {applied.message}"
                raise InstallFailed(message)
            if applied.code != "missing_audiences":
                return applied.code
        message = "audiences become known faster than a policy can tell of them"
        raise DependencyDown(message)

    async def _publish(self, applied: Applied) -> None:
        if applied.entry:
            await deliver(render(applied, self._workspace, self._signer), [applied], self._publisher, self._ledger)
