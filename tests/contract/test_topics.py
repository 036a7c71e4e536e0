"""`topics/` against the contract, the models and itself: nothing missing, nothing left over, nothing out of date."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from router.errors import BadInput
from router.events import INPUT_TOPICS, TOPIC_OF_TYPE, TOPICS
from router.events.catalogue import FOLDERS_BESIDE, catalogue, folder, read_topic
from router.events.envelope import MAX_KEPT_HEADER_BYTES, MAX_KEPT_VALUE_BYTES, MAX_VALUE_BYTES, decode_value
from router.events.schemas import main, rendered, stale, write

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "topics"

CONTRACT: Mapping[str, tuple[tuple[str, ...], str | None, tuple[str, ...], int]] = {
    "form-submissions": (("in",), None, ("form.submitted.v1",), 30),
    "lead-activities": (("in",), None, ("lead.activity.v1",), 90),
    "rep-presence": (("in", "out"), "rep_id", ("rep.presence.v1",), 7),
    "rep-actions": (("in",), None, ("rep.action.v1",), 30),
    "lead-outcomes": (("in",), None, ("lead.outcome.v1",), 400),
    "lead-decisions": (("out",), "lead_id", ("lead.decided.v1",), 400),
    "lead-assignments": (
        ("out",),
        "lead_id",
        (
            "lead.queued.v1",
            "lead.assigned.v1",
            "lead.accepted.v1",
            "lead.unassigned.v1",
            "lead.touched.v1",
            "lead.closed.v1",
        ),
        400,
    ),
    "rep-notifications": (("out",), "the recipient's id", ("notification.requested.v1",), 7),
    "sla-events": (
        ("out",),
        "lead_id",
        ("sla.warned.v1", "sla.breached.v1", "sla.met.v1", "sla.resolved.v1", "sla.cancelled.v1"),
        400,
    ),
    "dead-letters": (("out",), "the source topic's full name", ("event.rejected.v1",), 30),
}
"""The contract's table: in or out, key, types, days kept; all are cleaned up by deletion."""

PERSONAL = {"form-submissions", "lead-activities", "rep-actions", "lead-outcomes", "rep-notifications", "dead-letters"}

EXAMPLES = sorted((path.parent.name, path.stem) for path in (FOLDER / "examples").glob("*/*.json"))


def test_topics_are_those_of_the_contract() -> None:
    """Every topic of the contract has its file, and no file describes another."""
    assert list(catalogue()) == list(TOPICS) == list(CONTRACT)
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {*CONTRACT, "asyncapi"}
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} == set(FOLDERS_BESIDE)


@pytest.mark.parametrize("name", CONTRACT)
def test_a_topic_is_as_the_contract_says(name: str) -> None:
    """Direction, key, types, cleanup and retention are the contract's; a topic with personal data says so."""
    direction, key, types, days = CONTRACT[name]
    topic = catalogue()[name]
    assert (topic.direction, topic.key, tuple(topic.types)) == (direction, key, types)
    assert tuple(TOPICS[name]) == types
    assert (topic.cleanup, topic.retention) == ("delete", timedelta(days=days))
    assert topic.retention_ms == days * 86_400_000
    assert topic.partitions == 12
    assert topic.personal_data == (name in PERSONAL)


def test_input_topics_are_those_that_come_in() -> None:
    """What the pipeline reads is what the table calls in."""
    assert tuple(name for name, topic in catalogue().items() if "in" in topic.direction) == INPUT_TOPICS


def test_processes_are_on_the_right_side() -> None:
    """The worker reads what comes in and writes what goes out."""
    for topic in catalogue().values():
        assert ("worker" in topic.consumers) == ("in" in topic.direction), topic.name
        assert ("worker" in topic.producers) == ("out" in topic.direction), topic.name


def test_sizes_leave_room() -> None:
    """Too large an event still fits its topic, so that it can be refused, and its dead letter fits as well."""
    escaped = 6  # a control character in a header takes six in JSON
    for name in INPUT_TOPICS:
        assert catalogue()[name].max_message_bytes >= 4 * MAX_VALUE_BYTES
        assert catalogue()[name].max_message_bytes <= MAX_KEPT_VALUE_BYTES
    letter = MAX_KEPT_VALUE_BYTES * 4 // 3 + MAX_KEPT_HEADER_BYTES * escaped
    assert catalogue()["dead-letters"].max_message_bytes > letter + 64 * 1024


def test_every_schema_and_example_belongs_to_a_type() -> None:
    """No schema and no example is an orphan, and none that a topic names is missing."""
    types = {ce_type: each for topic in catalogue().values() for ce_type, each in topic.types.items()}
    assert {each.schema_file for each in types.values()} == {path.name for path in (FOLDER / "schemas").iterdir()}
    named = sorted((ce_type, example) for ce_type, each in types.items() for example in each.examples)
    assert named == EXAMPLES
    assert all(path.suffix == ".json" for path in (FOLDER / "examples").glob("*/*"))


@pytest.mark.parametrize(("ce_type", "name"), EXAMPLES)
def test_an_example_is_valid(ce_type: str, name: str) -> None:
    """An example is accepted by schema and model alike and names only fields that the model has."""
    value = (FOLDER / "examples" / ce_type / f"{name}.json").read_bytes()
    schema = json.loads((FOLDER / "schemas" / f"{ce_type}.json").read_bytes())
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(json.loads(value))
    headers = {"ce_type": ce_type.encode(), "ce_specversion": b"1.0"}
    event = decode_value(TOPIC_OF_TYPE[ce_type], value, headers).data
    assert set(json.loads(value)) <= set(type(event).model_fields)


