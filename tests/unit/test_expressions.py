"""Rules over what is known of a lead, and what they say of what is not."""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.expressions import Expression, ExpressionInvalid, Scope, Verdict, compile_expression
from router.errors import BadInput

NAMES = {
    "lead": frozenset({"email", "language", "country", "job_title", "utm.source", "fields.*", "consent.*"}),
    "company": frozenset({"known", "employees", "revenue", "name", "country"}),
    "form": frozenset({"key", "action"}),
    "fit": frozenset({"score", "icp", "segment"}),
    "stage": frozenset[str](),
    "tags": frozenset[str](),
    "rep": None,
}
KNOWN = {
    "lead": {"language": "en", "fields": {"size": "big", "team-size": 3, "none": None}, "consent": {"mail": True}},
    "company": {"known": True, "employees": 50.0, "revenue": 5_500_000, "name": "Zoë AG"},
    "tags": ["a", "b"],
    "rep": {"id": "ana", "regions": ("NA",), "skills": frozenset({"crm"})},
}


def expression(text: str) -> Expression:
    """Compile *text* over the names of these tests."""
    return compile_expression(text, NAMES)


def verdict(text: str, known: dict[str, object] | None = None) -> Verdict:
    """Evaluate *text* over what these tests know."""
    rule = expression(text)
    return rule.evaluate(Scope(KNOWN if known is None else known, rule.paths))


@pytest.mark.parametrize(
    "text",
    [
        "company.employees >= 50",
        "company.employees == 50 && company.employees < 50.5",
        "company.employees in [50, 60]",
        "company.revenue > 5e6",
        "company.revenue / 1000000 > 5",
        "company.revenue / company.employees == 110000",
        "company.employees * 2 - 1.5 == 98.5",
        "company.employees % 2 == 0",
        "company.employees + size(tags) == 52",
        "-company.employees < 0",
        'company.name == "Zoë AG"',
        'company.name.startsWith("Zo") && lead.language.size() == 2',
        'lead.language in ["en", "de"]',
        'lead.fields.size == "big"',
        'lead.fields["team-size"] + 1 > 3',
        'lead.fields.exists(k, k == "size")',
        "has(lead.consent.mail) && lead.consent.mail",
        '"a" in tags && tags[0] == "a" && tags[size(tags) - 1] == "b"',
        "tags.exists(tag, tag == 'b') // a comment that names company.emploees",
        "tags.all(company, company != 'company.emploees')",
        '"NA" in rep.regions && "crm" in rep.skills',
        "company.name.matches('(?i)zo.')",
        "type(company.employees) == int",
        "0x10 + 1 == 17",
        "true",
    ],
)
def test_matches(text: str) -> None:
    """A condition that holds for what is known matches, however the numbers are written."""
    assert verdict(text) == Verdict(matched=True)


@pytest.mark.parametrize(
    "text",
    [
        "company.employees > 50",
        "has(company.country)",
        "has(lead.utm.source)",
        "has(lead.fields.none)",
        "has(fit.segment)",
        'has(company.country) && company.country == "US"',
        "'de' == lead.language",
        'lead.language == 3 || company.name == "x"',
    ],
)
def test_does_not_match(text: str) -> None:
    """A condition that fails for what is known does not match and misses nothing."""
    assert verdict(text) == Verdict(matched=False)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ('company.country == "US"', ("company.country",)),
        ('company.country != "US"', ("company.country",)),
        ('!(company.country == "US")', ("company.country",)),
        ('company.country in ["US"]', ("company.country",)),
        ('lead.country == "US" && company.country == "US"', ("lead.country", "company.country")),
        ('company.country == "US" || company.employees > 99', ("company.country",)),
        ("fit.icp", ("fit.icp",)),
        ('stage == "sql"', ("stage",)),
        ("lead.utm.source == 'ad'", ("lead.utm.source",)),
        ("lead.fields.other > 3", ("lead.fields.other",)),
        ("lead.fields.none > 3", ("lead.fields.none",)),
        ("lead.language in rep.languages", ("rep.languages",)),
        ("rep.languages.exists(x, x == lead.language)", ("rep.languages",)),
        ("tags.exists(x, x == company.country)", ("company.country",)),
        ("fit.score / 10 > 3", ("fit.score",)),
        ("has(company.country) ? company.country == 'US' : lead.country == 'US'", ("lead.country",)),
    ],
)
def test_names_what_was_unknown(text: str, unknown: tuple[str, ...]) -> None:
    """A condition that hangs on a value which is not known does not match, and says which value."""
    assert verdict(text) == Verdict(matched=False, unknown=unknown)


