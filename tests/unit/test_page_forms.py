"""The schema of an answer as a form, and a form as an answer."""

from __future__ import annotations

import enum
from datetime import date, datetime, time
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from kitaru._core.waits import answers
from kitaru.ui import forms


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Line(BaseModel):
    item: str = Field(min_length=2)
    quantity: int = Field(ge=1, le=9)


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


def schema_of(kind: Any) -> dict[str, Any]:
    schema = answers.answer_schema(kind)
    assert schema is not None
    return schema


def read(kind: Any, **fields: str | list[str]) -> forms.Form:
    """Fill in a form whose fields are `v`, `v_0`, `v_0_n` for `v.0:n`."""
    sent = {
        name: [value] if isinstance(value, str) else value
        for name, value in fields.items()
    }
    return forms.sent(schema_of(kind), sent)


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        pytest.param(bool, "0", True, id="yes"),
        pytest.param(bool, "1", False, id="no"),
        pytest.param(int, " 12 ", 12, id="integer"),
        pytest.param(int, "9" * 40, int("9" * 40), id="large integer"),
        pytest.param(float, "1.5", 1.5, id="number"),
        pytest.param(float, "2", 2, id="whole number"),
        pytest.param(str, "two\r\nlines", "two\nlines", id="lines"),
        pytest.param(str, '""', "", id="empty text"),
        pytest.param(date, "2026-01-31", "2026-01-31", id="date"),
        pytest.param(
            datetime, "2026-01-31T09:30", "2026-01-31T09:30Z", id="moment in UTC"
        ),
        pytest.param(time, "09:30", "09:30", id="time"),
        pytest.param(Literal["a", "b"], "1", "b", id="literal"),
        pytest.param(Colour, "1", "blue", id="enum"),
        pytest.param(int | None, "", None, id="nothing of a nullable"),
        pytest.param(int | None, "3", 3, id="something of a nullable"),
        pytest.param(Any, '{"a": [1]}', {"a": [1]}, id="JSON"),
    ],
)
def test_what_is_typed_becomes_the_answer(kind: Any, typed: str, value: Any) -> None:
    form = read(kind, v=typed)

    assert form.is_right, form.root
    assert form.value == value


@pytest.mark.parametrize(
    ("kind", "typed", "problem"),
    [
        pytest.param(bool, "", "Choose one.", id="nothing chosen"),
        pytest.param(bool, "7", "Choose one.", id="no such choice"),
        pytest.param(int, "1.5", "not a whole number", id="fraction"),
        pytest.param(float, "nan", "not a number", id="NaN"),
        pytest.param(str, "  ", "needed", id="blank"),
        pytest.param(date, "tomorrow", "Must be a date", id="no date"),
        pytest.param(Annotated[int, Field(le=5)], "6", "at most 5", id="bound"),
        pytest.param(Any, "{", "not JSON", id="no JSON"),
        pytest.param(Any, "[" * 100_000, "nested too deeply", id="deep JSON"),
        pytest.param(Any, "NaN", "no NaN", id="no JSON number"),
    ],
)
def test_what_does_not_fit_is_marked_and_kept(
    kind: Any, typed: str, problem: str
) -> None:
    form = read(kind, v=typed)

    assert not form.is_right
    assert problem in form.root.problem
    if form.root.kind not in ("yes_no", "dots"):
        assert form.root.text == typed


def test_each_wrong_field_of_a_list_is_marked() -> None:
    sent = {"v:n": "2", "v.0.0": "tea", "v.0.1": "3", "v.1.0": "x", "v.1.1": "99"}

    form = read(list[Line], **sent)

    assert [(one.path, one.text) for one in form.wrong] == [
        ((1, "item"), "x"),
        ((1, "quantity"), "99"),
    ]


def test_an_item_is_taken_away_and_the_next_ones_move_up() -> None:
    sent = {
        "v:n": ["3"],
        **{f"v.{n}": [name] for n, name in enumerate("abc")},
        "change": ["drop v 1"],
    }

    form = forms.unjudged(schema_of(list[str]), forms.changed(sent))

    assert [part.text for part in form.root.parts] == ["a", "c"]


def test_an_item_is_added_without_a_complaint() -> None:
    sent = {"v:n": ["1"], "v.0": ["a"], "change": ["add v"]}

    form = forms.unjudged(schema_of(list[str]), forms.changed(sent))

    assert [part.text for part in form.root.parts] == ["a", ""]
    assert form.wrong == []


def test_only_the_chosen_form_of_a_union_counts() -> None:
    form = read(Line | str, **{"v:o": "1", "v.0.1": "not a number", "v.1": "tea"})

    assert form.is_right
    assert form.value == "tea"


def test_what_contains_itself_ends_in_json() -> None:
    form = read(Tree, **{"v.0": "root", "v.1:n": "1", "v.1.0": '{"name": "leaf"}'})

    assert form.value == {"name": "root", "children": [{"name": "leaf"}]}


def test_a_form_begins_with_what_is_there() -> None:
    form = forms.new(schema_of(list[Line]), [{"item": "tea", "quantity": 2}])

    assert form.value == [{"item": "tea", "quantity": 2}]
    assert form.root.parts[0].parts[1].text == "2"


def test_properties_may_be_called_anything() -> None:
    schema = {"type": "object", "properties": {"a.b:n": {"type": "integer"}}}

    form = forms.sent(schema, {"v.0": ["3"]})

    assert form.value == {"a.b:n": 3}


def test_a_form_is_never_endless() -> None:
    wide: Any = int
    for number in range(6):
        wide = {"anyOf": [{"title": f"t{number}", "type": "object",
                           "properties": {"p": part}} for part in [wide if number else {}] * 6]}  # fmt: skip

    fields = list(forms.new(wide).fields)

    assert len(fields) < 2000


KINDS = [bool, int, float, str, date, Line, list[Line], Line | str, dict[str, int],
         tuple[int, str], int | None, Literal["a", 1, None], Tree, Any]  # fmt: skip
keys = st.from_regex(r"v(\.[0-3]){0,3}(:[nok])?", fullmatch=True)


@given(
    kind=st.sampled_from(KINDS),
    sent=st.dictionaries(keys, st.lists(st.text(max_size=8), max_size=2), max_size=12),
)
def test_whatever_is_sent_is_an_answer_that_fits_or_is_marked(
    kind: Any, sent: dict[str, list[str]]
) -> None:
    schema = schema_of(kind)

    form = forms.sent(schema, sent)

    assert form.is_right == (not form.wrong)
    if form.is_right:
        answers.checked("w", schema, form.value)
