from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Callable
from datetime import date, datetime, timedelta
from enum import Enum
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, field_validator

from kitaru._core.waits import answers, hints
from kitaru.errors import KitaruUsageError, KitaruWaitValidationError


class Choice(Enum):
    YES = "yes"
    NO = "it's a no"


class Address(BaseModel):
    street: str
    number: int


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    age: Annotated[int, Field(ge=0)] = 0
    homes: list[Address] = []


@dataclasses.dataclass
class Verdict:
    approved: bool
    reason: str = ""


class Even(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def must_be_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value


def check(schema: object, value: object) -> None:
    answers.checked("approve", answers.answer_schema(schema), value)


@pytest.mark.parametrize(
    ("schema", "answer", "value"),
    [
        pytest.param(None, None, None, id="gate"),
        pytest.param(bool, True, True, id="bool"),
        pytest.param(int | None, None, None, id="optional"),
        pytest.param(Choice, "yes", Choice.YES, id="enum"),
        pytest.param(Literal["a", 1], 1, 1, id="literal"),
        pytest.param(Verdict, {"approved": True}, Verdict(True), id="dataclass"),
        pytest.param(
            Person,
            {"name": "Ada", "homes": [{"street": "x", "number": 1}]},
            Person(name="Ada", homes=[Address(street="x", number=1)]),
            id="model",
        ),
        pytest.param(
            tuple[int, ...], [1, 2], (1, 2), id="types that JSON does not have"
        ),
        pytest.param(date, "2026-01-02", date(2026, 1, 2), id="date"),
        pytest.param(timedelta, "PT5M", timedelta(minutes=5), id="duration"),
        pytest.param(
            list[Annotated[int, Field(ge=0), ["unhashable"]]], [1], [1], id="annotated"
        ),
    ],
)
def test_an_answer_that_fits_comes_typed_to_the_flow(
    schema: object, answer: object, value: object
) -> None:
    check(schema, answer)

    assert answers.read_answer("approve", schema, answer) == value


@pytest.mark.parametrize(
    ("schema", "answer", "field", "expected", "got"),
    [
        pytest.param(
            None, 1, "answer", "no value (the wait is a plain gate)", "1", id="gate"
        ),
        pytest.param(bool, "yes", "answer", "a boolean", '"yes"', id="type"),
        pytest.param(int, True, "answer", "an integer", "true", id="bool is no int"),
        pytest.param(
            bool | None, "x", "answer", "a boolean or null", '"x"', id="optional"
        ),
        pytest.param(
            Choice,
            "maybe",
            "answer",
            'one of "yes", "it\'s a no"',
            '"maybe"',
            id="enum",
        ),
        pytest.param(Literal["yes"], "no", "answer", '"yes"', '"no"', id="one literal"),
        pytest.param(Literal[5], 6, "answer", "5", "6", id="one number"),
        pytest.param(
            Person,
            {"age": 1},
            "name",
            "given (the field is required)",
            "nothing",
            id="required",
        ),
        pytest.param(
            Person,
            {"name": "Ada", "homes": [{"street": "x", "number": "y"}]},
            "homes.0.number",
            "an integer",
            '"y"',
            id="nested",
        ),
        pytest.param(
            Person,
            {"name": "Ada", "homes": [{"street": "x"}]},
            "homes.0.number",
            "given (the field is required)",
            "nothing",
            id="nested required",
        ),
        pytest.param(
            Person,
            {"name": "Ada", "agee": 1},
            "agee",
            "left out (known fields: name, age, homes)",
            "1",
            id="unknown field",
        ),
        pytest.param(
            Person,
            {"name": "Ada", "age": -1},
            "age",
            "at least 0",
            "-1",
            id="range",
        ),
        pytest.param(
            datetime,
            "tomorrow",
            "answer",
            'a date and time such as "2026-01-31T09:30:00Z"',
            '"tomorrow"',
            id="format",
        ),
        pytest.param(
            UUID,
            "17",
            "answer",
            'a UUID such as "123e4567-e89b-12d3-a456-426614174000"',
            '"17"',
            id="uuid",
        ),
        pytest.param(
            HttpUrl,
            "no url",
            "answer",
            'a URL such as "https://example.com/"',
            '"no url"',
            id="url",
        ),
        pytest.param(
            IPv4Address,
            "1.2.3",
            "answer",
            'an IPv4 address such as "192.0.2.1"',
            '"1.2.3"',
            id="address",
        ),
    ],
)
def test_a_wrong_answer_names_field_expectation_and_value(
    schema: object, answer: object, field: str, expected: str, got: str
) -> None:
    with pytest.raises(KitaruWaitValidationError) as caught:
        check(schema, answer)

    error = caught.value
    assert (error.field, error.expected, error.got) == (field, expected, got)
    assert str(error) == (
        f"the answer to wait 'approve' does not fit: {field} must be {expected}, "
        f"got {got}; nothing was stored, answer again"
    )


def test_a_long_wrong_answer_is_shortened() -> None:
    with pytest.raises(KitaruWaitValidationError) as caught:
        check(bool, "x'" * 100)

    assert len(caught.value.got) == 80
    assert caught.value.got.endswith("…")


def test_a_validator_of_the_type_may_refuse_what_its_schema_allows() -> None:
    with pytest.raises(KitaruWaitValidationError, match="must be even") as caught:
        answers.read_answer("approve", Even, {"number": 1})

    assert caught.value.field == "number"
    assert caught.value.got == "1"


@pytest.mark.parametrize("schema", [object(), Callable[[], int], 5])
def test_a_schema_that_cannot_be_described_is_refused(schema: Any) -> None:
    with pytest.raises(
        KitaruUsageError, match=r"wait\(schema=.* cannot be described .* pydantic model"
    ):
        answers.answer_schema(schema)


@pytest.mark.parametrize(
    ("schema", "hint"),
    [
        pytest.param(None, "null", id="gate"),
        pytest.param(bool, "true", id="bool"),
        pytest.param(int, "1", id="int"),
        pytest.param(float, "1.5", id="float"),
        pytest.param(str, "'\"text\"'", id="str"),
        pytest.param(list[int], "'[1]'", id="list"),
        pytest.param(Literal["yes"], "'\"yes\"'", id="literal"),
        pytest.param(Verdict, "'{\"approved\": true}'", id="dataclass"),
        pytest.param(int | str, "1", id="union"),
        pytest.param(datetime, "'\"2026-01-31T09:30:00Z\"'", id="date"),
    ],
)
def test_a_hint_shows_what_to_type(schema: object, hint: str) -> None:
    assert hints.explain(answers.answer_schema(schema)) == hint


@pytest.mark.parametrize("schema", [None, bool, int, float, str, Choice, Literal[7]])
def test_a_hint_is_an_answer_a_shell_hands_over_as_typed(schema: object) -> None:
    described = answers.answer_schema(schema)

    (word,) = shlex.split(hints.explain(described))

    answers.checked("approve", described, json.loads(word))
