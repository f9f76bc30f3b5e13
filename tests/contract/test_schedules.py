"""Schedules of deployed flows: the same on every engine that keeps them."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from pathlib import Path

import pytest

from kitaru._engine.port.engine import Engine
from kitaru._engine.runners import schedules
from kitaru._ops import deployments
from kitaru.client import KitaruClient
from kitaru.errors import KitaruUsageError

CODE = """
import kitaru

@kitaru.flow
def NAME(day: str = "today") -> str:
    return day
"""
_names = (f"scheduled_{number}" for number in itertools.count())


@pytest.fixture
def flow(engine: Engine, tmp_path: Path) -> str:
    """A deployed flow; the stores of these tests are shared, this flow is not."""
    name = next(_names)
    (tmp_path / f"{name}.py").write_text(CODE.replace("NAME", name))
    deployments.deploy(f"{name}.py:{name}", project=tmp_path)
    return name


def make_due(engine: Engine, name: str) -> None:
    """Let the time of a schedule have come."""
    (planned,) = (one for one in engine.schedules.find() if one.facts.name == name)
    engine.schedules.put(planned.facts, engine.schedules.now() - timedelta(days=1))


def test_a_schedule_is_made_paused_resumed_and_removed(
    engine: Engine, client: KitaruClient, flow: str
) -> None:
    made = client.schedules.create(
        flow=flow, every="0  7 * * 1-5", timezone="Europe/Berlin", inputs={"day": "x"}
    )
    assert (made.name, made.every, made.inputs) == (flow, "0 7 * * 1-5", {"day": "x"})
    assert made.next_at is not None
    assert client.schedules.list(flow=flow) == [made]

    paused = client.schedules.pause(flow)
    assert paused.is_paused
    make_due(engine, flow)
    client.schedules.pause(flow)
    assert schedules.fire(engine) == []
    assert client.schedules.resume(flow) == made

    # Once more under its name: there is one, which goes on where it was.
    make_due(engine, flow)
    again = client.schedules.create(
        flow=flow, every="0 7 * * 1-5", timezone="Europe/Berlin"
    )
    assert again.next_at is not None
    assert again.next_at < engine.schedules.now()
    client.schedules.delete(flow)
    assert client.schedules.list(flow=flow) == []
    with pytest.raises(KitaruUsageError, match="there is no schedule"):
        client.schedules.delete(flow)


def test_what_cannot_be_a_schedule_changes_nothing(
    client: KitaruClient, flow: str
) -> None:
    for said, wanted in {
        "five fields": {"every": "0 7 * *"},
        "no time zone": {"timezone": "Berlin"},
        "no input 'dy', did you mean 'day'": {"inputs": {"dy": "x"}},
        "cannot be the name": {"name": "a/b"},
        "missed='never'": {"missed": "never"},
    }.items():
        with pytest.raises(KitaruUsageError, match=said):
            client.schedules.create(**{"flow": flow, "every": "0 7 * * *"} | wanted)
    with pytest.raises(KitaruUsageError, match="did you mean"):
        client.schedules.create(flow=f"{flow}x", every="0 7 * * *")

    assert client.schedules.list(flow=flow) == []


def test_a_time_starts_one_execution_whoever_looks_and_whoever_died(
    engine: Engine, client: KitaruClient, flow: str
) -> None:
    client.schedules.create(flow=flow, every="0 7 * * *")
    make_due(engine, flow)
    # Somebody starts it, and dies before the schedule moves on.
    (planned,) = (one for one in engine.schedules.due() if one.facts.flow == flow)
    at = schedules.due_time(planned, engine.schedules.now())
    assert at is not None
    first = schedules.start(engine, planned.facts, key=planned.facts.key(at))

    with ThreadPoolExecutor(2) as pool:
        looks = [pool.submit(copy_context().run, schedules.fire, engine) for _ in "ab"]
        told = [line for look in looks for line in look.result()]

    (kept,) = client.schedules.list(flow=flow)
    (found,) = client.executions.list(flow=flow)
    assert (found.exec_id, kept.last_exec_id, kept.last_at) == (first, first, at)
    assert len([line for line in told if flow in line]) == 1
    assert kept.next_at is not None
    assert kept.next_at > engine.schedules.now()
    client.schedules.delete(flow)
