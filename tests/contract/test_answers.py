"""Whether an answer fits is decided where it comes in, and it is kept as what it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Discriminator, Field, SecretStr, Tag, WithJsonSchema

import kitaru
from kitaru import flow
from kitaru.client import KitaruClient
from kitaru.errors import KitaruUsageError, KitaruWaitValidationError


class Colour(Enum):
    RED = "red"


class Line(BaseModel):
    item: str
    quantity: Annotated[int, Field(ge=1)] = 1


class Order(BaseModel):
    lines: list[Line]
    due: date | None = None
    colour: Colour = Colour.RED


@dataclasses.dataclass
class Verdict:
    good: bool
    seen: datetime


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Renamed(BaseModel):
    name: str = Field(alias="itsName")
    hidden: SecretStr


Asked = Callable[..., Any]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def ask(client: KitaruClient) -> Asked:
    """Return a function that starts an execution which waits for a type.

    Its result is whether the answer is what is expected.
    """

    def start(schema: object, expected: object = None) -> Any:
        @flow
        def asking() -> bool:
            return bool(kitaru.wait(schema=schema, name="asked", timeout=0) == expected)

        return asking.run()

    return start


@pytest.mark.shared_rule("schema", "given", "typed")
@pytest.mark.parametrize(
    ("schema", "given", "typed"),
    [
        (date, date(2026, 1, 31), date(2026, 1, 31)),
        (datetime, NOON, NOON),
        (timedelta, timedelta(minutes=5), timedelta(minutes=5)),
        (UUID, UUID(int=5), UUID(int=5)),
        (Decimal, Decimal("1.50"), Decimal("1.50")),
        (Path, Path("a/b"), Path("a/b")),
        (Colour, Colour.RED, Colour.RED),
        (tuple[int, str], (1, "a"), (1, "a")),
        (set[str], {"b", "a"}, {"a", "b"}),
        (Verdict, Verdict(good=True, seen=NOON), Verdict(good=True, seen=NOON)),
        (Order, Order(lines=[Line(item="x")]), Order(lines=[Line(item="x")])),
        (
            Order,
            {"lines": [Line(item="x", quantity=2)], "due": date(2026, 1, 31)},
            Order(lines=[Line(item="x", quantity=2)], due=date(2026, 1, 31)),
        ),
        (
            Renamed,
            Renamed(itsName="Rex", hidden=SecretStr("s3cret")),
            Renamed(itsName="Rex", hidden=SecretStr("s3cret")),
        ),
        (dict[date, int], {date(2026, 1, 31): 1}, {date(2026, 1, 31): 1}),
    ],
    ids=lambda part: getattr(part, "__name__", None) if isinstance(part, type) else "",
)
def test_python_values_are_taken_as_the_json_they_stand_for(
    client: KitaruClient, ask: Asked, schema: object, given: object, typed: object
) -> None:
    handle = ask(schema, typed)

    client.executions.input(handle.exec_id, value=given)

    assert handle.wait() is True


@pytest.mark.shared_rule("schema", "value", "field", "said")
@pytest.mark.parametrize(
    ("schema", "value", "field", "said"),
    [
        (
            Order,
            {"lines": [{"item": "x", "quantity": 0}]},
            "lines.0.quantity",
            "lines.0.quantity must be at least 1, got 0;",
        ),
        (
            Annotated[Cat | Dog, Field(discriminator="kind")],
            {"kind": "dog", "lives": 3},
            "name",
            "name must be given (the field is required), got nothing;",
        ),
        (
            Annotated[Cat | Dog, Field(discriminator="kind")],
            {"kind": "cow"},
            "kind",
            'kind must be one of "cat", "dog", got "cow";',
        ),
        (float, float("nan"), "answer", "answer must be a finite number, got NaN;"),
        (float, float("inf"), "answer", "a finite number, got Infinity;"),
        (str, "half \ud83d", "answer", 'that UTF-8 can hold (no half of a surrogate'),
        (dict[str, Any], {"a": ["\ud83d"]}, "a.0", 'got "\\ud83d"'),
        (Any, object(), "answer", "JSON data, or of a type that stands for some"),
        (Any, {(1, 2): 3}, "answer", "an object whose keys are text, got [1, 2];"),
        (int, 10**5000, "answer", "a number of at most 4300 digits"),
        (str, "x" * 20_000_000, "answer", "smaller: 16,000,000 characters"),
        (Annotated[str, Field(pattern="^(a+)+$")], "a" * 40 + "!", "answer", "matches"),
        (Order, {}, "lines", "lines must be given"),
        (
            Order,
            {"lines": [{"quantity": "x"}], "due": "soon"},
            "lines.0.quantity",
            'due must be a date such as "2026-01-31", got "soon"',
        ),
    ],
    ids=lambda part: part if part in ("kind", "name", "lines") else "",
)  # fmt: skip
def test_a_wrong_answer_names_the_right_place(
    client: KitaruClient,
    ask: Asked,
    schema: object,
    value: object,
    field: str,
    said: str,
) -> None:
    handle = ask(schema)

    with pytest.raises(KitaruWaitValidationError, match="nothing was stored") as caught:
        client.executions.input(handle.exec_id, value=value)

    assert caught.value.field == field
    assert said in str(caught.value)
    assert len(str(caught.value)) < 700
    assert handle.status == "waiting"


def test_a_deep_answer_is_refused(client: KitaruClient, ask: Asked) -> None:
    handle = ask(Any)
    deep: object = None
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(KitaruWaitValidationError, match="at most 100 levels deep"):
        client.executions.input(handle.exec_id, value=deep)


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


def test_a_recursive_schema_takes_what_fits(client: KitaruClient, ask: Asked) -> None:
    handle = ask(Tree, Tree(name="a", children=[Tree(name="b")]))
    wrong = {"name": "a", "children": [{"name": "b", "children": [{"name": 1}]}]}

    with pytest.raises(KitaruWaitValidationError) as caught:
        client.executions.input(handle.exec_id, value=wrong)
    client.executions.input(
        handle.exec_id, value={"name": "a", "children": [{"name": "b"}]}
    )

    assert caught.value.field == "children.0.children.0.name"
    assert handle.wait() is True


def _shape(value: Any) -> str:
    return "long" if isinstance(value, str) and len(value) > 3 else "short"


Told = Annotated[
    Annotated[str, Tag("short")] | Annotated[str, Tag("long")], Discriminator(_shape)
]


def test_choices_that_a_function_tells_apart_may_look_alike(
    client: KitaruClient, ask: Asked
) -> None:
    handle = ask(Told, "hello")

    client.executions.input(handle.exec_id, value="hello")

    assert handle.wait() is True


@pytest.mark.shared_rule("schema", "why")
@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (WithJsonSchema({"$ref": "http://127.0.0.1:9/x.json"}), "nothing outside"),
        (WithJsonSchema({"pattern": r"(a)\1"}), "whose work is bounded"),
        (WithJsonSchema({"unevaluatedItems": False}), "not known here"),
    ],
    ids=["foreign", "pattern", "keyword"],
)
def test_a_schema_nothing_can_be_checked_against_ends_the_flow_with_the_reason(
    ask: Asked, schema: object, why: str
) -> None:
    handle = ask(Annotated[Any, schema])

    with pytest.raises(kitaru.KitaruUserCodeError) as caught:
        handle.wait()

    assert isinstance(caught.value.__cause__, KitaruUsageError)
    assert why in str(caught.value)
