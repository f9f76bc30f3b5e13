from __future__ import annotations

import dataclasses
import json
import math
from collections import namedtuple
from collections.abc import Hashable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, RootModel

from kitaru._core.values import tagging

BERLIN = ZoneInfo("Europe/Berlin")


class Colour(Enum):
    RED = (255, 0, 0)
    CRIMSON = (255, 0, 0)


class Level(StrEnum):
    LOW = "low"


class Number(IntEnum):
    ONE = 1


class Access(Flag):
    READ = 1
    WRITE = 2


class Bits(IntFlag):
    A = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float = 0.0


@dataclasses.dataclass
class Tree:
    name: str
    leaves: list[Tree] = dataclasses.field(default_factory=list)
    total: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.total = len(self.leaves)
        self.note = f"note of {self.name}"

    @cached_property
    def shout(self) -> str:
        return self.name.upper()


@dataclasses.dataclass
class Unfinished:
    x: int = dataclasses.field(init=False)


@dataclasses.dataclass
class DataError(Exception):
    code: int


class Base(BaseModel):
    n: int = 0


class Answer(Base):
    model_config = ConfigDict(extra="allow")

    text: str = Field(alias="t")
    others: tuple[Base, ...] = ()
    _secret: int = PrivateAttr(default=1)


class NeverSeen(BaseModel):
    """What is known of a class is looked at once; no other test needs this one."""

    n: int = 0


class Swapped(BaseModel):
    a: int = Field(alias="b")
    b: int = Field(alias="a")


class Counting(BaseModel):
    n: int = 0

    def model_post_init(self, context: Any) -> None:
        self.n += 1

    @cached_property
    def double(self) -> int:
        return 2 * self.n


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)

    tags: frozenset[str] = frozenset()


class Numbers(RootModel[list[int]]):
    pass


class Pair(NamedTuple):
    left: object
    right: object


class Scaled(namedtuple("Scaled", "value")):
    __slots__ = ()

    def __new__(cls, value: int) -> Scaled:
        return super().__new__(cls, value * 10)


class Outer:
    class Inner(Enum):
        A = 1

    @dataclasses.dataclass
    class Data:
        x: int


def round_trip(value: object) -> Any:
    tree = tagging.to_tree(value).tree
    return tagging.from_tree(json.loads(json.dumps(tree)), tagging.anything)


def shape(value: Any) -> Any:
    """Return types and contents; floats by `repr`, as NaN equals nothing."""
    if isinstance(value, float):
        return (type(value), repr(value))
    if isinstance(value, dict):
        return (type(value), [(shape(k), shape(v)) for k, v in value.items()])
    if isinstance(value, set | frozenset):
        return (type(value), sorted((shape(item) for item in value), key=repr))
    if isinstance(value, tuple | list):
        return (type(value), [shape(item) for item in value])
    return (type(value), value)


ZONES = st.sampled_from(
    [None, UTC, timezone(timedelta(hours=-3)), BERLIN, ZoneInfo("Asia/Kathmandu")]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters(codec=None))
    | st.binary()
    | st.datetimes(timezones=ZONES)
    | st.dates()
    | st.times(timezones=ZONES)
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.sampled_from(
        [Colour.RED, Level.LOW, Number.ONE, Access.READ | Access.WRITE, Bits.A]
    )
    | st.builds(Point, st.floats(allow_nan=False))
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    hashable = inner.filter(is_hashable)
    return (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.builds(Pair, inner, inner)
        | st.sets(hashable, max_size=3)
        | st.frozensets(hashable, max_size=3)
        | st.dictionaries(hashable, inner, max_size=3)
        | st.dictionaries(st.sampled_from(["~", "v", "c", "a"]), inner, max_size=3)
    )


