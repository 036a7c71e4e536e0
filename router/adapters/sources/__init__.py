"""
Form platforms: one module a platform, one line here.

Each proves a request on its raw body and reads the submissions in it;
`field_map` makes `form.submitted.v1` of them. Nothing here writes to the log.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.adapters.sources import (
    calendly,
    generic,
    hubspot,
    intercom,
    jotform,
    meta,
    standard_webhooks,
    tally,
    typeform,
    webflow,
)
from router.adapters.sources.delivery import Platform

PLATFORMS: Mapping[str, Platform] = {
    "calendly": calendly.PLATFORM,
    "generic": generic.PLATFORM,
    "hubspot": hubspot.PLATFORM,
    "intercom": intercom.PLATFORM,
    "jotform": jotform.PLATFORM,
    "meta": meta.PLATFORM,
    "standard_webhooks": standard_webhooks.PLATFORM,
    "tally": tally.PLATFORM,
    "typeform": typeform.PLATFORM,
    "webflow": webflow.PLATFORM,
}
"""By `kind` of a source."""
