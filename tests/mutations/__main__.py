"""
`python -m tests.mutations`: put each bug into a scratch copy, and tell what catches it.

Two judges, one after the other: the audit of a whole run on the embedded log, which
sees only the topics; and the tests that look at the place. Ends with 1 where a bug
got past both. Takes a minute or two a bug; needs Java and the jars of Kafka for some.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from tests.mutations.bugs import BUGS, Bug
from tests.mutations.scratch import Caught, NotThere, judged, put_in, scratch_copy

AUDITED = "tests/e2e/test_promises.py::test_promises_hold_on_the_embedded_log"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one bug."""

    bug: Bug
    audit: Caught
    tests: Caught

    @property
    def is_caught(self) -> bool:
        """Return whether anything failed."""
        return self.audit.test is not None or self.tests.test is not None


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the bugs whose names hold `--only`, all by default; print a row as each is judged."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="only bugs whose name holds this text")
    parser.add_argument("--list", action="store_true", help="tell the bugs, and try none")
    given = parser.parse_args(arguments)
    chosen = [bug for bug in BUGS if given.only in bug.name]
    if not chosen:
        parser.error(f"no bug's name holds {given.only!r}")
    if given.list:
        for bug in chosen:
            _say(f"{bug.promise:>2}  {bug.name} ({bug.file})")
        return 0
    return _try_all(chosen)


def _try_all(chosen: Sequence[Bug]) -> int:
    verdicts = []
    tests = dict.fromkeys(test for bug in chosen for test in bug.tests)
    with scratch_copy() as copy:
        if (before := judged(copy, [AUDITED, *tests])).test is not None:
            sys.stderr.write(f"error: {before.test} fails without any bug: {before.why}\n")
            return 1
    _say("| promise | bug | the audit of a run says | first test that fails |\n| ---: | --- | --- | --- |")
    with scratch_copy() as copy:
        for bug in chosen:
            try:
                with put_in(bug, copy):
                    verdict = Verdict(bug, judged(copy, [AUDITED]), judged(copy, bug.tests))
            except NotThere as moved:
                sys.stderr.write(f"error: {moved}\n")
                return 1
            verdicts.append(verdict)
            _say(_row(verdict))
    missed = [verdict.bug.name for verdict in verdicts if not verdict.is_caught]
    _say(f"\n{len(verdicts) - len(missed)} of {len(verdicts)} bugs are caught.")
    for name in missed:
        _say(f"NOT CAUGHT: {name}")
    return 1 if missed else 0


def _row(verdict: Verdict) -> str:
    audit = verdict.audit.why.replace("|", "/") if verdict.audit.test else "-"
    test = f"`{verdict.tests.test.partition('::')[2] or verdict.tests.test}`" if verdict.tests.test else "-"
    return f"| {verdict.bug.promise} | {verdict.bug.name} | {audit} | {test} |"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
