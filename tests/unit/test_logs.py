"""Log lines: one form, no personal data even where something breaks, and no flood."""

from __future__ import annotations

import json
import logging
import threading

import pytest
import structlog

from router.entrypoints.logs import SAID_AGAIN_AFTER, Sparing, set_up_logs

ADDRESS = "ada@brightwell.example"


def broken() -> None:
    """Fail as a library would, with the data in its message."""
    message = f"cannot read {ADDRESS}"
    raise ValueError(message)


@pytest.mark.parametrize("style", ["json", "console"])
def test_an_exception_is_told_without_its_words(
    style: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Type and place of a bug are in the log, what it quotes is not; so for our lines and for a library's."""
    monkeypatch.delenv("ROUTER_DEBUG", raising=False)
    set_up_logs("json" if style == "json" else "console")
    try:
        broken()
    except ValueError:
        structlog.get_logger().exception("batch.failed", topic="form-submissions")
        logging.getLogger("some.library").exception("gave up")

    lines = capsys.readouterr().err
    assert lines.count("ValueError") == 2
    assert lines.count("broken") == 2
    assert ADDRESS not in lines


def test_a_thread_that_dies_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A library's thread leaves a log line and no traceback."""
    set_up_logs("json")
    thread = threading.Thread(target=broken, name="fetcher")
    thread.start()
    thread.join()

    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["thread"], told["error"]) == ("thread.failed", "fetcher", "ValueError")


def test_lines_are_json_with_an_event_name(capsys: pytest.CaptureFixture[str]) -> None:
    """A program can read each line: event, level, time and fields."""
    set_up_logs("json")
    structlog.get_logger().info("worker.ready", workspace="default")
    logging.getLogger("aiokafka").error("Unable to update metadata from %s", [1])

    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["level"], ours["workspace"]) == ("worker.ready", "info", "default")
    assert (theirs["event"], theirs["level"]) == ("Unable to update metadata from [1]", "error")


def test_a_library_says_the_same_thing_once_a_minute() -> None:
    """Lines of one kind are dropped until a minute has passed; another kind is not held up by it."""
    now = 100.0
    sparing = Sparing(lambda: now)

    def line(text: str, *about: object) -> logging.LogRecord:
        return logging.LogRecord("aiokafka.client", logging.ERROR, "client.py", 1, text, about, None)

    assert sparing.filter(line("Unable connect to node with id %s", 1))
    assert not sparing.filter(line("Unable connect to node with id %s", 2))
    assert sparing.filter(line("Heartbeat session expired"))
    now += SAID_AGAIN_AFTER
    assert sparing.filter(line("Unable connect to node with id %s", 1))
