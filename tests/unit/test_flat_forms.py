from __future__ import annotations

import json
from datetime import date
from enum import Enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from kitaru._core.waits.answers import answer_schema, checked
from kitaru.mcp.flat_forms import form


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(Enum):
    LOW = 1
    HIGH = 2


class Review(BaseModel):
    approved: bool
    stars: int = Field(ge=1, le=5)
    note: str | None = None
    colour: Colour = Colour.RED


class Nullable(BaseModel):
    note: str | None


class Nested(BaseModel):
    review: Review


class Tree(BaseModel):
    children: list[Tree]


@pytest.mark.parametrize(
    ("schema", "content", "answer"),
    [
        pytest.param(bool, {"answer": False}, False, id="boolean"),
        pytest.param(int, {"answer": 3}, 3, id="integer"),
        pytest.param(str, {"answer": ""}, "", id="empty text"),
        pytest.param(date, {"answer": "2026-01-02"}, "2026-01-02", id="date"),
        pytest.param(Colour, {"answer": "blue"}, "blue", id="enum"),
        pytest.param(Level, {"answer": "2"}, 2, id="enum of numbers"),
        pytest.param(Literal["a"], {"answer": "a"}, "a", id="constant"),
        pytest.param(int | None, {"answer": 3}, 3, id="optional, given"),
        pytest.param(int | None, {}, None, id="optional, left empty"),
        pytest.param(None, {"answer": True}, None, id="gate"),
        pytest.param(
            Review,
            {"approved": True, "stars": 5, "colour": "blue"},
            {"approved": True, "stars": 5, "colour": "blue"},
            id="model",
        ),
        pytest.param(Nullable, {}, {"note": None}, id="required but may be null"),
        pytest.param(list[int], {"answer": "[1, 2]"}, [1, 2], id="list"),
        pytest.param(Tree, {"answer": '{"children": []}'}, {"children": []}, id="tree"),
        pytest.param(
            Nested,
            {"answer": '{"review": {"approved": true, "stars": 1}}'},
            {"review": {"approved": True, "stars": 1}},
            id="nested model",
        ),
        pytest.param(int | str, {"answer": '"x"'}, "x", id="union"),
    ],
)
def test_content_of_a_form_becomes_an_answer_that_fits(
    schema: Any, content: dict[str, Any], answer: object
) -> None:
    described = answer_schema(schema)

    read = form(described).read(content)

    assert read == answer
    checked("wait", described, read)


@pytest.mark.parametrize(
    "schema",
    [bool, Colour, Level, Review, Nullable, Nested, Tree, int | None, list[int], None],
)
def test_forms_have_one_level_of_simple_fields(schema: Any) -> None:
    requested = form(answer_schema(schema)).requested_schema

    assert requested["type"] == "object"
    assert set(requested["required"]) <= set(requested["properties"])
    for field in requested["properties"].values():
        assert field["type"] in ("string", "integer", "number", "boolean")
        assert not {"anyOf", "$ref", "properties", "items"} & set(field)
        assert all(isinstance(choice, str) for choice in field.get("enum", ()))


def test_a_model_is_asked_for_field_by_field() -> None:
    requested = form(answer_schema(Review)).requested_schema

    assert requested["required"] == ["approved", "stars"]
    assert requested["properties"]["stars"] == {
        "type": "integer",
        "title": "Stars",
        "minimum": 1,
        "maximum": 5,
    }
    assert requested["properties"]["colour"]["default"] == "red"


def test_what_no_flat_form_can_hold_is_asked_for_with_its_schema() -> None:
    described = answer_schema(Nested)

    (field,) = form(described).requested_schema["properties"].values()

    assert json.dumps(described) in field["description"]


@pytest.mark.parametrize(
    ("schema", "content", "said"),
    [
        pytest.param(list[int], {"answer": "[1"}, "not JSON", id="no JSON"),
        pytest.param(None, {"answer": False}, "tick the box", id="gate not ticked"),
    ],
)
def test_content_that_means_no_answer_is_refused(
    schema: Any, content: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        form(answer_schema(schema)).read(content)
