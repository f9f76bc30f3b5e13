"""Existing ZenML steps as checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
from zenml import step
from zenml.client import Client

from kitaru import KitaruClient, checkpoint, flow
from kitaru._engine.open import use_engine
from kitaru._engine.zenml.engine import ZenMLEngine

DIARY = "diary.txt"


@step(enable_cache=False)
def embed(text: str) -> list[int]:
    with Path(DIARY).open("a") as diary:
        diary.write("embed\n")
    return [ord(letter) for letter in text]


@checkpoint
def total(numbers: list[int]) -> int:
    if not Path("mended").exists():
        raise RuntimeError("not yet")
    return sum(numbers)


embedding = checkpoint(embed)


@flow
def indexing(text: str) -> int:
    numbers = embedding(text)
    assert isinstance(numbers, list)
    return total(numbers)


@pytest.mark.usefixtures("engine")
def test_a_zenml_step_gives_its_plain_value_and_runs_once(client: KitaruClient) -> None:
    handle = indexing.run("ab")
    assert handle.status == "failed"
    Path("mended").touch()

    engine_here(client, handle.exec_id)

    assert handle.get() == 195
    assert Path(DIARY).read_text() == "embed\n"


def test_zenml_shows_the_step_as_its_own(
    client: KitaruClient, engine: ZenMLEngine
) -> None:
    Path("mended").touch()

    handle = indexing.run("a")

    run = Client().get_pipeline_run(handle.exec_id)
    assert {name: s.status.value for name, s in run.steps.items()} == {
        "embed": "completed",
        "total": "completed",
    }
    assert run.steps["embed"].output.load() == [97]
    calls = client.executions.get(handle.exec_id).checkpoints
    assert [c.invocation_id for c in calls] == ["embed", "total"]


def test_a_zenml_step_is_left_to_zenml_where_calls_are_shown_at_once(
    config: Path,
) -> None:
    Path("mended").touch()
    engine = ZenMLEngine(synchronous=True)

    with use_engine(engine):
        handle = indexing.run("ab")
        assert handle.get() == 195

    run = Client().get_pipeline_run(handle.exec_id)
    assert {step.status.value for step in run.steps.values()} == {"completed"}
    assert run.steps["embed"].output.load() == [97, 98]
    engine.journal.close()


def engine_here(client: KitaruClient, execution_id: str) -> None:
    """Retry in this process, which has the flow."""
    from kitaru._engine.open import current_engine

    assert client.executions.get(execution_id).status == "failed"
    current_engine().continue_here(execution_id)
