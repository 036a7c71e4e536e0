"""
Arithmetic as people expect it: 5500000 / 1000000 is 5.5, and nothing divides by zero.

CEL adds and divides whole and floating numbers apart, so that a rule would hang
on whether a dataset wrote 5500000 or 5500000.0. A rule that computes is therefore
written again with floating numbers and with a check of every divisor.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from router.domain.expression_text import Token, ends_operand, tokens

_INTEGER = re.compile(r"\d+|0[xX][0-9a-fA-F]+")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def computes(text: str) -> bool:
    """Return whether the expression adds, subtracts, multiplies or divides."""
    return any(token.kind == "mark" and token.text in "+-*/" for token in tokens(text))


def in_floating_numbers(text: str) -> str:
    """
    Write an expression again for floating numbers.

    Whole numbers become floating ones, but for those that index a list. A divisor
    of zero becomes an error, where floating numbers would go on with infinity.

    >>> in_floating_numbers("lead.a > 5")
    'lead . a > 5.0'
    >>> in_floating_numbers("tags[0] == '1' || 1 / lead.a > 2")
    "tags [ 0 ] == '1' || 1.0 / ( lead . a == 0.0 ? double(1/0) : lead . a ) > 2.0"
    """
    return " ".join(_rewrite(tokens(text), indexing=False))


def _rewrite(found: Sequence[Token], *, indexing: bool) -> list[str]:
    pieces: list[str] = []
    at = 0
    while at < len(found):
        token = found[at]
        if token.text in _CLOSING:
            end = _closing(found, at)
            inside = _rewrite(
                found[at + 1 : end], indexing=token.text == "[" and at > 0 and ends_operand(found[at - 1])
            )
            pieces += [token.text, *inside, _CLOSING[token.text]]
            at = end + 1
        elif token.text == "/":
            end = _operand(found, at + 1)
            divisor = " ".join(_rewrite(found[at + 1 : end], indexing=indexing))
            pieces += ["/", "(", divisor, "== 0.0 ? double(1/0) :", divisor, ")"]
            at = end
        else:
            pieces.append(token.text if indexing else _floating(token))
            at += 1
    return pieces


def _floating(token: Token) -> str:
    if token.kind == "number" and _INTEGER.fullmatch(token.text):
        return repr(float(int(token.text, 16 if token.text[:2] in {"0x", "0X"} else 10)))
    return token.text


def _closing(found: Sequence[Token], opening: int) -> int:
    """Return where the bracket that opens at *opening* closes."""
    marks = (token.text for token in found[opening:])
    depths = accumulate((mark in _CLOSING) - (mark in _CLOSING.values()) for mark in marks)
    return opening + next(length for length, depth in enumerate(depths) if depth == 0)


def _operand(found: Sequence[Token], start: int) -> int:
    """Return where the operand that begins at *start* ends: a name, number or group, and what is selected from it."""
    at = start
    while at < len(found) and found[at].text in {"-", "!"}:
        at += 1
    at = _closing(found, at) + 1 if at < len(found) and found[at].text in _CLOSING else at + 1
    while at < len(found):
        if found[at].text == ".":
            at += 2
        elif found[at].text in {"(", "["}:
            at = _closing(found, at) + 1
        else:
            break
    return at
