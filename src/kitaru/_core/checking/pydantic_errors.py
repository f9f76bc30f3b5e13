"""Pydantic's errors in the words that JSON schemas are told in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kitaru._core.checking.problems import Path, Problem, missing, one_of, shown

_MOST = 20
_WORDS = {
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "a boolean",
    "bool_parsing": "a boolean",
    "string_type": "a string",
    "bytes_type": "bytes",
    "list_type": "a list",
    "tuple_type": "a tuple",
    "set_type": "a set",
    "frozen_set_type": "a frozenset",
    "dict_type": "a dict",
    "mapping_type": "a mapping",
    "none_required": "null",
    "callable_type": "callable",
    "extra_forbidden": "left out",
    "unexpected_keyword_argument": "left out",
}
_WITH_FACTS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than": lambda facts: f"more than {facts['gt']}",
    "greater_than_equal": lambda facts: f"at least {facts['ge']}",
    "less_than": lambda facts: f"less than {facts['lt']}",
    "less_than_equal": lambda facts: f"at most {facts['le']}",
    "multiple_of": lambda facts: f"a multiple of {facts['multiple_of']}",
    "string_too_short": lambda facts: f"at least {facts['min_length']} characters long",
    "string_too_long": lambda facts: f"at most {facts['max_length']} characters long",
    "string_pattern_mismatch": lambda facts: f"text that matches {facts['pattern']}",
    "enum": lambda facts: f"one of {facts['expected']}",
    "literal_error": lambda facts: f"one of {facts['expected']}",
    "is_instance_of": lambda facts: f"an instance of {facts['class']}",
    "is_subclass_of": lambda facts: f"a subclass of {facts['class']}",
    "model_type": lambda facts: f"an instance of {facts['class_name']}",
    "dataclass_type": lambda facts: f"an instance of {facts['class_name']}",
    "dataclass_exact_type": lambda facts: f"an instance of {facts['class_name']}",
}
_MISSING = ("missing", "missing_argument", "missing_keyword_only_argument")
_SHOULD_BE = "Input should be "


def problems(error: ValidationError, value: object) -> list[Problem]:
    """Return what pydantic says of a value, one problem for each place."""
    found: dict[Path, list[Problem]] = {}
    for details in error.errors(include_url=False)[:_MOST]:
        problem = _problem(details, value)
        found.setdefault(problem.path, []).append(problem)
    return [_joined(at_one_place) for at_one_place in found.values()]


def _joined(found: Sequence[Problem]) -> Problem:
    """Return what all choices of a union say of one place."""
    first = found[0]
    expected = one_of(problem.expected for problem in found)
    return Problem(first.path, expected, first.got, first.rule, first.link)


def _problem(details: ErrorDetails, value: object) -> Problem:
    kind, facts = details["type"], details.get("ctx", {})
    path = _path(details["loc"], value, is_missing=kind in _MISSING)
    if kind in _MISSING:
        return missing(path)
    got, said = shown(details["input"]), str(details["msg"])
    if kind in _WORDS:
        return Problem(path, _WORDS[kind], got, kind)
    if kind in _WITH_FACTS:
        return Problem(path, _WITH_FACTS[kind](facts), got, kind)
    if said.startswith(_SHOULD_BE):
        return Problem(path, said.removeprefix(_SHOULD_BE), got, kind)
    # What a validator of the user's own says is a sentence already.
    said = said.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return Problem(path, said, got, kind, link=": ")


def _path(location: Sequence[str | int], value: Any, *, is_missing: bool) -> Path:
    """Return where a problem is in the value, without names of types.

    Pydantic puts the choice of a union between the places: `pet.Dog.name`.
    """
    path: list[str | int] = []
    for number, part in enumerate(location, start=1):
        if is_missing and number == len(location):
            path.append(part)
            continue
        try:
            value = value[part] if not isinstance(part, str) else _named(value, part)
        except (LookupError, TypeError, AttributeError):
            continue
        path.append(part)
    return tuple(path)


def _named(value: Any, name: str) -> Any:
    return value[name] if isinstance(value, Mapping) else getattr(value, name)
