"""Makes the deck: one submission of each kind is decided by the real rules, and each policy becomes a verb."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from router.domain.policy import Policy
from router.domain.routing import audiences
from router.events.submission import FormSubmitted
from router.pipeline import verbs
from router.pipeline.install import install
from router.policy.dry_run import dry_run
from tests.concurrency.deck import LANGUAGES, NURTURE, REGIONS, ROUTES, Deck, Kind, Template

DECIDED = datetime(2026, 3, 2, 12, tzinfo=UTC)  # of the templates; each submission gets its own times
KEY = b"a key for this one test, 32 bytes"


def deck(policies: Sequence[Policy]) -> Deck:
    """Decide one submission of each kind under the first policy, and make every policy a verb."""
    templates: dict[Kind, Template] = {}
    known = {}
    for form in (*ROUTES, NURTURE):
        for language in LANGUAGES:
            for region in REGIONS:
                data = {
                    "submission_id": "template",
                    "submitted_at": DECIDED.isoformat(),
                    "form": form,
                    "email": "ada@acme.example",
                    "language": language,
                    "region": region,
                }
                decision = dry_run(data, policies[0], key=KEY, at=DECIDED)
                to_sales = decision.route is not None and decision.to == "sales"
                found = audiences(decision.route, policies[0], decision.values) if decision.route and to_sales else ()
                known.update({one.id: one for one in found})
                place = verbs.place(decision, FormSubmitted.model_validate(data), found, policies[0], None)
                templates[form, language, region] = Template(place, orjson.loads(place.decision))
    return Deck(
        templates,
        [verbs.audience(one) for one in known.values()],
        [install(policy, list(known.values()), DECIDED) for policy in policies],
    )