@pytest.mark.parametrize("wrap", ["{0}", "({0}) && true", "true && ({0})", "({0}) || false", "!(!({0}))"])
def test_unknown_is_not_absorbed(wrap: str) -> None:
    """What is unknown stays unknown beside a value that settles nothing."""
    assert verdict(wrap.format("fit.icp")) == Verdict(matched=False, unknown=("fit.icp",))


@pytest.mark.parametrize("text", ["fit.icp || true", "true || fit.icp", "!(fit.icp && false)", "!(false && fit.icp)"])
def test_unknown_is_absorbed(text: str) -> None:
    """`unknown || true` is true and `unknown && false` is false, whichever stands first."""
    assert verdict(text) == Verdict(matched=True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('company.name > 3 || company.name == ""', "do not go together"),
        ('"Z" in company.name', "do not go together"),
        ("company.employees.contains('5')", "contains does not apply"),
        ("company.revenue / (company.employees - 50) > 1", "divides by zero"),
        ("company.revenue / -lead.fields['team-size'] / (lead.fields['team-size'] - 3) > 1", "divides by zero"),
        ("company.employees % 0 == 1", "divides by zero"),
        ("tags[7] == 'a'", "place that the list does not have"),
        ("company.employees", "neither true nor false"),
        ("int(company.name) > 3", "cannot be worked out"),
        ("lead.fields['a.b'] == 1", "cannot be worked out"),
    ],
)
def test_a_condition_that_does_not_fit_its_values(text: str, problem: str) -> None:
    """Values that a condition cannot work with make no match and no exception, but a sentence."""
    found = verdict(text)
    assert not found.matched
    assert found.unknown == ()
    assert problem in str(found.problem)


def test_a_problem_stands_beside_what_is_unknown() -> None:
    """Where kinds do not fit and another value is unknown, both are told."""
    found = verdict("fit.icp || company.name > 3")
    assert found.unknown == ("fit.icp",) or found.problem is not None


@pytest.mark.parametrize(
    ("text", "problem", "suggestion", "column"),
    [
        ("company.emploees > 3", "unknown value company.emploees", "did you mean company.employees?", 1),
        ("true && compny.employees > 3", "unknown variable compny", "did you mean company.employees?", 9),
        ("lead.employees > 3", "unknown value lead.employees", "did you mean company.employees?", 1),
        ("lead.zzzzzz == 3", "unknown value lead.zzzzzz", "lead has consent.*, country, email", 1),
        ("lead.utm.medium == 'x'", "unknown value lead.utm.medium", "lead has", 1),
        ("company.employees.more > 1", "unknown value company.employees.more", "company", 1),
        ("zzz == 3", "unknown variable zzz", "there are lead, company, form", 1),
        ("zzzzzzzzz.known", "unknown variable zzzzzzzzz", "there are lead, company, form", 1),
        ("company == 3", "company is a group of values", "like company.country", 1),
        ("company[lead.email] == 3", "company is a group of values", "like company.country", 1),
        ("stage.name == 'x'", "stage is a value and has no field name", "use stage itself", 1),
        ("tags.exists(t, t == tga)", "unknown variable tga", "there are", 21),
        ("tags.exists(t, t == 'a') && t == 'a'", "unknown variable t", "there are", 29),
        ("company.name.startWith('a')", "unknown function startWith", "did you mean startsWith?", 14),
        ("company.name.lowerAscii() == 'a'", "unknown function lowerAscii", "there are all", 14),
        ("company.name.matches('[')", "broken pattern", "regular expression", 14),
        (".company.known", ".company starts with a dot", "write company", 1),
        ("company.known and true", "not a CEL expression", '"and" is written &&', 15),
        ("company.known or true", "not a CEL expression", '"or" is written ||', 15),
        ("not company.known", "not a CEL expression", '"not" is written !', 1),
        ("company.employees = 3", "not a CEL expression", "written == in CEL", 19),
        ("company.known &&\n  (true", "missing ')' at the end", "write a condition", 25),
        ("stage == 'and", "not a CEL expression", "quote that opens here is not closed", 10),
        ("company.known AND true", "not a CEL expression", "written &&", 15),
        ("", "not a CEL expression", "write a condition", 1),
        ("1 + 1", "neither true nor false", "write a condition", 1),
        ("1 / 0 == 1", "divides by zero", "write a condition", 1),
        ("1/.all()", "what it computes cannot be read", "put each divisor in parentheses", 2),
    ],
)
def test_refuses(text: str, problem: str, suggestion: str, column: int) -> None:
    """What cannot be a rule is refused with the place, the problem and the way out."""
    with pytest.raises(ExpressionInvalid) as caught:
        expression(text)
    assert problem in caught.value.problem
    assert suggestion in caught.value.suggestion
    assert caught.value.column == column
    assert isinstance(caught.value, BadInput)
    assert str(caught.value) == f"column {column}: {caught.value.problem}; {caught.value.suggestion}"


