"""
Channels through Apprise: e-mail, Slack, Teams, SMS, Telegram and a hundred more, each an address.

An address holds passwords and what Apprise logs holds recipients: none of it is
written anywhere, so all that is told of a failure is that there was one.

Apprise blocks. Each letter on its way has a thread of its own, so that a channel
that hangs holds up only itself; a daemon, so that it holds up no process's end.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import apprise
from apprise.common import NotifyFormat

from router.adapters.notify.channel import ChannelOff, Letter, NotTaken

AT_ONCE_MAIL = 4
AT_ONCE_CHAT = 1  # chats limit how fast one may write; Apprise keeps to that by waiting

_ASSET = apprise.AppriseAsset(app_id="Speed-to-lead router", async_mode=False, secure_logging=True)

logging.getLogger("apprise").disabled = True  # its lines hold addresses


class AppriseChannel:
    """
    One Apprise URL.

    * **by_mail** - letters bring their own recipient, in place of the URL's.
    """

    def __init__(self, url: str, *, by_mail: bool = False) -> None:
        self.at_once = AT_ONCE_MAIL if by_mail else AT_ONCE_CHAT
        self._url = url
        self._by_mail = by_mail
        self._free = asyncio.Semaphore(self.at_once)
        plugin = self._plugin(None)
        self._server = None if by_mail else self._wrapped(plugin)

    async def send(self, letter: Letter) -> None:
        """Return when the service took it; raises `NotTaken`."""
        await self._free.acquire()
        outcome = _in_thread(lambda: self._notify(letter), self._free.release)
        if not await outcome:
            raise NotTaken("the service did not take it")

    async def aclose(self) -> None:
        """Do nothing: each letter has its own connection and closes it."""

    def _notify(self, letter: Letter) -> bool:
        server = self._server
        if server is None:
            server = self._wrapped(self._plugin(letter))
        html = self._by_mail
        body, form = (letter.html, NotifyFormat.HTML) if html else (letter.text, NotifyFormat.TEXT)
        return bool(server.notify(body=body, title=letter.title, body_format=form))

    def _plugin(self, letter: Letter | None) -> apprise.NotifyBase:
        parsed: dict[str, Any] | None = apprise.plugins.url_to_dict(self._url, secure_logging=True)  # type: ignore[no-untyped-call]  # apprise types only a part of itself
        if parsed is None:
            raise ChannelOff("it is no address that Apprise knows")
        if letter is not None:
            if letter.address is None:
                raise NotTaken("it has no address to go to", final=True)
            parsed["targets"] = [letter.address]
            if "headers" in parsed:
                parsed["headers"] = {**parsed["headers"], "X-Notification-Id": letter.id}
        plugin = apprise.Apprise.instantiate(parsed, asset=_ASSET)
        if plugin is None:
            raise ChannelOff("Apprise cannot use its address")
        return plugin

    @staticmethod
    def _wrapped(plugin: apprise.NotifyBase) -> apprise.Apprise:
        server = apprise.Apprise(asset=_ASSET)
        server.add(plugin)
        return server


def _in_thread(do: Callable[[], bool], ended: Callable[[], None]) -> asyncio.Future[bool]:
    """Do it in a thread of its own; *ended* is called in the loop when it is over, also where nobody waits any more."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[bool] = loop.create_future()

    def settle(result: bool, error: BaseException | None) -> None:  # noqa: FBT001 - what the thread came to
        ended()
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    def run() -> None:
        result, error = False, None
        try:
            result = do()
        except NotTaken as refusal:
            error = refusal
        except Exception as failure:  # noqa: BLE001 - a plugin's bug is a failure of its channel, and its words stay here
            error = NotTaken(f"the service's plugin failed ({type(failure).__name__})")
        with suppress(RuntimeError):  # the loop is closed: nobody is there to be told
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True, name="notify").start()
    return outcome
