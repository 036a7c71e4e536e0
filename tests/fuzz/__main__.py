"""
`python -m tests.fuzz TARGET --seconds N`: looks at length for an input that breaks what must hold, with atheris.

It goes where no input has been (coverage of the router's own code guides it), from the examples on. What it finds it
prints, and leaves in the folder that it names; each finding becomes a test before it is mended.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install 'speed-to-lead-router[fuzz]', or make fuzz")

with atheris.instrument_imports(include=["router"]):
    from router.events import INPUT_TOPICS, TOPICS
    from tests.fuzz import targets
    from tests.unit.policy_text import MINIMAL

ROOT = Path(__file__).resolve().parents[2]
MODES: tuple[dict[str, bytes], ...] = (
    {},
    {"content-type": b"application/cloudevents+json"},
    {"ce_specversion": b"1.0", "ce_id": b"1"},
)


def events(data: bytes) -> None:
    """Take the first byte for topic and mode, the rest for the value."""
    first, value = data[0] if data else 0, data[1:]
    topic, headers = INPUT_TOPICS[first % len(INPUT_TOPICS)], dict(MODES[first // len(INPUT_TOPICS) % len(MODES)])
    if "ce_id" in headers:
        [ce_type] = TOPICS[topic]
        headers["ce_type"] = ce_type.encode()
    targets.event(targets.record(topic, value, headers))


def configuration(data: bytes) -> None:
    """Take the bytes for the one file of a configuration."""
    targets.configuration(data)


def expression(data: bytes) -> None:
    """Take the bytes for the text of an expression."""
    targets.expression(data.decode("utf-8", "surrogateescape"))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "events": events,
    "configuration": configuration,
    "expression": expression,
}


def seeds(target: str) -> Iterator[bytes]:
    """Yield what to begin with."""
    if target == "events":
        for index, topic in enumerate(INPUT_TOPICS):
            for example in targets.examples(topic):
                yield bytes([index]) + orjson.dumps(example)
                yield bytes([index]) + orjson.dumps({"specversion": "1.0", "id": "1", "source": "/", "data": example})
    elif target == "configuration":
        yield from (file.read_bytes() for file in sorted((ROOT / "config").glob("*.yaml")))
        yield MINIMAL.encode()
    else:
        yield from (
            b"lead.email == 'a'",
            b"has(company.employees) && company.employees >= 50 || !fit.icp",
            b"[1].all(x, x > 0)",
        )


def main() -> None:
    """Run one target until its time is over or something is found."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("target", choices=sorted(TARGETS))
    options.add_argument("--seconds", type=int, default=60)
    given = options.parse_args()
    targets.quiet()
    found = Path(tempfile.mkdtemp(prefix=f"router-fuzz-{given.target}-"))
    corpus = found / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds(given.target)):
        (corpus / str(number)).write_bytes(seed)
    sys.stderr.write(f"{given.target}: {given.seconds} s; what breaks something is left in {found}\n")
    words = [sys.argv[0], str(corpus), f"-max_total_time={given.seconds}", "-timeout=20", "-rss_limit_mb=2048"]
    atheris.Setup(
        [*words, "-max_len=8192", "-print_final_stats=1", f"-artifact_prefix={found}/"], TARGETS[given.target]
    )
    with contextlib.suppress(SystemExit):
        atheris.Fuzz()


if __name__ == "__main__":
    main()
