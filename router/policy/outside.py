"""
Checks what a configuration says of the world outside: form platforms, notification channels, an HTTP source.

The secrets that `secret_env` and `url_env` name are never needed here.
"""

from __future__ import annotations

import re

from router.policy.documents import Path_
from router.policy.names import COMPANY
from router.policy.problems import did_you_mean
from router.policy.reading import Reading
from router.policy.shapes import ChannelShape, HttpShape, NotifyRuleShape, PolicyShape, SourceShape

_BY_MAIL = frozenset({"rep.email", "manager.email"})
_ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_META_ONLY = ("verify_env", "token_env", "api")


def check(shape: PolicyShape, reading: Reading) -> None:
    """Check the sections `sources` and `notify`, and `enrichment.http`."""
    for name, source in shape.sources.items():
        _source(("sources", name), source, shape, reading)
    for name, channel in shape.notify.channels.items():
        _channel(("notify", "channels", name), name, channel, reading)
    for index, rule in enumerate(shape.notify.rules):
        _rule(("notify", "rules", index), rule, shape, reading)
    if shape.enrichment is not None and shape.enrichment.http is not None:
        _http(("enrichment", "http"), shape.enrichment.http, reading)


def _source(at: Path_, source: SourceShape, shape: PolicyShape, reading: Reading) -> None:
    reading.known((*at, "form"), "form", source.form, shape.forms)
    if source.kind != "meta":
        for key in _META_ONLY:
            if getattr(source, key) is not None:
                reading.error((*at, key), f"`{key}` is for kind meta", f"remove `{key}`")


def _channel(at: Path_, name: str, channel: ChannelShape, reading: Reading) -> None:
    if (channel.url_env is None) == (channel.webhook is None):
        reading.error(at, f"channel {name!r} needs either `url_env` or `webhook`", "give it one of the two")
    if channel.webhook is None and channel.secret_env is not None:
        reading.error((*at, "secret_env"), "`secret_env` signs a webhook", "give it a `webhook`, or remove it")
    if channel.webhook is not None:
        _web_address((*at, "webhook"), channel.webhook, reading)


def _rule(at: Path_, rule: NotifyRuleShape, shape: PolicyShape, reading: Reading) -> None:
    if bool(rule.kinds) == bool(rule.events):
        reading.error(at, "a notify rule needs either `kinds` or `events`", "give it one of the two")
    for number, name in enumerate(rule.to):
        reading.known((*at, "to", number), "channel", name, {*shape.notify.channels, *_BY_MAIL})
        if name in _BY_MAIL and "email" not in shape.notify.channels:
            told = f"{name} goes through the channel `email`, which is not configured"
            reading.warn((*at, "to", number), told, "add `email: {url_env: …}` to `channels`")


def _http(at: Path_, http: HttpShape, reading: Reading) -> None:
    _web_address((*at, "url"), http.url, reading)
    if "{domain}" not in http.url:
        reading.error((*at, "url"), "the address does not name the company", "put {domain} where the domain belongs")
    for name in http.map:
        if not _ATTRIBUTE.match(name) or name == "known":
            hint = did_you_mean(name, COMPANY - {"known"})
            reading.error((*at, "map", name), f"{name!r} cannot be an attribute of a company", hint)


def _web_address(at: Path_, url: str, reading: Reading) -> None:
    if not url.startswith(("https://", "http://")):
        reading.error(at, f"{url!r} is not a web address", "as in https://example.com/hook")
