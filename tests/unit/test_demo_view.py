"""The demo's picture: a frame of a fixed story at a fixed moment shows what it should, at any size."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from router.demo.script import policy_directory
from router.demo.story import Story
from router.demo.view import SMALLEST, frame, spotlight
from router.entrypoints.demo import style_for
from router.policy import load_policy
from tests.unit.demo_events import START, assignment, clock_turned, decided, form, one_lead, present

POLICY = load_policy(policy_directory()).policy
SIZES = [SMALLEST, (100, 30), (140, 40), (220, 60)]


def drawn(story: Story, seconds: float, width: int = 80, height: int = 24) -> str:
    """Return the frame at a moment as plain text."""
    console = Console(width=width, height=height, file=StringIO(), record=True, color_system=None)
    moment = START + timedelta(seconds=seconds)
    console.print(frame(story, moment, width, height, over=timedelta(seconds=20)), end="")
    return console.export_text()


def told(*numbers: int) -> Story:
    """Return the story of that many leads, held and accepted by Priya since 0.3 s."""
    story = Story(POLICY, START)
    story.see(present("priya", 0))
    for number in numbers:
        story.see(form(number, 0, first_name="Jamie", last_name=f"Tran {number}"))
        story.see(decided(number, 0))
        story.see(assignment("assigned", number, 2 * number, 0.02))
        story.see(assignment("accepted", number, 2 * number + 1, 0.3, accept_by=None))
    return story


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_frame_fills_the_terminal_and_no_more(width: int, height: int) -> None:
    """So many lines of so many columns, however many leads there are: nothing wraps or scrolls."""
    lines = drawn(told(*range(1, 40)), 1.0, width, height).splitlines()

    assert len(lines) == height
    assert {cell_len(text) <= width for text in lines} == {True}


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_frame_shows_decision_owner_clock_and_reps(width: int, height: int) -> None:
    """The decision with stage, reason and tag; who got the lead and why; the clock's countdown; each rep."""
    picture = drawn(told(1), 1.6, width, height)

    assert "SQL  Jamie Tran 1, Kestrel HVAC" in picture
    assert "decides, and fits" in picture
    assert "#decision-maker" in picture
    assert "Priya Menon gets Jamie Tran 1, Kestrel HVAC" in picture
    assert "the one who is free in mid-market" in picture
    assert "Luc full · Jonas away" in picture
    assert "3:24" in picture  # 3.4 s of 5 s are left, a second stands for a minute
    assert "5 min = 5 s here" in picture
    assert all(rep.name.partition(" ")[0] in picture for rep in POLICY.reps.values())
    assert "■□□" in picture  # one of Priya's three


def test_a_lead_that_nobody_holds_is_shown_waiting() -> None:
    """In the decision, among the clocks, and in the count."""
    story = Story(POLICY, START)
    story.see(form(1, 0))
    story.see(decided(1, 0))
    story.see(assignment("queued", 1, 1, 0.02, rep_id=None, attempt=0))
    picture = drawn(story, 1.0)

    assert "→ waits" in picture
    assert "1 waiting" in picture


def test_a_breach_and_a_late_call_are_not_hidden() -> None:
    """Past its time a clock says so, and by how much; the call that follows shows how late it was."""
    story = told(1)
    story.see(clock_turned("breached", 1, 5.0))
    assert "BREACHED" in drawn(story, 5.5)
    assert "+0:30" in drawn(story, 5.5)
    assert "1 breached" in drawn(story, 5.5)

    story.see(assignment("touched", 1, 9, 5.8))
    story.see(clock_turned("resolved", 1, 5.8))

    assert "5:48" in drawn(story, 6.0)
    assert "5:48" not in drawn(story, 8.0)


def test_what_does_not_fit_is_counted() -> None:
    """Of more clocks than lines the most urgent are shown, and the rest is a number."""
    picture = drawn(told(*range(1, 31)), 1.0)

    assert "and 21 more" in picture


def test_there_is_room_for_news_on_a_tall_terminal() -> None:
    """Who came, went or handed a lead back is listed where lines are left."""
    story = told(1)
    story.see(assignment("unassigned", 1, 9, 1.0, reason="declined"))

    assert "Priya declined it: Kestrel HVAC" in drawn(story, 1.2, 140, 40)
    assert "Priya declined it" not in drawn(story, 1.2)


def test_an_assignment_stays_explained_for_a_while() -> None:
    """The one that passed most reps over in the last spell is shown for the whole of the next."""
    story = told(1, 2)
    shown = {spotlight(story, START + timedelta(seconds=seconds)) for seconds in (1.5, 2.0, 2.9)}

    assert len(shown) == 1


@pytest.mark.parametrize(
    ("changed", "expected"),
    [({}, "live"), ({"NO_COLOR": "1"}, "plain"), ({"TERM": "dumb"}, "plain"), ({"COLUMNS": "60"}, "plain")],
)
def test_it_is_drawn_only_where_it_can_be_seen(
    changed: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal of some size that wants colours it is a picture, elsewhere it is lines."""

    class Terminal(StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"TERM": "xterm", "COLUMNS": "80", "LINES": "24", **changed}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", Terminal())

    assert style_for(plain=False, as_json=False) == expected
    assert style_for(plain=True, as_json=False) == "plain"
    assert style_for(plain=False, as_json=True) == "json"


def test_a_frame_of_nothing_yet_can_be_drawn() -> None:
    """Before the first event there is a frame too."""
    assert "speed-to-lead router" in drawn(Story(POLICY, START), 0.0)


def test_a_finished_story_leaves_no_clock() -> None:
    """When all is over, nothing ticks."""
    story = Story(POLICY, START)
    for each in one_lead():
        story.see(each)

    assert "━" not in drawn(story, 30).split("clocks")[1].splitlines()[1]