def is_hashable(value: object) -> bool:
    if not isinstance(value, Hashable):
        return False
    try:
        hash(value)
    except TypeError:
        return False
    # NaN differs from itself, so a set may hold it twice.
    return "nan" not in repr(value).lower()


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@given(st.recursive(SCALARS, nested, max_leaves=12))
def test_every_value_comes_back_with_its_types(value: object) -> None:
    assert shape(round_trip(value)) == shape(value)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(10**10_000, id="int of many digits"),
        pytest.param(-(10**10_000), id="negative int of many digits"),
        pytest.param(float("inf"), id="inf"),
        pytest.param(-0.0, id="negative zero"),
        pytest.param(bytearray(b"\x00a"), id="bytearray"),
        pytest.param(Decimal("1.00"), id="decimal keeps its zeros"),
        pytest.param(UUID(int=5), id="uuid"),
        pytest.param(Path("a/b c"), id="path"),
        pytest.param(PurePosixPath("/a"), id="pure posix path"),
        pytest.param(PureWindowsPath("c:\\a"), id="pure windows path"),
        pytest.param(date(2026, 1, 2), id="date"),
        pytest.param(time(1, 2, 3, 4, tzinfo=UTC), id="time"),
        pytest.param(timedelta(days=-1, microseconds=3), id="timedelta"),
        pytest.param(Colour.CRIMSON, id="alias of an enum member"),
        pytest.param(Outer.Inner.A, id="nested enum"),
        pytest.param(Outer.Data(1), id="nested dataclass"),
        pytest.param(Access(0), id="no flag"),
        pytest.param(Bits(8), id="flag without a name"),
        pytest.param(Tree("a", [Tree("b")]), id="dataclass in a dataclass"),
        pytest.param(Base(n=2), id="model"),
        pytest.param(Answer(t="x", others=(Base(),), more=[1]), id="nested model"),
        pytest.param(Swapped(b=1, a=2), id="model with crossed aliases"),
        pytest.param(Frozen(tags=frozenset({"a", "b"})), id="frozen model"),
        pytest.param({Frozen(), Frozen(tags=frozenset("a"))}, id="set of models"),
        pytest.param(Numbers([1, 2]), id="root model"),
        pytest.param(Scaled(3), id="namedtuple with an own __new__"),
        pytest.param({"~": "tuple", "v": [1]}, id="dict that looks like a tag"),
        pytest.param({(1, 2): {None: [True]}}, id="dict with other keys"),
    ],
)
def test_a_value_comes_back_equal_and_of_its_type(value: object) -> None:
    back = round_trip(value)

    assert back == value
    assert type(back) is type(value)


def test_nan_comes_back() -> None:
    assert math.isnan(round_trip([float("nan")])[0])


def test_a_dict_keeps_its_order() -> None:
    assert list(round_trip({2: "b", 1: "a"})) == [2, 1]


def test_a_time_keeps_its_zone_through_the_change_of_clocks() -> None:
    before = datetime(2026, 3, 28, 12, tzinfo=BERLIN)

    back = round_trip(before)

    assert back.tzinfo is BERLIN
    assert (back + timedelta(days=1)).utcoffset() == timedelta(hours=2)


def test_the_second_of_two_equal_hours_stays_the_second() -> None:
    late = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1)

    back = round_trip(late)

    assert back.utcoffset() == timedelta(hours=1)
    assert back.fold == 1


def test_a_dataclass_keeps_attributes_that_are_no_fields() -> None:
    assert round_trip(Tree("a")).note == "note of a"


def test_a_dataclass_may_lack_a_field() -> None:
    assert not hasattr(round_trip(Unfinished()), "x")


def test_reading_a_model_does_not_run_its_post_init_again() -> None:
    assert round_trip(Counting(n=1)).n == 2


def test_a_model_keeps_given_extra_and_private_fields() -> None:
    answer = Answer(t="x", more=(1,))
    answer._secret = 5

    back = round_trip(answer)

    assert back.model_fields_set == {"text", "more"}
    assert back.more == (1,)
    assert back._secret == 5


@pytest.mark.parametrize("make", [lambda: Tree("a"), lambda: Counting(n=1)])
def test_a_cached_property_changes_nothing(make: Any) -> None:
    used, fresh = make(), make()
    for name in ("shout", "double"):
        getattr(used, name, None)

    assert tagging.to_tree(used) == tagging.to_tree(fresh)


@pytest.mark.filterwarnings("error")
def test_nobody_is_warned_of_what_a_class_has_and_is_not_asked_for() -> None:
    tagging.to_tree(NeverSeen(n=1))


def test_the_canonical_form_ignores_which_fields_were_given() -> None:
    assert tagging.to_canonical_tree(Base()) == tagging.to_canonical_tree(Base(n=0))


class Local(str):
    __slots__ = ()


class Subdict(dict[str, int]):
    pass


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(object(), id="object"),
        pytest.param(Local("a"), id="subclass of str"),
        pytest.param(Subdict(a=1), id="subclass of dict"),
        pytest.param(DataError(1), id="dataclass that is an exception"),
        pytest.param(Point, id="a class"),
        pytest.param(dataclasses.make_dataclass("Made", ["x"])(1), id="made class"),
        pytest.param([{"a": (object(),)}], id="deep inside"),
        pytest.param(print, id="function"),
    ],
)
def test_what_cannot_be_found_again_has_no_tagged_form(value: object) -> None:
    with pytest.raises(tagging.UntaggableError):
        tagging.to_tree(value)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        pytest.param({"a": [1, "x", None, 1.5]}, True, id="json"),
        pytest.param({"a": (1,)}, False, id="tuple"),
        pytest.param({"~": 1}, False, id="the tag as a key"),
        pytest.param({1: 2}, False, id="int key"),
        pytest.param({Level.LOW: 2}, False, id="enum key"),
        pytest.param(float("nan"), False, id="nan"),
    ],
)
def test_plain_says_that_no_tag_was_needed(value: object, plain: bool) -> None:
    assert tagging.to_tree(value).is_plain is plain
