"""Reading a configuration: what checks, what is refused, and that the message helps."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.policy import PolicyInvalid, load_policy
from tests.unit.policy_text import MINIMAL, change, line_of, load, problems, write

MANAGERS = "managers:\n  - {id: mia, name: Mia, email: mia@sales.example}\n"


def test_a_good_configuration_loads_without_a_word(tmp_path: Path) -> None:
    """A configuration of the contract's shape gives a policy and no warning."""
    loaded = load(tmp_path)
    assert loaded.warnings == ()
    assert loaded.policy.pools["bens"].members == ("ben",)
    assert loaded.policy.routes[0].steps[0].accept_within == 60_000
    assert loaded.policy.reps["ana"].capacity == 3
    assert loaded.policy.limits.max_age == 7 * 86_400_000


def test_absent_sections_have_the_defaults_of_the_contract(tmp_path: Path) -> None:
    """Attempts, misses, age and the pause between tries are those of the contract where nothing is said."""
    limits = load(tmp_path, MINIMAL.replace("limits: {max_age: 7d}\n", "")).policy.limits
    assert (limits.max_attempts, limits.misses_before_away, limits.retry_after) == (5, 2, 30_000)
    assert limits.max_age == 7 * 86_400_000
    assert limits.daily_per_rep is None


@pytest.mark.parametrize(
    ("old", "new", "message", "suggestion"),
    [
        ("points: 70", "points: 70, wehn: x", "unknown key 'wehn'", "did you mean 'when'?"),
        ("icp_at: 60", "icp_att: 60", "unknown key 'icp_att'", "did you mean 'icp_at'?"),
        ("accept_within: 60s", "acept_within: 60s", "unknown key 'acept_within'", "did you mean 'accept_within'?"),
        ("accept_within: 60s", "accept_within: 1.5m", "'1.5m' is not a duration", "as in 90s"),
        ("accept_within: 60s", "accept_within: 0s", "must be above zero", "leave the key out"),
        ("accept_within: 60s", "accept_within: 60", "60 is not a duration", "as in 90s"),
        ("max_age: 7d", "max_age: 7 days", "'7 days' is not a duration", "as in 90s"),
        ("max_age: 7d", "max_age: 99999d", "at most 3650d", "leave the key out"),
        ("weight: 2", "weight: 17", "weight must be at most 16, not 17", ""),
        ("weight: 2", "weight: 0", "weight must be at least 1, not 0", ""),
        ("weight: 2", "weight: true", "must be a whole number, not true", ""),
        ("capacity: 1", "capacity: -1", "capacity must be at least 0, not -1", ""),
        ("capacity: 1", 'capacity: "1"', "must be a whole number, not '1'", ""),
        ("points: 70", "points: 99999999999999999999", "the number is too large", "18 digits"),
        ("id: ben", "id: ana", "rep 'ana' stands twice", "unique"),
        ("name: students", "name: size", "fit rule 'size' stands twice", "unique"),
        ("name: rest", "name: hot", "route 'hot' stands twice", "unique"),
        ("{pool: bens}", "{pool: bns}", "there is no pool 'bns'", "did you mean 'bens'?"),
        ("sla: fast", "sla: fst", "there is no SLA target 'fst'", "did you mean 'fast'?"),
        ("calendar: office, m", "calendar: ofice, m", "there is no calendar 'ofice'", "did you mean 'office'?"),
        ("manager: mia", "manager: mya", "there is no manager 'mya'", "did you mean 'mia'?"),
        ("escalate_to: mia", "escalate_to: mya", "there is no manager 'mya'", "did you mean 'mia'?"),
        ("clock: working, calendar: office", "clock: working", "a working clock needs a calendar", "add `calendar:`"),
        ("first_touch: 8h", "first_touch: 1d", "in which a day has no length", "write hours"),
        ("first_touch: 5m", "first_touch: 5m, calendar: office", "an elapsed clock has no calendar", "clock: working"),
        ("to: nurture", "to: nurture, steps: [{pool: all}]", "has both `steps` and `to: nurture`", "keep one"),
        (", to: nurture", "", "route 'rest' goes nowhere", "`to: nurture`"),
        ("to: nurture", "to: nurture, sla: fast", "where no clock runs", "remove `sla`"),
        ('["09:00-17:00"]', '["9-5"]', '"9-5" is not a span of a day', "HH:MM-HH:MM"),
        ('{mon-fri: ["09:00-17:00"]}', "{}", "never open", "give at least one day a span"),
        ("Europe/Oslo", "Europe/Olso", "'Europe/Olso' is not a time zone", "America/New_York"),
        ("country: NO", "country: XX", "no public holidays are known for XX", "ISO 3166"),
        ("company.employees >= 1000", "company.emploees >= 1000", "company.emploees", "company.employees"),
        ('stage in ["iql", "sql"]', 'stge in ["iql"]', "stge", "stage"),
        ("'fit.icp'}", "'fit.icp and true'}", "not a CEL expression", "&&"),
        ("'company.employees >= 50'", "'stage == \"sql\"'", "unknown variable stage", "there are lead, company"),
        ("rep.languages", "rep.langauges", "rep.langauges", "did you mean rep.languages?"),
        ("'rep.id == \"ben\"'", "'lead.email == \"x\"'", "unknown variable lead", "rep"),
        ("least_loaded", "least_load", "cannot be 'least_load'", "did you mean 'least_loaded'?"),
        ("stage: iql", "stage: iqql", "cannot be 'iqql'", "did you mean 'iql'?"),
        ("ana@sales.example", "ana", "'ana' is not an e-mail address", "ana@example.com"),
        ("warn_at: [0.5, 0.8]", "warn_at: [0.5, 1.5]", "must be below 1.0, not 1.5", ""),
        ("warn_at: [0.5, 0.8]", "warn_at: [0.5, 0.5]", "names something twice", "keep each once"),
        ("limits: {max_age: 7d}", "limits:", "'limits' has no value", "remove it"),
        ("when: 'fit.icp'}", "when: }", "'when' has no value", "give it one"),
        ("icp_at: 60", "icp_at: !!python/object:os.system 60", "the tag 'os.system' is not allowed", "remove it"),
        ("  bens:", "  all: {members: 'true'}\n  bens:", "key 'all' stands twice", "remove one"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_a_suggestion(
    tmp_path: Path, old: str, new: str, message: str, suggestion: str
) -> None:
    """Each mistake is refused by the file and line where it stands, with what to do instead."""
    text = change(old, new)
    found = problems(tmp_path, text)
    told = [one for one in found if message in one.message]
    assert told, [str(one) for one in found]
    assert suggestion in (told[0].suggestion or "")
    assert told[0].file == str(tmp_path / "policy.yaml")
    assert told[0].line >= line_of(old, MINIMAL)
    assert told[0].line <= line_of(old, MINIMAL) + old.count("\n") + 1


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """A wrong key, an expression, a reference and a second file are reported in one run."""
    text = change("company.employees >= 1000", "company.emploees >= 1000")
    text = change("{pool: bens}", "{pool: bns}", text)
    text = change("weight: 2", "wieght: 2", text)
    told = "\n".join(map(str, problems(tmp_path, text, more_yaml="tags:\n  - {tag: x}\nrout: 1\n")))
    for part in ("wieght", "emploees", "'bns'", "section 'tags' stands in", "unknown section 'rout'"):
        assert part in told


def test_what_a_mistake_hides_is_not_told_as_missing(tmp_path: Path) -> None:
    """A pool with a wrong strategy is still there for the routes that name it."""
    found = problems(tmp_path, change("least_loaded", "least_load"))
    assert len(found) == 1


def test_a_broken_file_does_not_make_its_sections_missing(tmp_path: Path) -> None:
    """One error is told for YAML that cannot be parsed, not one for each section in it."""
    assert len(problems(tmp_path, MINIMAL + "tags: [")) == 1


@pytest.mark.parametrize("section", ["forms", "fit", "stages", "reps", "pools", "routes", "sla"])
def test_a_required_section_is_missed(tmp_path: Path, section: str) -> None:
    """Each of the required sections is asked for where it is absent."""
    lines = MINIMAL.splitlines(keepends=True)
    start = next(n for n, line in enumerate(lines) if line.startswith(f"{section}:"))
    end = next((n for n in range(start + 1, len(lines)) if lines[n][0] not in " -"), len(lines))
    told = [str(one) for one in problems(tmp_path, "".join(lines[:start] + lines[end:]))]
    assert any(f"section {section!r} is missing" in one for one in told)


def test_norway_is_a_country(tmp_path: Path) -> None:
    """`no` is text and a country's code, in a document of YAML 1.1 too."""
    text = change("country: NO", "country: no")
    for number, version in enumerate(["", "%YAML 1.1\n---\n"]):
        assert load(tmp_path / str(number), version + text).policy.calendars["office"].country == "NO"


def test_anchors_and_merges_are_read(tmp_path: Path) -> None:
    """An alias stands for its value, and `<<` brings keys that the mapping may override."""
    text = change("  ebook:", "  base: &base {action: download, intent: low}\n  more: {<<: *base, action: x}\n  ebook:")
    forms = load(tmp_path, text).policy.forms
    assert (forms["more"].action, forms["more"].intent) == ("x", "low")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "must hold keys and values"),
        ("hello", "must hold keys and values"),
        ("a: &a [*a]\n", "an alias stands inside what it names"),
        ("a: [" * 3000, "nested too deeply"),
        ("a:\n\tb: 1\n", "not valid YAML"),
        ("a: \x01\n", "not valid YAML"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("a: *nowhere\n", "undefined alias"),
        ("? [a]\n: 1\n", "a key must be plain text"),
        ("", "section 'forms' is missing"),
        ("# nothing\n", "section 'forms' is missing"),
    ],
)
def test_odd_yaml_is_refused_in_words(tmp_path: Path, text: str, message: str) -> None:
    """What YAML allows and a policy does not is an error with a place, never a traceback."""
    assert any(message in one.message for one in problems(tmp_path, text))


def test_aliases_do_not_unfold_without_end(tmp_path: Path) -> None:
    """A few lines of aliases that would unfold to millions of values are refused."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefg", "bcdefgh", strict=True)]
    assert any("more than" in one.message for one in problems(tmp_path, "\n".join(lines)))


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    """Other encodings are refused with the line of the first wrong byte."""
    write(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("tags: []\n# caf\xe9\n".encode("latin-1"))
    with pytest.raises(PolicyInvalid) as caught:
        load_policy(tmp_path)
    assert [(one.line, one.message) for one in caught.value.problems] == [(2, "the text is not UTF-8")]


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """A file above the bound is not parsed."""
    write(tmp_path)
    (tmp_path / "huge.yaml").write_text("# " + "x" * (4 * 1024 * 1024))
    with pytest.raises(PolicyInvalid, match="larger than 4 MiB"):
        load_policy(tmp_path)


def test_a_folder_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    """A missing folder, a file in its place and an empty one are each told."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, message in (("nowhere", "no such directory"), ("file", "not a directory"), ("empty", "no YAML file")):
        with pytest.raises(PolicyInvalid, match=message):
            load_policy(tmp_path / name)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("routes:", "routes:\n  - {name: first, when: 'true', to: none}", "route 'hot' is never reached"),
        ("lead.language in rep.languages", "lead.email == rep.id", "nearly unique to a lead"),
        ("lead.language in rep.languages", "lead.fields.nr == rep.id", "nearly unique to a lead"),
        ("'rep.id == \"ben\"'", "'rep.id == \"nobody\"'", "pool 'bens' has no members"),
        (
            "ebook: {action: content_download, intent: low",
            "ebook: {action: x, intent: low, when: 'true'",
            "high intent",
        ),
        ("'fit.icp && form.intent == \"high\"'", "'form.intent == \"high\"'", "an IQL is fit and intent together"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Some things check and are still told, with file and line."""
    warnings = load(tmp_path, change(old, new)).warnings
    assert any(message in one.message and one.line > 0 for one in warnings), warnings


def test_a_configuration_that_needs_a_manager_and_names_none_is_refused(tmp_path: Path) -> None:
    """`notify_manager` without managers is an error, and so are steps: nobody would hear of a lead without a rep."""
    text = change(MANAGERS, "", change(", manager: mia", "", change("    escalate_to: mia\n", "")))
    assert any("tells the manager, and none is named" in one.message for one in problems(tmp_path / "a", text))
    quiet = change("on_breach: [notify_manager]", "on_breach: []", text)
    [problem] = problems(tmp_path / "b", quiet)
    assert "no manager is named" in problem.message
    assert problem.line > 0


OUTSIDE = """\
sources:
  typeform-demo: {kind: typeform, secret_env: TYPEFORM_SECRET, form: demo, map: {email: answers.email}}
notify:
  channels: {sales-slack: {url_env: SLACK_URL}, crm: {webhook: 'https://crm.example/hook', secret_env: CRM_SECRET}}
  rules:
    - {kinds: [assigned, sla_warning], to: [sales-slack]}
    - {events: [lead-assignments, sla-events], to: [crm]}
"""


def test_sources_and_channels_are_checked_without_their_secrets(tmp_path: Path) -> None:
    """The sections for gateway and notifier have a shape and references; secrets are never asked for."""
    loaded = load(tmp_path / "good", MINIMAL + OUTSIDE)
    assert loaded.warnings == ()
    assert loaded.sources["typeform-demo"].form == "demo"
    assert loaded.notify.rules[1].to == ["crm"]
    for number, (old, new, message) in enumerate(
        [
            ("kind: typeform", "kind: typefrom", "did you mean 'typeform'?"),
            ("form: demo", "form: dmo", "did you mean 'demo'?"),
            ("to: [crm]", "to: [cmr]", "did you mean 'crm'?"),
            ("url_env: SLACK_URL", "url_env: SLACK_URL, webhook: 'https://x.example'", "give it one of the two"),
            ("https://crm.example/hook", "crm.example", "as in https://"),
            ("kinds: [assigned, sla_warning], ", "", "either `kinds` or `events`"),
        ]
    ):
        found = problems(tmp_path / str(number), MINIMAL + change(old, new, OUTSIDE))
        assert any(message in str(one) for one in found), (message, found)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_but_policy_invalid_comes_out_of_a_mangled_file(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever is cut out of, put into or swapped in a configuration, it loads or is refused in words."""
    text = MINIMAL + OUTSIDE
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 30))
        alphabet = st.sampled_from([*"{}[]:,'\"&*!|>%@#-?\n\t 0a~é\x00", "<<: ", "null", "true", "1e9", "- ", "!!set "])
        text = text[:start] + "".join(data.draw(st.lists(alphabet, max_size=4))) + text[start + length :]
    problems(tmp_path, text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=_JSON, data=st.data())
def test_any_value_anywhere_is_read_or_refused_in_words(tmp_path: Path, value: object, data: st.DataObject) -> None:
    """A value of any type in the place of any line's value never ends in a traceback."""
    import json  # noqa: PLC0415 - JSON is YAML, and only this test writes it

    lines = MINIMAL.splitlines()
    index = data.draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[index].partition(":")
    lines[index] = f"{key}{colon} {json.dumps(value)}"
    problems(tmp_path, "\n".join(lines) + "\n")
