"""What was read back, as a ledger under the policy that is to be in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from router.domain.ledger.verbs import Install, Place
from router.domain.policy import Policy
from router.domain.rebuild.course import Opening
from router.domain.rebuild.image import Image, Owners, image
from router.domain.routing import Audience
from router.events.base import from_millis, to_millis
from router.pipeline.again import Recorded, placed_again, unrecorded, went_to_sales
from router.pipeline.install import install
from router.pipeline.read_back import ReadBack


@dataclass(frozen=True, slots=True)
class Restoration:
    """
    All that is to be put into the ledger.

    * **without_contact**, **without_route** - open leads whose submission, or route, is gone.
    """

    install: Install
    image: Image
    without_contact: int
    without_route: int


def restoration(found: ReadBack, policy: Policy, identity_key: bytes, now: datetime) -> Restoration:
    """Work out, for each open lead, what the topics do not say, and put everything together as at *now*."""
    known: dict[str, Audience] = {}
    placed: dict[str, list[tuple[int, Place]]] = {}
    without_contact = without_route = 0
    for name, opening in found.courses.open.items():
        placed[name] = []
        for at, recorded in _decisions(found, opening):
            opens = recorded["submission_id"] == opening.lead.sub
            if not (opens or went_to_sales(recorded, policy)):
                continue
            form = found.forms.get(recorded["submission_id"])
            again = placed_again(recorded, form, opening.lead.pool or opening.pool, policy, identity_key)
            known.update((one.id, one) for one in again.audiences)
            placed[name].append((at, again.verb))
            without_contact += opens and form is None
            without_route += opens and not again.route_known
            if again.verb.company is not None:
                found.decisions.companies[name] = again.verb.company
    verb = install(policy, list(known.values()), now)
    owners = Owners(found.courses, found.decisions.companies)
    made = image(found.told, placed, owners, verb, found.line.last, to_millis(now))
    return Restoration(verb, made, without_contact, without_route)


def _decisions(found: ReadBack, opening: Opening) -> list[tuple[int, Recorded]]:
    lead = opening.lead
    known = found.decisions.in_order(lead.id)
    if known and known[0][1]["submission_id"] == lead.sub:
        return known
    touch_by = None if opening.touch_by is None else from_millis(opening.touch_by)
    stand_in = unrecorded(lead.id, lead.sub, from_millis(lead.submitted), touch_by, lead.policy)
    return [(lead.opened, stand_in), *known]
