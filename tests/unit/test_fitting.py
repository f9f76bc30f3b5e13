from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
    ParamSpec,
    Protocol,
    TypeVar,
    runtime_checkable,
)

import numpy as np
import pytest
from pydantic import BaseModel, Field, field_validator
from typing_extensions import TypedDict

from kitaru._core.checking import fitting

Bound = TypeVar("Bound", bound=int)
Free = TypeVar("Free")
P = ParamSpec("P")


class Colour(Enum):
    RED = "red"


class Word(StrEnum):
    YES = "yes"


class Plan(BaseModel):
    n: Annotated[int, Field(ge=1, le=5)]
    due: date | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Even(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("an even one is needed")
        return value


class Options(TypedDict):
    depth: int


@dataclasses.dataclass
class Order:
    item: str
    plan: Plan | None = None


class Socket:
    """Nothing pydantic knows."""


@runtime_checkable
class Closing(Protocol):
    def close(self) -> None: ...


class Unchecked(Protocol):
    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, 3),
        (str, Word.YES),
        (list[int], [1]),
        (list[Any], [object()]),
        (dict[str, list[int]], {"a": [1]}),
        (Mapping[str, int], {"a": 1}),
        (Sequence[int], (1, 2)),
        (Iterable[int], [1, 2]),
        (Iterable[int], iter([1, 2])),
        (Options, {"depth": 1}),
        (Plan, Plan(n=1)),
        (list[Plan], [Plan(n=1)]),
        (Plan | Order, Order("a")),
        (Order, Order("a", Plan(n=2))),
        (Colour, Colour.RED),
        (Socket, Socket()),
        (dict[str, Socket], {"a": Socket()}),
        (np.ndarray, np.zeros(2)),
        (Closing, open),
        (Unchecked, 5),
        (Callable[[int], int], abs),
        (type[int], bool),
        (Exception, ValueError("x")),
        (Bound, 3),
        (Free, "anything"),
        (P.kwargs, 5),
        ("NotDefined", 5),
        (Any, [1, {"a": {1, 2}}]),
        (object, b"x"),
        (float, float("nan")),
        (None, None),
    ],
)
def test_a_value_of_the_type_stays_that_very_object(hint: Any, value: object) -> None:
    if hint is Closing:
        value = type("File", (), {"close": lambda _: None})()

    assert fitting.fit(hint, value) is value


UUID_TEXT = "123e4567-e89b-12d3-a456-426614174000"


@pytest.mark.parametrize(
    ("hint", "value", "read"),
    [
        (Plan, {"n": 2, "due": "2026-01-31"}, Plan(n=2, due=date(2026, 1, 31))),
        (Plan, {"n": 2, "due": date(2026, 1, 31)}, Plan(n=2, due=date(2026, 1, 31))),
        (list[Plan], [{"n": 1}, Plan(n=2)], [Plan(n=1), Plan(n=2)]),
        (Order, {"item": "a", "plan": {"n": 1}}, Order("a", Plan(n=1))),
        (Order, {"item": "a", "plan": Plan(n=1)}, Order("a", Plan(n=1))),
        (Colour, "red", Colour.RED),
        (date, "2026-01-31", date(2026, 1, 31)),
        (timedelta, "PT5M", timedelta(minutes=5)),
        (uuid.UUID, UUID_TEXT, uuid.UUID(UUID_TEXT)),
        (Path, "a/b", Path("a/b")),
        (Decimal, "1.50", Decimal("1.50")),
        (Decimal, 2, Decimal(2)),
        (float, 2, 2.0),
        (list[float], [1, 2.5], [1.0, 2.5]),
        (set[int], [1, 2], {1, 2}),
        (tuple[int, str], [1, "a"], (1, "a")),
        (list[int], (1, 2), [1, 2]),
        (dict[int, str], {"1": "a"}, {1: "a"}),
        (bytes, "abc", b"abc"),
        (Cat | Dog, {"kind": "dog", "name": "Rex"}, Dog(kind="dog", name="Rex")),
        (int, np.int64(3), 3),
        (Annotated[str, Field(max_length=3)], "abc", "abc"),
    ],
)
def test_what_stands_for_a_value_becomes_it(
    hint: Any, value: object, read: object
) -> None:
    found = fitting.fit(hint, value)

    assert (type(found), found) == (type(read), read)


@pytest.mark.parametrize(
    ("hint", "value", "sentences"),
    [
        (int, "three", ['n must be an integer, got "three"']),
        (int, "3", ['n must be an integer, got "3"']),
        (int, True, ["n must be an integer, got true"]),
        (int, 1.0, ["n must be an integer, got 1.0"]),
        (bool, 1, ["n must be a boolean, got 1"]),
        (list[str], "abc", ['n must be a list, got "abc"']),
        (str, 3, ["n must be a string, got 3"]),
        (str, b"abc", ["n must be a string, got b'abc'"]),
        (str, date(2026, 1, 31), ["n must be a string, got datetime.date(2026, 1, 31)"]),
        (Literal["a", "b"], "c", ['n must be one of "a", "b", got "c"']),
        (Colour, "blue", ['n must be "red", got "blue"']),
        (date, "soon", ['n must be a date such as "2026-01-31", got "soon"']),
        (datetime, 5, ['n must be a date and time such as "2026-01-31T09:30:00Z", got 5']),
        (Plan, {"n": 99}, ["n.n must be at most 5, got 99"]),
        (Plan, 5, ["n must be an object, got 5"]),
        (
            list[Plan],
            [{"n": 0}, {"n": "x"}, {}],
            [
                "n.0.n must be at least 1, got 0",
                'n.1.n must be an integer, got "x"',
                "n.2.n must be given (the field is required), got nothing",
            ],
        ),
        (Order, {"item": 1, "plan": Plan(n=1)}, ["n.item must be a string, got 1"]),
        (Iterable[int], ["a"], ['n.0 must be an integer, got "a"']),
        (Annotated[int, Field(gt=3)], 3, ["n must be more than 3, got 3"]),
        (int | None, "x", ['n must be an integer or null, got "x"']),
        (
            Annotated[Cat | Dog, Field(discriminator="kind")],
            {"kind": "dog", "lives": 3},
            ["n.name must be given (the field is required), got nothing"],
        ),
        (Even, {"number": 3}, ["n.number: an even one is needed, got 3"]),
        (Socket, 5, ["n must be an instance of Socket, got 5"]),
        (list[Socket], [5], ["n.0 must be an instance of Socket, got 5"]),
        (Callable[[int], int], 5, ["n must be callable, got 5"]),
        (Bound, "x", ['n must be an integer, got "x"']),
        (Exception, "x", ['n must be an instance of Exception, got "x"']),
        (
            dict[str, Any],
            {"a": ["half \ud83d"]},
            [
                "n.a.0 must be text that UTF-8 can hold (no half of a surrogate pair), "
                'got "half \\ud83d"'
            ],
        ),
    ],
)  # fmt: skip
def test_anything_else_is_refused_place_by_place(
    hint: Any, value: object, sentences: list[str]
) -> None:
    with pytest.raises(fitting.NotFittingError) as caught:
        fitting.fit(hint, value)

    assert [problem.sentence("n") for problem in caught.value.problems] == sentences


def test_a_validator_that_raises_something_else_is_a_refusal() -> None:
    class Broken(BaseModel):
        n: int

        @field_validator("n")
        @classmethod
        def _look_up(cls, value: int) -> int:
            return [0][value]

    with pytest.raises(fitting.NotFittingError, match="IndexError"):
        fitting.fit(Broken, {"n": 5})
