"""The shipped example can be read, is long enough, and holds the turns that it is there to show."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from router.demo.script import Move, policy_directory, rep_scripts, submissions
from router.events.submission import FormSubmitted
from router.policy import load_policy

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_the_policy_checks() -> None:
    """The example's configuration is taken without a warning, and its reps are those of the script."""
    loaded = load_policy(policy_directory())

    assert loaded.warnings == ()
    assert set(loaded.policy.reps) == set(rep_scripts())
    assert len(loaded.policy.managers) == 2


def test_every_submission_can_be_read() -> None:
    """Two hundred and more, in order, within twenty seconds, each by the contract's model and a form of the policy."""
    planned = submissions(START)
    forms = load_policy(policy_directory()).policy.forms

    assert len({each.data["submission_id"] for each in planned}) >= 200
    assert [each.at for each in planned] == sorted(each.at for each in planned)
    assert planned[0].at >= START
    assert planned[-1].at <= START + timedelta(seconds=20)
    assert {FormSubmitted.model_validate(each.data).form for each in planned} == set(forms)


def test_a_redelivery_is_the_same_event() -> None:
    """A line that repeats a submission repeats all of it."""
    said: dict[str, set[str]] = {}
    for each in submissions(START):
        said.setdefault(each.data["submission_id"], set()).add(
            repr(sorted(each.data.items(), key=lambda item: item[0]))
        )

    assert {len(versions) for versions in said.values()} == {1}
    assert len(submissions(START)) > len(said)


def test_no_message_is_a_template() -> None:
    """Nobody writes what somebody else wrote; names and messages are not variations of one line."""
    once = {each.data["submission_id"]: each.data for each in submissions(START)}.values()
    messages = Counter(data["message"] for data in once if "message" in data)

    assert len(messages) > 120
    assert set(messages.values()) == {1}
    assert len({(data.get("first_name"), data.get("last_name")) for data in once}) > 180


def test_nobody_real_is_in_it() -> None:
    """Company addresses are under reserved names; free mail has names too short to exist."""
    for planned in submissions(START):
        box, _, host = str(planned.data.get("email", "x@x.example")).strip().lower().rpartition("@")
        short = host == "gmail.com" and len(box.replace(".", "")) < 6
        assert (
            short
            or host.endswith((".example", ",example", ".exmaple", ".con"))
            or host in THROW_AWAY | {"not an address"}
        )


THROW_AWAY = {"mailinator.com", "tempmail.com"}


def test_people_come_back() -> None:
    """Some people send more than one form."""
    once = {each.data["submission_id"]: each.data for each in submissions(START)}.values()
    reached = Counter(str(data.get("email") or data.get("phone")).lower() for data in once)

    assert sum(times > 1 for times in reached.values()) >= 10


def test_a_rep_follows_the_script() -> None:
    """Accept and call, decline each third, miss two, call one late: by the number of the offer."""
    scripts = rep_scripts()

    def ms(value: int) -> timedelta:
        return timedelta(milliseconds=value)

    assert scripts["nora"].answer(1, must_accept=True) == (Move(ms(200), "accept"), Move(ms(1400), "touch"))
    assert scripts["nora"].answer(1, must_accept=False) == (Move(ms(1400), "touch"),)
    assert [scripts["sam"].answer(offer, must_accept=True)[0].action for offer in (1, 2, 3, 6)] == [
        "accept",
        "accept",
        "decline",
        "decline",
    ]
    assert [len(scripts["luc"].answer(offer, must_accept=True)) for offer in (1, 2, 3, 4)] == [2, 0, 0, 2]
    assert scripts["luc"].answer(2, must_accept=False) != ()
    assert scripts["tess"].answer(2, must_accept=True)[-1].after > ms(5000)


def test_everybody_is_there_at_some_time_and_somebody_leaves() -> None:
    """Each rep becomes available; one goes away midway and comes back."""
    scripts = rep_scripts()

    assert all(any(sign.status == "available" for sign in script.presence) for script in scripts.values())
    assert [sign.status for sign in scripts["jonas"].presence] == ["available", "away", "available"]
