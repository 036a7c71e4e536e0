"""From events to events: whose account a person is, how much of the time was open, and leads that are given up."""

from __future__ import annotations

from pathlib import Path

from tests.unit.pipeline_floor import SIMPLE, Floor
from tests.unit.policy_text import change, load

ACCOUNTS = change("sticky: [owner]", "sticky: [owner, account]", SIMPLE)
WORKING = change("    sla: fast\n", "    sla: office-hours\n", SIMPLE)


def holders(floor: Floor) -> list[str]:
    """Return who was assigned the leads, in order."""
    rows = sorted(floor.log.on("lead-assignments"), key=lambda row: row["sequence"])
    return [row["rep_id"] for row in rows if "candidates" in row]


async def test_colleagues_go_to_the_rep_who_has_their_company(tmp_path: Path) -> None:
    """By the registrable domain of the address; the least loaded rep would have been another."""
    floor = await Floor(load(tmp_path, ACCOUNTS).policy, "ana", "ben").open()
    await floor.send("form-submissions", floor.submission(1), floor.submission(2, email="kim@sub.acme.example"))
    assert holders(floor) == ["ana", "ana"]


async def test_a_free_mail_provider_is_nobodys_company(tmp_path: Path) -> None:
    """Two strangers at gmail.com are not colleagues."""
    floor = await Floor(load(tmp_path, ACCOUNTS).policy, "ana", "ben").open()
    people = (floor.submission(number, email=f"p{number}@gmail.com") for number in (1, 2))
    await floor.send("form-submissions", *people)
    assert holders(floor) == ["ana", "ben"]


async def test_a_working_clock_tells_wall_time_and_open_time(tmp_path: Path) -> None:
    """Sent at 15:00 in Oslo, touched at 18:00: three hours, of which the office was open for two."""
    floor = await Floor(load(tmp_path, WORKING).policy, "ben").open()
    await floor.send("form-submissions", floor.submission(1))
    floor.clock.advance(hours=3)
    await floor.send("rep-actions", floor.action(1, floor.lead(), "ben", "touch"))
    [met] = floor.log.on("sla-events")
    assert (round(met["elapsed_seconds"]), round(met["open_seconds"])) == (3 * 3_600, 2 * 3_600)
    floor.check()


async def test_a_lead_that_is_given_up_is_told_to_the_manager_in_words(tmp_path: Path) -> None:
    """What happened, to whom, and the way to reach that person still."""
    floor = await Floor(load(tmp_path, SIMPLE).policy, "ben").open()
    await floor.send("form-submissions", floor.submission(1, first_name="Dana", phone="+4722225555"))
    await floor.send("rep-actions", floor.action(1, floor.lead(), "ben", "accept"))
    await floor.tick(days=7)
    told = floor.log.on("rep-notifications")[-1]
    assert (told["kind"], told["recipient"]) == ("sla_breach", {"type": "manager", "id": "mia"})
    assert told["title"] == "Given up, as nobody has called: Dana"
    assert "+4722225555" in told["text"]
    assert "due by" not in told["text"]
    closed = [row for row in floor.log.on("lead-assignments") if row["reason"] == "abandoned"]
    assert len(closed) == 1
    floor.check()
