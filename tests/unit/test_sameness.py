"""What counts as the same value, and that only the same value is taken for stored."""

from __future__ import annotations

import logging
import math
import random
import re
import threading
import warnings
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from kitaru._core.values import codec, sameness
from kitaru._core.values.tagging import anything
from kitaru.errors import KitaruUsageError

pytestmark = pytest.mark.filterwarnings("ignore::kitaru.errors.KitaruPickleWarning")
T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    item: T


class Slotted(BaseModel):
    __slots__ = ("beside",)
    n: int = 0


class Name(str):
    pass


class Handmade:
    def __init__(self, content: object) -> None:
        self.content = content


class Forgetful(Handmade):
    """Gives pickle another content than it has."""

    def __reduce__(self) -> Any:
        return (Forgetful, (f"{self.content} again",))


class Unreadable(Handmade):
    def __reduce__(self) -> Any:
        return (Unreadable, ())


class Lenient(Handmade):
    """Has an own idea of equality, and a state that is another one each time."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lenient) and other.content == self.content

    def __hash__(self) -> int:
        return 0

    def __getstate__(self) -> dict[str, object]:
        return {"content": self.content, "time": random.random()}


class Odd(Enum):
    ONE = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        made = object.__new__(cls)
        made._value_, made._name_ = value, str(value)
        return made


def stored(value: object) -> tuple[str, Any]:
    encoded = codec.encode(value)
    return encoded.serializer, codec.decode(
        encoded.serializer, encoded.payload, anything
    )


def with_attribute(value: Any, **attributes: object) -> Any:
    for name, item in attributes.items():
        setattr(value, name, item)
    return value


def in_a_circle() -> list[Any]:
    value: list[Any] = [1, {}]
    value[1]["back"] = (value,)
    return value


def with_attrs(frame: pd.DataFrame, **attrs: object) -> pd.DataFrame:
    frame.attrs.update(attrs)
    return frame


VALUES = {
    "subclass of str": Name("a"),
    "subclass of str with an attribute": with_attribute(Name("a"), more=[1]),
    "ordered dict": OrderedDict(b=1, a=2),
    "default dict": defaultdict(list, a=[1]),
    "counter": Counter("abca"),
    "deque": deque([1, 2], 3),
    "object": Handmade([float("nan"), {1: (2,)}]),
    "object that calls itself equal": Lenient(3),
    "function": lambda x: x + 1,
    "partial": partial(int, base=2),
    "pattern": re.compile("a+", re.IGNORECASE),
    "random": random.Random(3),
    "logger": logging.getLogger("here"),
    "class": Handmade,
    "generic model": Box[int](item=1),
    "generic model with a union": Box[list[int | None]](item=[None]),
    "named offset": datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1), "CET")),
    "signalling nan": Decimal("sNaN12"),
    "complex": complex(float("nan"), -0.0),
    "circle": in_a_circle(),
    "array without dimensions": np.array(5.0),
    "scalar": np.float32(5),
    "numbers within": {"a": np.float64(1.5), "b": [np.array(3), np.bool_(True)]},
    "structured array": np.array([(1, 2.0)], dtype=[("a", "i1"), ("b", "f8")]),
    "aligned array": np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "record": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])[0],
    "array of objects": np.array([{"a": 1}, None, (1,)], dtype=object),
    "masked array": np.ma.array([1, 2], mask=[False, True]),
    "array by columns": np.array([[1, 2], [3, 4]], order="F"),
    "array with steps": np.arange(10)[::2],
    "frame": pd.DataFrame({"a": [1, 2], "b": [0.5, None]}),
    "frame of dicts": pd.DataFrame({"c": [{"a": 1, "b": 3}, {"a": 2}]}),
    "frame of lists": pd.DataFrame({"c": [[1], [2, 3]]}),
    "frame of tuples": pd.DataFrame({"c": [(1,)]}),
    "frame of all sorts": pd.DataFrame({"c": [1, "a", None]}),
    "frame with numbered columns": pd.DataFrame(np.zeros((2, 2))),
    "frame with notes": with_attrs(pd.DataFrame({"a": [1]}), unit=("m", 1)),
    "frame with a zone": pd.DataFrame(
        {"t": pd.date_range("2026", periods=2, tz="Europe/Berlin")}
    ),
    "frame by day": pd.DataFrame({"a": [1]}, index=pd.date_range("2026", periods=1)),
    "frame with levels": pd.DataFrame(
        {"a": [1]}, index=pd.MultiIndex.from_tuples([("x", 1)], names=["l", "n"])
    ),
    "categories": pd.DataFrame(
        {"c": pd.Categorical(["a"], categories=["b", "a", "z"], ordered=True)}
    ),
    "nullable": pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
    "periods": pd.DataFrame({"p": pd.period_range("2026", periods=2, freq="M")}),
    "decimals": pd.DataFrame({"d": [Decimal("1.10")]}),
    "empty frame": pd.DataFrame(),
    "series": pd.Series([1, 2.5], name="x"),
    "time stamp": pd.Timestamp("2026-01-01", tz="UTC"),
    "missing": [pd.NA, pd.NaT],
}


@pytest.mark.parametrize("name", VALUES)
def test_a_stored_value_comes_back_as_it_was(name: str) -> None:
    value = VALUES[name]

    _, back = stored(value)

    assert sameness.difference(value, back) is None
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(Forgetful("a"), "comes back with other contents", id="changed"),
        pytest.param([Forgetful("a")], r"at \[0\]", id="changed inside"),
        pytest.param(Unreadable("a"), "could not be read again", id="unreadable"),
        pytest.param(threading.Lock(), "cannot pickle", id="lock"),
        pytest.param((x for x in [1]), "cannot pickle", id="generator"),
        pytest.param(memoryview(b"a"), "comes back as a bytes", id="memory view"),
    ],
)
def test_what_would_come_back_changed_is_refused_when_it_is_stored(
    value: object, reason: str
) -> None:
    with pytest.raises(KitaruUsageError, match=reason) as caught:
        codec.encode(value, what="the result of checkpoint 'plan'")

    assert str(caught.value).startswith("the result of checkpoint 'plan' is a ")
    assert "which cannot be stored" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "serializer"),
    [
        pytest.param(VALUES["frame"], "parquet", id="plain frame"),
        pytest.param(VALUES["categories"], "parquet", id="frame that parquet keeps"),
        pytest.param(VALUES["frame of dicts"], "pickle", id="frame it changes"),
        pytest.param(VALUES["array with steps"], "numpy", id="array"),
        pytest.param(VALUES["array without dimensions"], "tagged", id="no dimensions"),
        pytest.param(VALUES["array of objects"], "pickle", id="array of objects"),
        pytest.param(VALUES["circle"], "tagged", id="circle"),
        pytest.param(Box[int](item=1), "tagged", id="generic model"),
        pytest.param(Odd(2), "pickle", id="made up member of an enum"),
    ],
)
def test_the_next_form_is_taken_where_one_would_change_the_value(
    value: object, serializer: str
) -> None:
    assert stored(value)[0] == serializer


def test_a_model_with_slots_of_its_own_is_refused_rather_than_cut() -> None:
    value = Slotted(n=1)
    object.__setattr__(value, "beside", 5)

    with pytest.raises(KitaruUsageError, match="which cannot be stored"):
        codec.encode(value)


def test_one_object_in_two_places_stays_one_object() -> None:
    row, model = [1], Box[int](item=1)
    _, back = stored({"grid": [row, row], "models": (model, {"again": model})})

    assert back["grid"][0] is back["grid"][1]
    assert back["models"][0] is back["models"][1]["again"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(1, True, id="bool for int"),
        pytest.param(0.0, -0.0, id="sign of zero"),
        pytest.param(1, 1.0, id="float for int"),
        pytest.param("a", Name("a"), id="subclass"),
        pytest.param([1], (1,), id="tuple for list"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, id="order of a dict"),
        pytest.param([1, [2]], [1, [3]], id="inside"),
        pytest.param(ValueError("a"), ValueError("b"), id="exceptions"),
        pytest.param(
            ValueError("a"),
            with_attribute(ValueError("a"), __cause__=KeyError()),
            id="cause",
        ),
        pytest.param(np.array(1), np.int64(1), id="array and scalar"),
        pytest.param(np.zeros(1, "i4"), np.zeros(1, "i8"), id="kinds of numbers"),
        pytest.param(
            pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1.0]}), id="kinds of columns"
        ),
        pytest.param(Handmade(1), Handmade(2), id="objects"),
    ],
)
def test_different_values_are_told_apart(one: object, other: object) -> None:
    assert sameness.difference(one, other) is not None


ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | st.decimals()
    | st.datetimes()
    | st.builds(Name, st.text())
    | st.builds(np.float64, st.floats())
    | st.builds(np.array, st.integers(-5, 5))
    | st.builds(lambda text: ValueError(text), st.text())
)
ANYTHING = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(lambda items: [*items, *items])
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3).map(OrderedDict)
        | st.builds(Handmade, inner)
        | st.builds(lambda item: Box[Any](item=item), inner)
        | st.lists(inner, min_size=1, max_size=3).map(
            lambda items: pd.DataFrame({"c": pd.Series(items, dtype=object)})
        )
    ),
    max_leaves=8,
)


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@given(ANYTHING)
def test_every_value_comes_back_as_it_was_or_is_refused(value: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            encoded = codec.encode(value)
        except KitaruUsageError:
            return

    back = codec.decode(encoded.serializer, encoded.payload, anything)

    assert plain(back) == plain(value)


def plain(value: Any) -> Any:
    """Return types and contents in words: a second opinion, not that of the code."""
    kind = type(value).__name__
    if isinstance(value, float) and math.isnan(value):
        return kind, "nan"
    if isinstance(value, pd.DataFrame):
        return kind, [str(t) for t in value.dtypes], [plain(x) for x in value["c"]]
    if isinstance(value, dict):
        return kind, [(plain(k), plain(v)) for k, v in value.items()]
    if isinstance(value, list | tuple):
        return kind, [plain(item) for item in value]
    if isinstance(value, Handmade):
        return kind, plain(value.content)
    if isinstance(value, Box):
        return kind, plain(value.item)
    return kind, repr(value)
