"""ZenML's own client shows what Kitaru did: one run, its steps, their artifacts."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from zenml.client import Client
from zenml.log_stores.artifact.artifact_log_store import fetch_log_records
from zenml.models import PipelineRunResponse, StepRunResponse
from zenml.utils import source_utils

import kitaru
from kitaru import KitaruClient, checkpoint, flow, llm, log, save, wait
from kitaru._engine.zenml.engine import ZenMLEngine

pytestmark = pytest.mark.zenml


class Colour(Enum):
    RED = "red"


class Report(BaseModel):
    title: str
    pages: int = 1


VALUES: dict[str, Any] = {
    "none": None,
    "number": 3,
    "fraction": 2.5,
    "text": "plain",
    "long_text": "x" * 100_000,
    "bytes": b"\x00\xff",
    "list": [1, "two", None],
    "dict": {"a": [1, 2]},
    "tuple": (1, "two"),
    "set": {1, 2},
    "enum": Colour.RED,
    "model": Report(title="t"),
    "models": [Report(title="a"), Report(title="b", pages=2)],
    "moment": datetime(2026, 1, 2, tzinfo=UTC),
}


def run_of(execution_id: str) -> PipelineRunResponse:
    return Client().get_pipeline_run(execution_id)


def steps_of(execution_id: str) -> dict[str, StepRunResponse]:
    return dict(run_of(execution_id).steps)


@pytest.fixture
def kept(engine: ZenMLEngine) -> str:
    """An execution with one checkpoint for each of the values."""

    @checkpoint
    def make(name: str) -> Any:
        return VALUES[name]

    @flow
    def making() -> Any:
        for name in VALUES:
            make.with_options(id=name)(name)
        return VALUES["model"]

    return making.run().exec_id


def exact(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with their types: `1 == True` and `(1,) != [1]` are not enough."""
    return {name: (type(value), value) for name, value in values.items()}


def test_zenml_loads_the_values_that_checkpoints_and_flow_returned(kept: str) -> None:
    loaded = {name: step.output.load() for name, step in steps_of(kept).items()}

    assert exact(loaded) == exact(VALUES)
    (result,) = run_of(kept).outputs.values()
    assert result.load() == VALUES["model"]


def test_client_loads_the_same_values_by_its_own_and_by_zenmls_ids(
    kept: str, client: KitaruClient
) -> None:
    zenml_id = str(steps_of(kept)["model"].output.id)

    listed = {ref.name: ref for ref in client.artifacts.list(kept)}
    del listed["result"]

    assert exact({name: ref.load() for name, ref in listed.items()}) == exact(VALUES)
    by_own_id = client.artifacts.get(listed["model"].artifact_id)
    assert by_own_id.load() == client.artifacts.get(zenml_id).load() == VALUES["model"]


def test_run_and_steps_have_the_same_ids_names_and_statuses(
    client: KitaruClient,
) -> None:
    @checkpoint
    def draft(n: int) -> list[int]:
        return [n]

    @checkpoint
    def refuse() -> None:
        raise ValueError("no")

    @checkpoint
    def join(parts: list[int]) -> int:
        return len(parts)

    @flow
    def writing() -> int:
        parts = draft(1)
        draft(2)
        with contextlib.suppress(ValueError):
            refuse()
        return join(parts)

    handle = writing.run()

    run = run_of(handle.exec_id)
    steps = steps_of(handle.exec_id)
    execution = client.executions.get(handle.exec_id)
    assert str(run.id) == execution.exec_id
    assert run.pipeline is not None
    assert run.pipeline.name == execution.flow_name == "writing"
    assert run.status == "completed"
    assert {name: step.status.value for name, step in steps.items()} == {
        call.invocation_id: call.status for call in execution.checkpoints
    }
    assert [c.invocation_id for c in execution.checkpoints] == [
        "draft",
        "draft_2",
        "refuse",
        "join",
    ]
    assert steps["join"].spec.upstream_steps == ["draft"]
    assert steps["refuse"].exception_info is not None
    assert "ValueError: no" in (steps["refuse"].exception_info.traceback or "")


def test_what_a_language_model_took_is_shown(client: KitaruClient) -> None:
    @flow
    def asking() -> str:
        return llm("why?", model="test")

    handle = asking.run()

    step = steps_of(handle.exec_id)["llm_call"]
    assert step.outputs["llm_call.response"][0].load() == "success (no tool calls)"
    assert step.run_metadata["kitaru_usage"]["requests"] == 1
    assert step.run_metadata["llm_calls"][0]["model"] == "test"


