"""Links that act for a person: what they say, that nobody else can make one, and when they are over."""

from __future__ import annotations

import string
from dataclasses import dataclass

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.pipeline.links import AFTER_DUE, HOUR, WITHOUT_CLOCK, Claim, Signer
from router.pipeline.render import render
from router.ports import Applied

URL = "https://leads.example.com/router/"
SIGNER = Signer(b"s" * 32, URL)
NOW = 1_772_460_309_123
UNTIL = 1_772_460_600_000

ids = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=64)


def tokens(lead_id: str = "L1", attempt: int = 3, rep_id: str = "ana", until: int = UNTIL) -> dict[str, str]:
    """Return the links' last parts by name."""
    links = SIGNER.links(lead_id, attempt, rep_id, until)
    assert links is not None
    assert all(url.startswith("https://leads.example.com/router/a/") for url in links.values())
    return {name: url.rpartition("/")[2] for name, url in links.items()}


@given(lead_id=ids, attempt=st.integers(0, 10**6), rep_id=ids, until=st.integers(1_000, 10**13))
def test_a_link_says_what_it_was_made_of(lead_id: str, attempt: int, rep_id: str, until: int) -> None:
    """Whatever the ids hold; its end to the second."""
    for action, token in tokens(lead_id, attempt, rep_id, until).items():
        assert SIGNER.read(token, 0) == Claim(lead_id, attempt, rep_id, action, until // 1000 * 1000)  # type: ignore[arg-type]  # the names are the actions


@given(data=st.data(), action=st.sampled_from(["accept", "decline", "touched", "view"]))
def test_a_changed_link_says_nothing(data: st.DataObject, action: str) -> None:
    """One character more, less or other, anywhere."""
    token = tokens()[action]
    place = data.draw(st.integers(0, len(token)))
    other = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_.=é "))
    cut = data.draw(st.integers(0, 1))
    changed = token[:place] + other + token[place + cut :]

    assert changed == token or SIGNER.read(changed, 0) is None


def test_an_action_cannot_be_changed_for_another() -> None:
    """Who may look may not accept."""
    token = tokens()["view"]

    assert SIGNER.read(token.replace(".v.", ".a."), 0) is None


@pytest.mark.parametrize("rubbish", ["", ".", "..", "a.b.c", "\x00", "é", "a" * 5000, "TDE.a.", "%2e%2e/etc"])
def test_rubbish_says_nothing(rubbish: str) -> None:
    """Whatever stands behind /a/."""
    assert SIGNER.read(rubbish, 0) is None


def test_another_secret_makes_other_links() -> None:
    """And those of one are nothing to the other; nor is anything that was signed for another purpose."""
    other = Signer(b"t" * 32, URL)

    assert other.read(tokens()["accept"], 0) is None
    assert other.links("L1", 3, "ana", UNTIL) != SIGNER.links("L1", 3, "ana", UNTIL)


def test_a_link_is_over_at_its_end() -> None:
    """Not a millisecond later."""
    token = tokens()["accept"]

    assert SIGNER.read(token, UNTIL - 1) is not None
    assert SIGNER.read(token, UNTIL) is None


def test_without_a_public_address_there_are_none() -> None:
    """Those that were made before can still be read."""
    silent = Signer(b"s" * 32, None)

    assert silent.links("L1", 3, "ana", UNTIL) is None
    assert silent.view("L1", 3, "mia", UNTIL) is None
    assert silent.read(tokens()["accept"], 0) is not None


def test_links_are_short() -> None:
    """Below 110 characters beside the address, for a lead id and a rep as they are."""
    assert max(map(len, tokens("ld_d60150b46111bdc753691fda026f9725", 12, "ana-maria").values())) < 110


@dataclass(frozen=True, slots=True)
class Told:
    """What a notification came to."""

    value: bytes
    links: dict[str, str] | None


def told(kind: str, *, role: str = "rep", due: int | None = UNTIL, at: int = NOW) -> Told:
    """Render the fact of one notification."""
    fact = {
        "t": "notify",
        "kind": kind,
        "role": role,
        "to": "ana",
        "at": at,
        "lead": "L1",
        "sub": "s1",
        "attempt": 2,
        "about": "",
        "card": "{}",
        "touch_by": due,
    }
    fact = {name: value for name, value in fact.items() if value is not None}
    [record] = render(Applied("done", orjson.dumps([fact])), "default", SIGNER)
    return Told(record.value or b"", orjson.loads(record.value or b"{}")["links"])


@pytest.mark.parametrize("kind", ["assigned", "reminder", "repeat", "sla_warning", "sla_breach"])
def test_a_holder_can_act(kind: str) -> None:
    """Each kind that speaks to who holds the lead."""
    links = told(kind).links
    assert links is not None
    claims = {name: SIGNER.read(url.rpartition("/")[2], NOW) for name, url in links.items()}

    assert claims == {
        name: Claim("L1", 2, "ana", name, (UNTIL + AFTER_DUE) // 1000 * 1000)
        for name in ("accept", "decline", "touched", "view")
    }


@pytest.mark.parametrize("kind", ["unassigned", "superseded"])
def test_who_has_lost_the_lead_gets_no_links(kind: str) -> None:
    """There is nothing for them to do."""
    assert told(kind).links is None


@pytest.mark.parametrize("kind", ["no_rep_available", "sla_breach", "sla_warning"])
def test_a_manager_may_look(kind: str) -> None:
    """And not act in somebody's name."""
    links = told(kind, role="manager").links

    assert links is not None
    assert list(links) == ["view"]


@pytest.mark.parametrize(
    ("due", "at", "ends"),
    [
        (UNTIL, NOW, UNTIL + AFTER_DUE),
        (UNTIL, UNTIL + HOUR, UNTIL + HOUR + AFTER_DUE),
        (None, NOW, NOW + WITHOUT_CLOCK),
    ],
)
def test_the_end_follows_from_the_fact(due: int | None, at: int, ends: int) -> None:
    """Some time after the call is due, or after a late word of it; a week without a clock."""
    links = told("assigned", due=due, at=at).links
    assert links is not None
    claim = SIGNER.read(links["accept"].rpartition("/")[2], 0)

    assert claim is not None
    assert claim.expires_at == ends // 1000 * 1000


def test_the_same_fact_is_the_same_event() -> None:
    """To the letter: it may be published again, by another process."""
    again = Signer(b"s" * 32, URL)

    assert told("assigned").value == told("assigned").value
    assert again.links("L1", 3, "ana", UNTIL) == SIGNER.links("L1", 3, "ana", UNTIL)
