"""Arguments of a flow are checked by one rule, whoever starts it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from kitaru import checkpoint, flow
from kitaru._ops import flow_targets
from kitaru.client import KitaruClient
from kitaru.errors import KitaruUsageError

pytestmark = pytest.mark.usefixtures("engine")


class Plan(BaseModel):
    n: int = Field(ge=1, le=5)


@checkpoint
def step() -> int:
    return 1


got: list[Any] = []


@flow
def planned(
    plan: Plan, count: int = 1, *, tags: list[str] | None = None, **days: date
) -> str:
    step()
    got[:] = [plan, count, tags, days]
    return f"{type(plan).__name__} {count} {tags} {days}"


HERE = Path(__file__)
Door = Callable[..., object]
WRONG: list[Any] = [
    pytest.param({"plan": {"n": 99}}, ["plan.n must be at most 5, got 99"], id="range"),
    pytest.param({"count": "3"}, ['count must be an integer, got "3"'], id="text"),
    pytest.param(
        {"tags": "abc"}, ['tags must be a list or null, got "abc"'], id="no list"
    ),
    pytest.param({"monday": "soon"}, ["monday must be a date"], id="keywords"),
    pytest.param({"plan": "\ud83d"}, ["plan must be text that UTF-8"], id="half"),
    pytest.param(
        {"plan": {"n": "x"}, "count": [], "tags": [1]},
        [
            'plan.n must be an integer, got "x"',
            "count must be an integer, got []",
            "tags.0 must be a string, got 1",
        ],
        id="all at once",
    ),
]


@pytest.fixture(params=["run", "arun", "replay", "client", "target"])
def door(request: pytest.FixtureRequest, client: KitaruClient) -> Door:
    """One way to start an execution, given arguments by name."""
    if request.param == "run":
        return lambda **given: planned.run(**{"plan": Plan(n=1), **given})
    if request.param == "arun":
        return lambda **given: asyncio.run(planned.arun(**{"plan": {"n": 1}, **given}))
    if request.param == "target":
        return lambda **given: flow_targets.start_elsewhere(
            f"{HERE.name}:planned",
            project=HERE.parent,
            inputs={"plan": {"n": 1}, **given},
        )
    source = planned.run(Plan(n=1)).exec_id
    if request.param == "replay":
        return lambda **given: planned.replay(source, from_="step", **given)
    return lambda **given: client.executions.replay(source, from_="step", **given)


@pytest.mark.shared_rule("given", "said")
@pytest.mark.parametrize(("given", "said"), WRONG)
def test_every_door_refuses_what_does_not_fit(
    client: KitaruClient, door: Door, given: dict[str, Any], said: list[str]
) -> None:
    before = [found.exec_id for found in client.executions.list(flow="planned")]

    with pytest.raises(KitaruUsageError) as caught:
        door(**given)

    assert "nothing was started" in str(caught.value)
    for sentence in said:
        assert sentence in str(caught.value)
    after = [found.exec_id for found in client.executions.list(flow="planned")]
    assert after == before


def test_what_stands_for_a_value_is_that_value_in_the_flow() -> None:
    handle = planned.run({"n": 2}, tags=["a"], monday="2026-01-05")

    assert handle.wait() == ("Plan 1 ['a'] {'monday': datetime.date(2026, 1, 5)}")


def test_the_callers_own_objects_reach_the_flow(client: KitaruClient) -> None:
    plan, tags = Plan(n=3), ["a"]

    planned.run(plan, tags=tags).wait()

    assert got[0] == plan
    assert got[2] == tags


@flow
def given_later(value: Unknown) -> str:  # type: ignore[name-defined]  # noqa: F821  # as under TYPE_CHECKING
    return str(value)


def test_an_annotation_that_names_nothing_lets_everything_through() -> None:
    assert given_later.run(5).wait() == "5"


@pytest.mark.shared_rule("start", "said")
@pytest.mark.parametrize(
    ("start", "said"),
    [
        pytest.param(lambda: planned.run(), "plan is missing", id="missing"),
        pytest.param(
            lambda: planned.run(Plan(n=1), 2, 3),
            "at most 2 can be given by position, got 3",
            id="too many",
        ),
        pytest.param(
            lambda: planned.run(Plan(n=1), plan=3), "plan was given twice", id="twice"
        ),
        pytest.param(
            lambda: planned.replay("x", from_="step", inputs=["plan"]),  # type: ignore[arg-type]
            "must be a dict whose keys are names",
            id="no names",
        ),
    ],
)
def test_a_call_that_python_would_refuse_says_what_the_flow_takes(
    start: Callable[[], object], said: str
) -> None:
    with pytest.raises(KitaruUsageError, match=said):
        start()


def test_a_default_of_another_type_may_be_given() -> None:
    @flow
    def sloppy(names: list[str] = None) -> str:  # type: ignore[assignment]  # noqa: RUF013  # as people write it
        return str(names)

    assert sloppy.run(None).wait() == "None"
