"""A value is in the next process, and in a process of its own, what it was in the first."""

from __future__ import annotations

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

CLASSES = """
import asyncio
import dataclasses
import enum
import sys
from collections import OrderedDict, namedtuple
from typing import Generic, TypeVar

import kitaru
import numpy
import pandas
from kitaru import checkpoint, flow
from pydantic import BaseModel

T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    item: T


class Colour(enum.IntEnum):
    RED = 1


class Name(str):
    pass


@dataclasses.dataclass
class Point:
    x: int


Pair = namedtuple("Pair", "left right")


class NoRoute(Exception):
    pass


class RateLimited(NoRoute):
    def __init__(self, status: int, *, retry_after: float):
        super().__init__(f"{status}, retry after {retry_after}")
        self.retry_after = retry_after


class Plain:
    def __init__(self, n):
        self.n = n


class Heir(Plain):
    pass


def failing(error, cause=None):
    try:
        raise error from cause
    except type(error) as raised:
        raised.add_note("seen")
        return raised


def values():
    shared = [1]
    group = ExceptionGroup("two", [NoRoute("a"), RateLimited(429, retry_after=2)])
    return {
        "generic model": Box[int](item=1),
        "generic model of a class": Box[list[Point]](item=[Point(1)]),
        "enum": Colour.RED,
        "subclass of str": Name("a"),
        "dataclass": Point(2),
        "named tuple": Pair(1, [2]),
        "object": Plain(3),
        "object of a subclass": Heir(4),
        "class": NoRoute,
        "exception": failing(RateLimited(429, retry_after=3), NoRoute("down")),
        "group": group,
        "array without dimensions": numpy.array(5.0),
        "number": numpy.float64(5.0),
        "frame of dicts": pandas.DataFrame({"c": [{"a": 1, "b": 3}, {"a": 2}]}),
        "ordered": OrderedDict(b=1, a=2),
        "shared": [shared, shared],
    }


def checks(value):
    return {
        "generic model": lambda v: type(v) is Box[int] and v == Box[int](item=1),
        "generic model of a class": lambda v: isinstance(v, Box) and v.item == [Point(1)],
        "enum": lambda v: v is Colour.RED,
        "subclass of str": lambda v: type(v) is Name and v == "a",
        "dataclass": lambda v: v == Point(2),
        "named tuple": lambda v: type(v) is Pair and v == Pair(1, [2]),
        "object": lambda v: type(v) is Plain and v.n == 3,
        "object of a subclass": lambda v: isinstance(v, Plain) and type(v) is Heir,
        "class": lambda v: v is NoRoute,
        "exception": lambda v: (
            type(v) is RateLimited
            and v.retry_after == 3
            and str(v) == "429, retry after 3"
            and v.__notes__ == ["seen"]
            and type(v.__cause__) is NoRoute
        ),
        "group": lambda v: [type(e) for e in v.exceptions] == [NoRoute, RateLimited],
        "array without dimensions": lambda v: type(v) is numpy.ndarray,
        "number": lambda v: type(v) is numpy.float64,
        "frame of dicts": lambda v: list(v["c"]) == [{"a": 1, "b": 3}, {"a": 2}],
        "ordered": lambda v: type(v) is OrderedDict and list(v) == ["b", "a"],
        "shared": lambda v: v[0] is v[1],
    }[value]


@checkpoint
def make(name):
    return values()[name]


@checkpoint(runtime="isolated")
def make_apart():
    made = values()
    wrong = [name for name in made if not checks(name)(made[name])]
    assert not wrong, wrong
    return made


@checkpoint
def fail():
    try:
        raise RateLimited(503, retry_after=1)
    except RateLimited as error:
        raise NoRoute("no page") from error


@checkpoint(runtime="isolated")
def fail_apart():
    try:
        raise RateLimited(503, retry_after=1)
    except RateLimited as error:
        raise NoRoute("no page") from error


@checkpoint
async def gather():
    async def call(n):
        if n == 2:
            raise RateLimited(429, retry_after=3)
        return n

    return await asyncio.gather(*map(call, range(4)), return_exceptions=True)


def caught(body):
    try:
        body()
    except NoRoute as error:
        cause = error.__cause__
        if type(cause) is RateLimited and cause.retry_after == 1:
            return []
    return [body.name]


@flow
async def looking(given: object):
    wrong = [name for name in values() if not checks(name)(make(name))]
    apart = make_apart()
    wrong += [f"apart: {name}" for name in apart if not checks(name)(apart[name])]
    wrong += caught(fail) + caught(fail_apart)
    gathered = await gather()
    if type(gathered[2]) is not RateLimited or gathered[2].retry_after != 3:
        wrong.append("gather")
    wrong += [f"input: {name}" for name in given if not checks(name)(given[name])]
    kitaru.wait(name="go", timeout=0)
    return wrong


if __name__ == "__main__":
    print(looking.run(values()).status.value)
"""


def test_values_and_failures_of_a_script_keep_type_contents_and_identity(
    workspace: Workspace,
) -> None:
    first = workspace.python("-W", "ignore", workspace.script("looks.py", CLASSES))
    assert first.stdout.endswith("waiting\n"), first.both
    execution_id = workspace.newest()

    workspace.kitaru("executions", "input", execution_id)

    workspace.settles(execution_id, "completed")
    assert workspace.result(execution_id) == []