def test_saved_artifacts_and_metadata_are_shown(client: KitaruClient) -> None:
    @checkpoint
    def think() -> str:
        save("prompt text", "why?", type="prompt", tags=["first"])
        log(tokens=12, usage={"in": 1})
        log(usage={"out": 2})
        return "because"

    @flow
    def thinking() -> str:
        log(customer="acme")
        return think()

    handle = thinking.run()

    step = steps_of(handle.exec_id)["think"]
    assert step.outputs["prompt text"][0].load() == "why?"
    assert step.run_metadata["tokens"] == 12
    assert step.run_metadata["usage"] == {"in": 1, "out": 2}
    assert run_of(handle.exec_id).run_metadata["customer"] == "acme"
    execution = client.executions.get(handle.exec_id)
    assert execution.metadata["customer"] == "acme"
    (call,) = execution.checkpoints
    assert call.metadata == {"tokens": 12, "usage": {"in": 1, "out": 2}}
    prompt = client.artifacts.list(handle.exec_id, kind="prompt")[0]
    assert (prompt.name, prompt.load()) == ("prompt text", "why?")


@pytest.mark.parametrize(
    ("ends", "ours", "theirs"),
    [
        ("returns", "completed", "completed"),
        ("raises", "failed", "failed"),
        ("waits", "waiting", "paused"),
    ],
)
def test_statuses_agree(
    client: KitaruClient, ends: str, ours: str, theirs: str
) -> None:
    @flow
    def ending() -> None:
        if ends == "raises":
            raise ValueError("on purpose")
        if ends == "waits":
            wait(timeout=0)

    handle = ending.run()

    assert client.executions.get(handle.exec_id).status == ours
    assert run_of(handle.exec_id).status == theirs


def test_retried_execution_shows_the_last_outcome_of_each_step(
    client: KitaruClient,
) -> None:
    broken = True

    @checkpoint
    def fragile() -> str:
        if broken:
            raise OSError("down")
        return "up"

    @flow
    def relying() -> str:
        return fragile()

    handle = relying.run()
    broken = False

    client.executions.retry(handle.exec_id)

    assert run_of(handle.exec_id).status == "completed"
    assert steps_of(handle.exec_id)["fragile"].status == "completed"
    assert steps_of(handle.exec_id)["fragile"].output.load() == "up"
    assert handle.get() == "up"


def test_flow_runs_where_kitaru_itself_lies_below_the_source_root(
    client: KitaruClient,
) -> None:
    """As in a checkout: ZenML would import our entry a second time, by its path."""

    @flow
    def plain() -> str:
        return "done"

    before = source_utils._CUSTOM_SOURCE_ROOT
    source_utils.set_custom_source_root(str(Path(kitaru.__file__).parents[2]))
    try:
        handle = plain.run()
    finally:
        source_utils.set_custom_source_root(before)

    assert handle.get() == "done"


def test_steps_follow_one_another_where_no_value_says_so(engine: ZenMLEngine) -> None:
    @checkpoint
    def plan() -> list[int]:
        return [1, 2]

    @checkpoint
    def fetch(number: int) -> int:
        return number

    @checkpoint
    def told(text: str) -> str:
        return text

    @flow
    def research() -> str:
        fetched = fetch.map(plan()).results()
        first = told(f"{sum(fetched)} in all")
        return told(first)

    steps = steps_of(research.run().exec_id)

    upstream = {name: sorted(step.spec.upstream_steps) for name, step in steps.items()}
    ids = {step.id: name for name, step in steps.items()}
    drawn = {
        name: sorted(ids[parent] for parent in step.parent_step_ids)
        for name, step in steps.items()
    }
    assert upstream == drawn
    assert drawn == {
        "plan": [],
        "fetch": ["plan"],
        "fetch_2": ["plan"],
        "told": ["fetch", "fetch_2"],
        "told_2": ["told"],
    }


def test_each_step_has_the_source_of_its_checkpoint(kept: str) -> None:
    code = {name: step.source_code for name, step in steps_of(kept).items()}

    assert all(text and "def make(name: str)" in text for text in code.values()), code


def test_the_log_of_a_run_is_that_of_its_execution(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    @checkpoint
    def speaks() -> None:
        print("good evening")

    @flow
    def speech() -> None:
        speaks()

    exec_id = speech.run().exec_id

    (source,) = run_of(exec_id).log_collection or ()
    store = Client().active_stack.artifact_store
    shown = [
        entry.message for entry in fetch_log_records(store, source.uri or "", 1000)
    ]
    told = client.executions.logs(exec_id, source="all")
    assert shown == [entry.message for entry in told]
    assert "good evening" in shown
    (of_step,) = steps_of(exec_id)["speaks"].log_collection or ()
    spoken = fetch_log_records(store, of_step.uri or "", 1000)
    assert [entry.message for entry in spoken] == ["good evening"]
    assert of_step.source == "step"
