"""The record of a flow in ZenML's store is the same, whoever has written it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support import records
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

HERE, THROUGH_ZENML = {"KITARU_ENGINE": ""}, {"KITARU_ENGINE": "zenml"}

# Everything that leaves a trace in ZenML: values of all kinds, artifacts with tags,
# metadata, calls beside each other, attempts, failures, waits, isolated and cached calls.
JOURNEY = """
import os
import time
from pathlib import Path

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from pydantic import BaseModel

class Order(BaseModel):
    name: str

@checkpoint
def make(name: str) -> Order:
    print("making", name)
    kitaru.save("note", {"a": [1, 2]}, tags=["red", "urgent"])
    kitaru.save("report", Path(__file__))
    kitaru.log(cost=1.5, tags=["a"], nested={"b": None})
    return Order(name=name)

@checkpoint(type="tool_call")
def large(n: int) -> bytes:
    return b"x" * n

@checkpoint(cache=True)
def squared(n: int) -> int:
    return n * n

@checkpoint(retries=1)
def shaky(n: int) -> str:
    print("trying")
    if not Path("luck").exists():
        raise RuntimeError(f"no lück {n}")
    return "done"

@checkpoint(runtime="isolated")
def apart(order: Order) -> tuple:
    time.sleep(0.5)
    return order.name, None

@checkpoint
def refused() -> None:
    raise ValueError("not today")

@flow
def journey(name: str, amounts: list[int]) -> dict:
    order = make(name)
    large(100_000)
    numbers = [future.result() for future in squared.map(amounts)]
    try:
        refused()
    except ValueError:
        kitaru.log(refused=True)
    pair = apart(order)
    sure = kitaru.wait(
        name="sure", schema=bool, question="Sure?", metadata={"pair": pair[0]}, timeout=0
    )
    return {"sure": sure, "said": shaky(numbers[-1]), "order": order}

@flow
def failing() -> None:
    squared(2)
    raise ValueError("no such luck")

@checkpoint
def add(a: int, b: int) -> int:
    return a + b

@flow
def labelled(n: int) -> int:
    return squared(n)

@flow
def beside() -> list[int]:
    first = squared.submit(5)
    # Order only: the value passes through plain Python.
    total = sum(future.result() for future in add.product([1, 2], [10, 20]))
    return [total, add(total, first.result())]

@flow
def stopped() -> None:
    kitaru.wait(name="go", schema=bool, timeout=0)

def settled(exec_id: str, *, again: bool = False) -> str:
    # Whoever runs it elsewhere takes its time.
    while (status := client.executions.get(exec_id).status) == "running":
        time.sleep(0.05)
    return status

client = KitaruClient()
if __name__ == "__main__":
    first = journey.run(name="örder", amounts=[1, 2]).exec_id
    client.executions.input(first, wait="sure", value=True)
    assert settled(first) == "failed"
    Path("luck").touch()
    client.executions.retry(first)
    assert settled(first) == "completed"
    replayed = journey.replay(first, from_="apart", reuse_waits=True).exec_id
    assert settled(replayed) in ("completed", "waiting")
    assert failing.run().status == "failed"
    named = labelled.with_options(
        key="order-1", tags=["nightly"], attributes={"customer": "a", "priority": 2}
    )
    first = named.run(n=3).exec_id
    assert labelled.replay(first, from_="squared").status == "completed"
    assert beside.run().status == "completed"
    gone = stopped.run().exec_id
    client.executions.abort_wait(gone, wait="go")
    assert settled(gone) == "cancelled"
"""


def test_a_journey_leaves_the_same_rows(workspace: Workspace, tmp_path: Path) -> None:
    script = workspace.script("journey.py", JOURNEY)
    empty = tmp_path / "empty"
    shutil.copytree(workspace.config, empty)

    here = recorded(workspace, script, HERE)
    shutil.rmtree(workspace.config)
    shutil.copytree(empty, workspace.config)
    (workspace.project / "luck").unlink()
    through_zenml = recorded(workspace, script, THROUGH_ZENML)

    for table in records.TABLES:
        assert here[table] == through_zenml[table], table


def recorded(
    workspace: Workspace, script: Path, environment: dict[str, str]
) -> dict[str, list[str]]:
    done = workspace.start_python(script, environment=environment).finish()
    assert done.code == 0, done.both
    database = workspace.config / "local_stores" / "default_zen_store" / "zenml.db"
    return records.described(database, workspace.config)
