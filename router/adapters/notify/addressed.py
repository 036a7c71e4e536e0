"""Channels that are an address: what knows them takes a second to import, and is a part that may not be installed."""

from __future__ import annotations

from router.adapters.notify.channel import Channel, ChannelOff


def addressed(url: str, *, by_mail: bool) -> Channel:
    """
    Return the channel at *url*; raises `ChannelOff` where it cannot be used.

    * **by_mail** - letters bring their own recipient, in place of the URL's.
    """
    try:
        from router.adapters.notify.apprise_channel import AppriseChannel  # noqa: PLC0415 - of the optional part `notify`
    except ModuleNotFoundError as missing:
        if (missing.name or "router").startswith("router"):
            raise
        told = f"it needs {missing.name}, which is not installed: pip install 'speed-to-lead-router[notify]'"
        raise ChannelOff(told) from None
    return AppriseChannel(url, by_mail=by_mail)
