"""The channels and rules in use: those of the configuration's directory, read again when its files change."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from router.adapters.environment import Environment, SecretMissing, environment
from router.adapters.notify.addressed import addressed
from router.adapters.notify.channel import Channel, ChannelOff
from router.pipeline.telling import MAIL, MAIL_TO
from router.policy.directory import Directory, Look
from router.policy.load import Loaded
from router.policy.problems import PolicyInvalid
from router.policy.shapes import ChannelShape, NotifyRuleShape

log = structlog.get_logger()

LOOK_EVERY = 0.2  # seconds
SETTLED_AFTER = 0.2  # seconds without a change: an editor saves several files
SETTLED_AT_LAST = 2.0
CLOSED_AFTER = 30.0  # seconds; what is on its way through a channel that is replaced may arrive

_Made = tuple[ChannelShape, str, str | None]
"""What a channel is made of: its shape, address and secret."""


class InUse:
    """What the directory says of notifications; kept as it was while it does not check."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._made: dict[str, tuple[_Made, Channel]] = {}
        self._off: dict[str, str] = {}
        self._retired: dict[asyncio.TimerHandle, Channel] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._loaded = directory.load()
        self.changed = asyncio.Event()
        self._use(self._loaded)

    @property
    def rules(self) -> Sequence[NotifyRuleShape]:
        """All rules, in their order."""
        return self._loaded.notify.rules

    @property
    def channels(self) -> Mapping[str, Channel]:
        """The channels that can be used, by name; those that lack a secret are not among them."""
        return {name: channel for name, (_, channel) in self._made.items()}

    def address(self, to: str, recipient: str) -> str | None:
        """Return the e-mail address that *to* (`rep.email`, `manager.email`) means for *recipient*."""
        policy = self._loaded.policy
        people = policy.reps if to == MAIL_TO["rep"] else policy.managers
        person = people.get(recipient)
        return None if person is None else person.email

    async def follow(self) -> None:
        """Read the directory again whenever its files have changed, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            look = await asyncio.to_thread(self._directory.look)
            if look != self._directory.seen:
                await self._settle(look)
                await self._read_again()

    async def aclose(self) -> None:
        """Close all channels."""
        for timer in self._retired:
            timer.cancel()
        for channel in (*self.channels.values(), *self._retired.values()):
            await channel.aclose()

    async def _settle(self, look: Look) -> None:
        for _ in range(round(SETTLED_AT_LAST / SETTLED_AFTER)):
            await asyncio.sleep(SETTLED_AFTER)
            before, look = look, await asyncio.to_thread(self._directory.look)
            if look == before:
                return

    async def _read_again(self) -> None:
        try:
            loaded = await asyncio.to_thread(self._directory.load)
        except PolicyInvalid as refusal:
            _refuse(refusal)
            return
        self._loaded = loaded
        self._use(loaded)
        self.changed.set()

    def _use(self, loaded: Loaded) -> None:
        """Make the channels anew whose shape, address or secret is another one now; say which are off, and why."""
        given, before, self._made = environment(), self._made, {}
        off: dict[str, str] = {}
        for name, shape in loaded.notify.channels.items():
            try:
                made = _made_of(shape, given)
                old = before.get(name)
                self._made[name] = (made, old[1] if old is not None and old[0] == made else _channel(name, made))
            except (SecretMissing, ChannelOff) as why:
                off[name] = str(why)
        kept = {id(channel) for _, channel in self._made.values()}
        for _, channel in before.values():
            if id(channel) not in kept:
                self._retire(channel)
        for name in off.keys() - {known for known, said in self._off.items() if off.get(known) == said}:
            log.warning("channel.off", channel=name, why=off[name])
        self._off = off
        for one in loaded.notify.rules:
            if one.events and (lost := set(one.to) & set(MAIL_TO.values())):
                log.warning("rule.ignored", to=sorted(lost), why="an event has no recipient; name a channel")
        log.info("notify.rules", channels=sorted(self._made), off=sorted(off), rules=len(loaded.notify.rules))

    def _retire(self, channel: Channel) -> None:
        def close() -> None:
            self._retired.pop(timer)
            task = asyncio.ensure_future(channel.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

        timer = asyncio.get_running_loop().call_later(CLOSED_AFTER, close)
        self._retired[timer] = channel


def _refuse(refusal: PolicyInvalid) -> None:
    log.error("notify.refused", errors=len(refusal.problems), advice="`router check` tells them; the old rules stay")


def _made_of(shape: ChannelShape, given: Environment) -> _Made:
    if shape.webhook is not None:
        return shape, shape.webhook, None if shape.secret_env is None else given.secret(shape.secret_env)
    return shape, given.secret(shape.url_env or ""), None


def _channel(name: str, made: _Made) -> Channel:
    shape, address, secret = made
    if shape.webhook is not None:
        from router.adapters.notify.webhook import WebhookChannel  # noqa: PLC0415 - only where there is one

        if secret is None:
            log.warning("channel.unsigned", channel=name, advice="give it a secret_env, so that forgeries are known")
        return WebhookChannel(address, secret)
    try:
        return addressed(address, by_mail=name == MAIL)
    except ChannelOff as off:
        raise ChannelOff(f"{shape.url_env}: {off}") from None
