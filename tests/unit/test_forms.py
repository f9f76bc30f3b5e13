from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from kitaru._core.waits.answers import answer_schema
from kitaru._core.waits.forms import Prompt, drive, form


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    street: str
    number: int | None = None


class Order(BaseModel):
    paid: bool
    colour: Colour = Colour.RED
    address: Address
    tags: list[str] = []
    note: str | None = None
    gift: Address | None = None


class Card(BaseModel):
    kind: Literal["card"] = "card"
    number: int


class Cash(BaseModel):
    kind: Literal["cash"] = "cash"
    amount: float


class Payment(BaseModel):
    by: Annotated[Card | Cash, Field(discriminator="kind")]


class Typist:
    """Types prepared lines and remembers what was asked."""

    def __init__(self, *lines: str) -> None:
        self._lines = [*lines]
        self.asked: list[Prompt] = []

    def __call__(self, prompt: Prompt) -> str:
        self.asked.append(prompt)
        return self._lines.pop(0)

    @property
    def done(self) -> bool:
        return not self._lines


@pytest.mark.parametrize(
    ("schema", "lines", "answer"),
    [
        pytest.param(None, [""], None, id="gate"),
        pytest.param(bool, ["y"], True, id="yes"),
        pytest.param(bool, ["NO"], False, id="no"),
        pytest.param(bool, ["", "maybe", "yes"], True, id="bool asked again"),
        pytest.param(int, ["4.5", " 4 "], 4, id="whole number asked again"),
        pytest.param(Annotated[int, Field(ge=3)], ["2", "3"], 3, id="bound"),
        pytest.param(float, ["a", "0.5"], 0.5, id="number"),
        pytest.param(str, ["", "text it is"], "text it is", id="text is needed"),
        pytest.param(str, ['""'], "", id="empty text"),
        pytest.param(str | None, [""], None, id="optional text left out"),
        pytest.param(str | None, ["a"], "a", id="optional text"),
        pytest.param(Colour, ["green", "2"], "blue", id="choice by number"),
        pytest.param(Colour, ["blue"], "blue", id="choice by name"),
        pytest.param(Literal[1, "a"], ["1"], 1, id="choice of other types"),
        pytest.param(list[int], ["1", "x", "2", ""], [1, 2], id="list"),
        pytest.param(list[int], [""], [], id="empty list"),
        pytest.param(
            Annotated[list[int], Field(min_length=1, max_length=2)],
            ["", "1", "2"],
            [1, 2],
            id="bounded list",
        ),
        pytest.param(
            list[Address],
            ["y", "Elm", "", "n"],
            [{"street": "Elm", "number": None}],
            id="list of models",
        ),
        pytest.param(
            dict[str, int], ["a", "1", "b", "2", ""], {"a": 1, "b": 2}, id="mapping"
        ),
        pytest.param(
            Order,
            ["y", "", "Elm", "7", "a", "", "", "n"],
            {
                "paid": True,
                "colour": "red",
                "address": {"street": "Elm", "number": 7},
                "tags": ["a"],
                "note": None,
                "gift": None,
            },
            id="nested model",
        ),
        pytest.param(
            Payment,
            ["Cash", "2.5"],
            {"by": {"kind": "cash", "amount": 2.5}},
            id="union",
        ),
        pytest.param(int | str, ["2", "a"], "a", id="union of plain types"),
        pytest.param(Any, ["{", '{"a": 1}'], {"a": 1}, id="anything is JSON"),
    ],
)
def test_lines_become_an_answer(schema: Any, lines: list[str], answer: Any) -> None:
    typist = Typist(*lines)

    given = drive(form("wait", answer_schema(schema)), typist)

    assert given == answer
    assert typist.done


def test_a_line_that_does_not_fit_is_explained_at_its_field() -> None:
    typist = Typist("y", "", "Elm", "seven", "7", "", "", "n")

    drive(form("wait", answer_schema(Order)), typist)

    assert typist.asked[4].above == ("'seven' is not a whole number",)
    assert typist.asked[4].label == "address.number (whole number; empty for none)"


def test_an_answer_refused_as_a_whole_is_asked_from_the_top() -> None:
    typist = Typist("1", "1", "", "1", "2", "")
    schema = {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}

    assert drive(form("wait", schema), typist) == [1, 2]

    assert "once more from the top" in " ".join(typist.asked[3].above)


def test_choices_and_descriptions_are_shown_above_the_question() -> None:
    typist = Typist("1")
    schema = {"enum": ["red", "blue"], "description": "The colour of the door."}

    drive(form("wait", schema), typist)

    assert typist.asked == [
        Prompt(
            "number or name",
            ("The colour of the door.", "  1) red", "  2) blue"),
        )
    ]