@pytest.mark.parametrize(("ce_type", "name"), [each for each in EXAMPLES if TOPIC_OF_TYPE[each[0]] not in INPUT_TOPICS])
def test_an_example_of_output_is_what_the_router_writes(ce_type: str, name: str) -> None:
    """Written again by the model, an example of an output event is the same, times with milliseconds and all."""
    content = json.loads((FOLDER / "examples" / ce_type / f"{name}.json").read_bytes())
    written = TOPICS[TOPIC_OF_TYPE[ce_type]][ce_type].model_validate(content).model_dump(mode="json")
    moments = {key for key, value in content.items() if isinstance(value, str) and value[4:5] == value[7:8] == "-"}
    for key, value in content.items():
        expected = written[key]
        if key in moments and len(value) == len("2026-03-02T14:05:09Z"):
            assert expected == value.replace("Z", ".000Z")
        elif isinstance(value, dict):
            assert value.items() <= expected.items()
        else:
            assert expected == value


@pytest.mark.parametrize("ce_type", TOPIC_OF_TYPE)
def test_a_schema_is_one(ce_type: str) -> None:
    """A schema keeps to its dialect, has its own address and describes the event."""
    schema = json.loads((FOLDER / "schemas" / f"{ce_type}.json").read_bytes())
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(f":{ce_type}")
    assert schema["description"].endswith(".")
    assert schema.get("additionalProperties", True) is True


@pytest.mark.parametrize("ce_type", TOPIC_OF_TYPE)
def test_a_schema_refuses_an_empty_event(ce_type: str) -> None:
    """A schema asks for the fields that the contract asks for."""
    schema = json.loads((FOLDER / "schemas" / f"{ce_type}.json").read_bytes())
    assert not Draft202012Validator(schema).is_valid({})


def test_examples_are_of_invented_people() -> None:
    """No address in an example can reach anybody."""
    for path in (FOLDER / "examples").glob("*/*.json"):
        words = path.read_text("utf-8").replace('"', " ").split()
        assert all(word.rstrip(",.").endswith(".example") for word in words if "@" in word), path


def test_generated_files_are_up_to_date() -> None:
    """Schemas, AsyncAPI document and reference page are what `make topics` would write now."""
    assert stale(ROOT) == []


def test_check_tells_what_is_stale(tmp_path: Path) -> None:
    """A changed, a missing and a left-over file are found, and writing mends all three."""
    assert set(write_empty(tmp_path)) == set(rendered())
    assert stale(tmp_path) == []
    (tmp_path / "topics/schemas/sla.met.v1.json").write_text("{}", "utf-8")
    (tmp_path / "topics/asyncapi.yaml").unlink()
    (tmp_path / "topics/schemas/sla.forgotten.v1.json").write_text("{}", "utf-8")
    found = ["topics/asyncapi.yaml", "topics/schemas/sla.forgotten.v1.json", "topics/schemas/sla.met.v1.json"]
    assert stale(tmp_path) == found
    assert write(tmp_path) == found
    assert stale(tmp_path) == []


def write_empty(root: Path) -> list[str]:
    """Write everything into a folder that holds nothing yet."""
    (root / "topics" / "schemas").mkdir(parents=True)
    return list(write(root))


def test_the_command_checks(capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` ends with 0 where all is up to date, and an unknown option is wrong usage."""
    assert main(["--check"]) == 0
    assert main(["--chekc"]) == 2
    assert "usage" in capsys.readouterr().err


GOOD = """\
description: Something that happened somewhere.
direction: [in]
key: null
partitions: 12
cleanup: delete
retention: 30d
max_message_bytes: 1048576
producers: [outside]
consumers: [worker]
personal_data: true
types:
  a.b.v1: {schema: a.b.v1.json, examples: [one]}
"""


def test_a_good_file_is_read(tmp_path: Path) -> None:
    """The file that the tests below break is good as it stands."""
    path = tmp_path / "some-topic.yaml"
    path.write_text(GOOD, "utf-8")
    assert read_topic(path).name == "some-topic"


@pytest.mark.parametrize(
    ("right", "wrong", "names"),
    [
        ("partitions: 12", "partitions: 12\nretentoin: 1d", "retentoin"),
        ("schema: a.b.v1.json", "shema: a.b.v1.json", "types.a.b.v1.shema"),
        ("partitions: 12", "partitions: '12'", "partitions"),
        ("partitions: 12", "partitions: 0", "partitions"),
        ("retention: 30d", "retention: 30", "retention"),
        ("retention: 30d", "retention: 0d", "retention"),
        ("cleanup: delete", "cleanup: remove", "cleanup"),
        ("personal_data: true\n", "", "personal_data"),
        ("consumers: [worker]", "consumers: [wroker]", "consumers"),
        ("examples: [one]", "examples: []", "examples"),
        (GOOD, "- a list\n", "mapping"),
        (GOOD, "a: [\n", "YAML"),
    ],
)
def test_a_slip_of_the_pen_is_refused(tmp_path: Path, right: str, wrong: str, names: str) -> None:
    """An unknown key, a wrong type or an unknown word is refused with the file and the key."""
    path = tmp_path / "some-topic.yaml"
    assert right in GOOD
    path.write_text(GOOD.replace(right, wrong), "utf-8")
    with pytest.raises(BadInput, match=names) as caught:
        read_topic(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """An incomplete installation says which file it lacks."""
    with pytest.raises(BadInput, match="install it again"):
        read_topic(tmp_path / "gone.yaml")


def test_the_files_are_found() -> None:
    """In a checkout the folder beside the package is read."""
    assert folder() == FOLDER