def test_is_known_by_its_text() -> None:
    """Two expressions of one text are equal and hash alike."""
    assert expression("company.known") == expression("company.known")
    assert len({expression("true"), expression("true"), expression("company.known")}) == 2


def test_paths_are_those_that_it_names() -> None:
    """Methods, literals, comments and bound names are no paths; a quoted key is one."""
    text = 'lead.fields["x"].size() > 1 && has(lead.utm.source) && tags.map(t, t.y)[0] == r"\\fit.icp" // fit.score'
    assert expression(text).paths == {"lead.fields.x", "lead.utm.source", "tags"}


@pytest.mark.parametrize(
    "text", ['"""a"b""" == tags[0]', "'''it's''' == tags[0]", 'b"a" == b"\\"fit.icp"', "[tags][0] == []"]
)
def test_reads_every_kind_of_literal(text: str) -> None:
    """Quotes of all kinds hide what looks like a path in them."""
    assert expression(text).paths <= {"tags"}


def test_scope_takes_later_roots() -> None:
    """What is decided later is added to a scope, replaced in it and taken from it."""
    stage, icp = expression('stage == "sql"'), expression("fit.score / 2 >= 30")
    scope = Scope({}, stage.paths | icp.paths)
    assert icp.evaluate(scope).unknown == ("fit.score",)
    scope.add("fit", {"score": 60, "icp": True})
    scope.add("stage", "sql")
    scope.add("nobody", {"asks": "for it"})
    assert stage.evaluate(scope).matched
    assert icp.evaluate(scope).matched
    scope.add("fit", {"score": 10})
    scope.add("stage", None)
    scope.add("stage", None)
    assert icp.evaluate(scope) == Verdict(matched=False)
    assert stage.evaluate(scope).unknown == ("stage",)


def test_scope_wants_a_whole_container_over_its_parts() -> None:
    """Where one rule names a container and another a part of it, both see it."""
    whole, part = expression("size(lead.fields) == 2"), expression("lead.fields.size == 'big'")
    scope = Scope(KNOWN, whole.paths | part.paths)
    assert whole.evaluate(scope).matched
    assert part.evaluate(scope).matched


@pytest.mark.parametrize(
    "value",
    [
        "\ud800",
        2**70,
        float("nan"),
        float("inf"),
        10**400 // 10**390,
        {"a": [None, {1, 2}]},
        object(),
        b"bytes",
        -(2**63),
    ],
)
def test_scope_takes_any_value(value: object) -> None:
    """No value that a form or a dataset may hold keeps a rule from its verdict."""
    rule = expression("lead.fields.x == 1 || lead.fields.x != 1")
    found = rule.evaluate(Scope({"lead": {"fields": {"x": value}}}, rule.paths))
    assert found.matched or found.unknown == ("lead.fields.x",)


