"""A lead's story in a terminal: what a salesperson or an operator must find there, however it is laid out."""

from __future__ import annotations

import re

from rich.console import Console

from router.domain.lead_story.shape import LeadStory, Standing
from router.domain.lead_story.tell import tell
from router.entrypoints.explain_view import printed
from tests.unit.lead_story_telling import PERSONAL, Telling
from tests.unit.ledger_story import seat


def text(story: LeadStory, width: int = 100) -> str:
    """Return the story as a terminal of so many columns has it, each run of blanks as one."""
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(printed(story))
    assert max(map(len, captured.get().splitlines())) <= width
    return re.sub(r"\s+", " ", captured.get())


def eventful() -> Telling:
    """Let ana decline, ben accept too late to call in time, and the lead come back with better news."""
    telling = Telling(seat("ana", manager="mia"), "ben", "cleo")
    telling.come("ana", "ben")
    telling.send(stage="lead", route=None, to="nurture", sla=None, tags=[], reasons=["Downloaded content"])
    telling.wait(3_600)
    telling.send(age=3, engagement={"score": 61.0, "threshold": 50}, accept_within=60)
    telling.wait(5)
    telling.act("decline", "L1", "ana")
    telling.wait(7)
    telling.act("accept", "L1", "ben")
    return telling


def test_where_it_stands_comes_first() -> None:
    """Who holds the lead, since when, and until when somebody must call, in plain words."""
    telling = eventful()
    telling.wait(48)
    shown = text(telling.told())

    assert shown.startswith("Lead L1 Now held by ben since 2026-03-02 15:00:05 (55 s ago), accepted")
    assert "First contact due by 2026-03-02 15:04:57 (in 3 min 57 s)." in shown


def test_each_decision_and_what_changed_the_mind() -> None:
    """Both decisions with their reasons, what the later says otherwise, and why."""
    shown = text(eventful().told())

    assert "lead -> nurture" in shown
    assert "- Downloaded content" in shown
    assert "SQL -> sales opens the lead" in shown
    assert "Changed: stage lead -> sql; route none -> hot; tags none -> paid; sla none -> hot; to nurture -> sales" in (
        shown
    )
    assert "because: Engagement 61, at or above 50; before it was 12" in shown
    assert "+ SQL: decides, and fits" in shown


def test_each_attempt_and_why_not_others() -> None:
    """To whom, out of whom, why not each other one, and what became of it after how long."""
    shown = text(eventful().told())

    assert "attempt 1: ana by route hot, step 1, pool all could take it: ana, ben (3 looked at)" in shown
    assert "not cleo: cleo is offline" in shown
    assert "declined by ana after 5 s" in shown
    assert "not ana: ana has had this lead before" in shown
    assert "accepted by ben after 7 s" in shown


def test_clocks_with_a_sum_that_adds_up() -> None:
    """A clock shows its warnings, its end, and where the time went."""
    telling = eventful()
    telling.wait(290)
    telling.act("touch", "L1", "ben")
    shown = text(telling.told())

    assert "hot, 5 min, due 2026-03-02 15:04:57: resolved submission s2" in shown
    assert "warned at 50% after 2 min 30 s, attempt 2 with ben" in shown
    assert "breached after 5 min, attempt 2 with ben" in shown
    assert "resolved after 5 min 5 s, attempt 2 with ben" in shown
    [sum_of_breach, sum_of_end] = re.findall(
        r"ingest (\S+) \+ decide (\S+) \+ queue (\S+) \+ accept (\S+) \+ touch (\S+) = (\S+) s", shown
    )
    assert (sum_of_breach[0], sum_of_breach[-1]) == ("3.000", "300.000")
    assert (sum_of_end[0], sum_of_end[3], sum_of_end[-1]) == ("3.000", "7.000", "305.000")
    assert sum(map(float, sum_of_end[:-1])) == float(sum_of_end[-1])
    assert "Now touched by ben at" in shown


def test_who_was_told() -> None:
    """Each notification has its kind, whom it went to and when; and nothing of what it said."""
    telling = eventful()
    telling.wait(290)
    shown = text(telling.told())

    assert "assigned -> rep ana (attempt 1)" in shown
    assert "sla_breach -> manager mia (attempt 2)" in shown
    assert [value for value in PERSONAL.values() if value in shown] == []


def test_a_lead_that_waits() -> None:
    """A wait says for how long, that it lasts, and what an overdue lead is."""
    telling = Telling("ana")
    telling.send()
    telling.wait(400)
    shown = text(telling.told())

    assert "Now waiting for a rep since 2026-03-02 14:00:00 (6 min 40 s ago)" in shown
    assert "(1 min 40 s ago): overdue." in shown
    assert "nobody who may take it is free; and waits still, 6 min 40 s now" in shown


def test_opened_again_and_closed() -> None:
    """A reopening is marked where the hands begin anew, and a close says as what."""
    telling = Telling("ana")
    telling.come("ana")
    telling.send()
    telling.act("touch", "L1", "ana")
    telling.send()
    telling.close("L1", "lost")
    shown = text(telling.told())

    assert "SQL -> sales opens the lead again" in shown
    assert "touched by ana: first contact made (call)" in shown
    assert "Opened again, under submission s3" in shown
    assert "closed as lost" in shown
    assert "cancelled" in shown


def test_parked_is_explained() -> None:
    """A lead that has had all its attempts says who may get it now."""
    telling = Telling("ana", max_attempts=1)
    telling.come("ana")
    telling.send()
    telling.act("decline", "L1", "ana")

    assert "It has had all its attempts" in text(telling.told())


def test_disagreement_is_shown_on_top() -> None:
    """What the log lacks is said before all else."""
    telling = Telling("ana")
    telling.come("ana")
    telling.send()
    story = tell("L1", telling.of(), Standing("accepted", 1, "ana"), telling.moment)

    shown = text(story)
    assert "Note: The log is behind the ledger." in shown
    assert shown.index("Note:") < shown.index("Decisions")


def test_a_narrow_terminal_has_all_of_it() -> None:
    """What does not fit in a line goes on in the next."""
    assert text(eventful().told(), width=40) == text(eventful().told(), width=100)


def test_ids_cannot_speak_to_the_terminal() -> None:
    """A producer's id with control characters is shown without them, and markup is only text."""
    telling = Telling("ana")
    telling.come("ana")
    telling.do(
        telling.submission(submission_id="evil\x1b[2J[bold]", clock=None, decision=_decision("evil\x1b[2J[bold]"))
    )
    shown = text(telling.told())

    assert "\x1b" not in shown
    assert "evil\ufffd[2J[bold]" in shown


def _decision(submission_id: str) -> str:
    telling = Telling("ana")
    telling.send()
    [one] = telling.told().decisions
    return one.decision.model_copy(update={"submission_id": submission_id}).model_dump_json()
