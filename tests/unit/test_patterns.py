from __future__ import annotations

import re
from decimal import Decimal

import pytest
from pydantic import TypeAdapter

from kitaru._core.checking import patterns

TEXTS = [
    "",
    "a",
    "b",
    "ab",
    "1",
    "a1",
    "admin1",
    "-",
    ".",
    "-1.5",
    "(",
    "]",
    "a|b",
    "1e5",
]


@pytest.mark.parametrize(
    "pattern",
    [
        "^a",
        "b$",
        r"^(?=.*[0-9])(?!admin).+$",
        r"^(?!a|b).*$",
        r"^(?=(a|b))[^(]+$",
        r"^(?![(])[]a-z0-9]*$",
        r"^(?!\()[\w()]+$",
        r"^(?=a)",
        r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$",
    ],
)
def test_a_pattern_finds_what_python_finds(pattern: str) -> None:
    found = [patterns.matches(pattern, text) for text in TEXTS]

    assert found == [re.search(pattern, text) is not None for text in TEXTS]


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a)\1",
        "a(?=b)",
        "(?<=a)b",
        "^(?=a)b|c",
        "^(?=(?=a))b",
        "(",
        "^(?=a",
        "a{9999999}",
    ],
)
def test_what_has_no_bounded_matcher_is_not_guessed(pattern: str) -> None:
    assert patterns.matches(pattern, "ab") is None
    assert not patterns.is_linear(pattern)


def test_pydantics_own_patterns_are_known() -> None:
    described = TypeAdapter(Decimal).json_schema()
    (text,) = (part for part in described["anyOf"] if part["type"] == "string")

    assert patterns.matches(text["pattern"], "1.50") is True
    assert patterns.matches(text["pattern"], "1,50") is False