def test_scope_of_a_root_that_is_no_group() -> None:
    """A scalar where a group was expected knows none of its fields."""
    rule = expression("company.known")
    assert rule.evaluate(Scope({"company": "Acme"}, rule.paths)).unknown == ("company.known",)


_PATHS = ("company.employees", "company.revenue", "fit.score")
_TRUTH = st.recursive(
    st.sampled_from([*(f"{path} > 10" for path in _PATHS), *(f"has({path})" for path in _PATHS), "true", "false"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map(lambda text: f"!({text})"),
    ),
    max_leaves=8,
)
_NUMBERS = st.one_of(st.none(), st.integers(0, 20), st.floats(0, 20))


@given(_TRUTH, st.tuples(_NUMBERS, _NUMBERS, _NUMBERS))
def test_unknown_is_whatever_the_value_could_change(text: str, numbers: tuple[float | None, ...]) -> None:
    """A rule that settled without a value gives the same result for every value that it could have had."""
    rule = expression(text)
    settled = rule.evaluate(Scope(_values(numbers), rule.paths))
    assert all(path in rule.paths for path in settled.unknown)
    if settled.unknown or "has(" in text:
        return
    choices = [[number] if number is not None else [0, 99] for number in numbers]
    for filled in itertools.product(*choices):
        assert rule.evaluate(Scope(_values(filled), rule.paths)).matched == settled.matched


def _values(numbers: tuple[float | None, ...]) -> dict[str, object]:
    employees, revenue, score = numbers
    return {"company": {"employees": employees, "revenue": revenue}, "fit": {"score": score}}


_PIECES = (
    "company.employees company.name lead.fields ['a'] [0] ( ) { } , . + - * / % 1 2.5 0x1f 7u 'it' == >= && || ! "
    "has tags .exists(t, t == 'a') size ? : true null // r'\\' in rep .map(x, x)"
)


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(_PIECES.split(" ")), max_size=9).map(" ".join)))
@settings(max_examples=200)
def test_any_text_compiles_or_is_refused(text: str) -> None:
    """No text, and no row of pieces of the language, leads to anything but an expression or `ExpressionInvalid`."""
    with suppress(ExpressionInvalid):
        rule = expression(text)
        rule.evaluate(Scope(KNOWN, rule.paths))


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(-3, 3),
    st.sampled_from(["", "a", "acme.edu", "é", "x" * 101]),
    st.lists(st.sampled_from(["a", "b"]), max_size=2),
    st.dictionaries(st.sampled_from(["x", "y"]), st.one_of(st.none(), st.integers(0, 2), st.text(max_size=3))),
)


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b"]), LEAVES), min_size=1, max_size=6))
def test_a_remembered_verdict_is_the_one_that_would_be_worked_out(leads: list[dict[str, object]]) -> None:
    """Whatever came before it, an expression says of a lead what it says without looking back."""
    texts = (
        "lead.a == 1", "lead.a == true", "lead.a == 'a'", "lead.a >= 1 || lead.b == 2", "has(lead.a)", "!has(lead.b.x)",
        "lead.a.x == 1", "has(lead.a.x) && lead.a.x == 1", "lead.b.endsWith('.edu')", "'a' in lead.a",
        "size(lead.b) > 1", "lead.a + 1 > 1", "lead.a in ['a', 1, true]", "lead.a / lead.b == 1", "true", "lead.b",
    )  # fmt: skip
    rules = [compile_expression(text, {"lead": None}) for text in texts]
    everything = frozenset().union(*(rule.paths for rule in rules))
    for lead in leads:
        scope = Scope({"lead": lead}, everything)
        for rule in rules:
            assert rule.evaluate(scope) == rule.work_out(scope), rule.text


def test_a_verdict_on_a_long_text_is_not_remembered() -> None:
    """What a person wrote is not kept for its verdict, nor is anything else that is no short and simple value."""
    scope = Scope({"lead": {"message": "x" * 101, "tags": ["a"], "form": "demo", "there": True}}, frozenset({"lead"}))
    assert scope.leaves([("lead", "message")]) is None
    assert scope.leaves([("lead", "tags")]) is None
    assert scope.leaves([("lead", "form"), ("lead", "there")]) == ["demo", True]
