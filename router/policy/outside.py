"""
Checks what a configuration says of the world outside: form platforms, notification channels, an HTTP source.

The secrets that `secret_env` and `url_env` name are never needed here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from router.policy.documents import Path_
from router.policy.names import COMPANY
from router.policy.problems import did_you_mean
from router.policy.reading import Reading
from router.policy.shapes import ChannelShape, HttpShape, NotifyRuleShape, PolicyShape, SourceShape

_BY_MAIL = frozenset({"rep.email", "manager.email"})
_LONG_BUDGET = 2_000  # milliseconds
_ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_HOST = re.compile(r"https?://[^/?#]*")
_ONLY_FOR = {
    "meta": ("verify_env", "token_env", "api"),
    "generic": ("header", "timestamp_header", "algorithm"),
}


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
        if shape.enrichment.budget.millis > _LONG_BUDGET:
            told = "while the HTTP source is slow every form waits that long to be decided"
            reading.warn(("enrichment", "budget"), told, "as in 300ms")


def _source(at: Path_, source: SourceShape, shape: PolicyShape, reading: Reading) -> None:
    reading.known((*at, "form"), "form", source.form, shape.forms)
    for kind, keys in _ONLY_FOR.items():
        for key in keys:
            if source.kind != kind and getattr(source, key) is not None:
                reading.error((*at, key), f"`{key}` is for kind {kind}", f"remove `{key}`")
    if source.secret_env is None:
        told = "without `secret_env` nobody can tell who posts, so everything that comes is answered 503"
        reading.warn(at, told, "name the variable that holds the platform's secret")
    if source.kind == "meta" and source.token_env is None:
        reading.warn(at, "without `token_env` no lead can be read", "name the variable that holds the page's token")
    if source.api is not None:
        _web_address((*at, "api"), source.api, reading)
    _map((*at, "map"), source, reading)


def _map(at: Path_, source: SourceShape, reading: Reading) -> None:
    if not _paths(at, source.map, "gateway", reading):
        return
    from router.policy.paths import TARGETS, is_target  # noqa: PLC0415 - as in `_paths`

    for target in source.map:
        if not is_target(target):
            hint = f"{did_you_mean(target, TARGETS)}; what else a form asks goes to fields.NAME"
            reading.error((*at, target), f"{target!r} is no field of a submission", hint)


def _paths(at: Path_, paths: Mapping[str, str], extra: str, reading: Reading) -> bool:
    """Check that each is a path; return whether there were any to check, and what they are checked with."""
    if not paths:
        return False
    try:  # the library comes with the gateway, and a worker can do without
        from router.policy.paths import PathInvalid, path  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        told = f"the `map` is not checked: {missing.name} is not installed"
        reading.warn(at, told, f"pip install 'speed-to-lead-router[{extra}]'")
        return False
    for target, text in paths.items():
        try:
            path(text)
        except PathInvalid as error:
            reading.error((*at, target), str(error), "a name with other than letters, digits, - and _ needs quotes")
    return True


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
    elif (host := _HOST.match(http.url)) is not None and "{domain}" in host[0]:
        told = "whoever submits a form would choose the host that is asked, and that is given the key"
        reading.error((*at, "url"), told, "put {domain} into the path or the query")
    if http.secret_env is not None and http.url.startswith("http://"):
        reading.warn((*at, "url"), "the key goes over the network unencrypted", "use https://")
    for name in http.map:
        if not _ATTRIBUTE.match(name) or name == "known":
            hint = did_you_mean(name, COMPANY - {"known"})
            reading.error((*at, "map", name), f"{name!r} cannot be an attribute of a company", hint)
    _paths((*at, "map"), http.map, "enrich", reading)


def _web_address(at: Path_, url: str, reading: Reading) -> None:
    if not url.startswith(("https://", "http://")):
        reading.error(at, f"{url!r} is not a web address", "as in https://example.com/hook")
