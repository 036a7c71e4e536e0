"""Any text in the place of a configuration, or of an expression in one."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import targets
from tests.fuzz.drawing import texts, values
from tests.unit.policy_text import MINIMAL

TAKES = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
YAML = st.sampled_from(
    [
        *"{}[]:,'\"&*!|>%@#-?\n\t 0~\x00\x85\u2028\ufeff",
        "<<: *a",
        "&a ",
        "*a",
        "- ",
        "? ",
        "!!binary ",
        "!!python/name:os.system ",
        "--- ",
        "...",
        "%YAML 9.9\n",
        "0x1F",
        "0o7",
        "1_000",
        ".inf",
        ".nan",
        "1:30",
        "2026-13-40",
        "yes",
        "'",
        '"\\x',
        "\x07",
    ]
)
CEL = st.sampled_from(
    [
        *"()[]{}.,:?!<>=&|+-*/%'\"0 \n",
        "lead",
        "lead.email",
        "company.employees",
        "fit.icp",
        "has(",
        "size(",
        "matches(",
        "true",
        "null",
        "in ",
        "&&",
        "||",
        "9" * 30,
        "1e999",
        "0x",
        "b'\\xff'",
        "r'",
        "'''",
        "\\u0000",
        "lead.email.map(x, ",
        "[1].all(x, ",
        "\ud83d",
    ]
)


BOMB = "b0: &b0 [1, 2]\n" + "".join(f"b{n}: &b{n} [*b{n - 1}, *b{n - 1}]\n" for n in range(1, 60))


@TAKES
@given(st.data())
def test_any_text_is_a_policy_or_is_refused_in_words(data: st.DataObject) -> None:
    """Cut, mangled and mixed with what YAML is full of: each problem has its file, its line and its words."""
    text = MINIMAL
    for _ in range(data.draw(st.integers(1, 4))):
        start, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 40))
        text = text[:start] + "".join(data.draw(st.lists(YAML | texts, max_size=4))) + text[start + length :]
    targets.configuration(text)


@TAKES
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_words(content: bytes) -> None:
    """Also those that are no text."""
    assert not targets.configuration(content)


@TAKES
@given(values, st.data())
def test_a_value_of_any_kind_anywhere(value: object, data: st.DataObject) -> None:
    """In the place of any line's value."""
    lines = MINIMAL.splitlines()
    index = data.draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[index].partition(":")
    lines[index] = f"{key}{colon} {json.dumps(value)}"
    targets.configuration("\n".join(lines) + "\n")


@settings(TAKES, max_examples=200)
@given(st.lists(CEL | texts, max_size=12).map("".join))
def test_any_text_is_an_expression_or_is_refused(text: str) -> None:
    """By `ExpressionInvalid`, and soon."""
    targets.expression(text)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "forms: &f\n  <<: *f\n",
        "a: &a\n  b: *a\n",
        "[" * 1_500,
        "{a: " * 20_000,
        "- " * 20_000,
        "a" * 500_000,
        "forms: " + "9" * 100_000,
        "forms:\n" + "".join(f"  f{n}: {{action: a, intent: high}}\n" for n in range(1_000)),
        MINIMAL.replace("icp_at: 60", "icp_at: " + "9" * 5_000),
        MINIMAL.replace("'company.employees >= 50'", "'" + "(" * 5_000 + "'"),
        MINIMAL.replace("'company.employees >= 50'", "'" + "!" * 5_000 + "fit.icp'"),
        MINIMAL.replace("'company.employees >= 50'", "'" + "true && " * 5_000 + "true'"),
        MINIMAL.replace("'company.employees >= 50'", "'" + "company.employees + " * 3_000 + "1 > 0'"),
    ],
    ids=lambda text: text[:20],
)
def test_what_would_unfold_without_end_is_over_soon(text: str) -> None:
    """Aliases of aliases, an anchor in itself, depth, length, endless expressions."""
    targets.configuration(text)
