"""An existing ZenML configuration is used as it is."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
from zenml.client import Client
from zenml.enums import StackComponentType

from kitaru import KitaruClient, checkpoint, flow
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru.errors import KitaruUsageError

pytestmark = pytest.mark.zenml


@flow
def nothing() -> str:
    return "done"


def test_active_stack_of_the_user_is_used_and_stays_active(
    engine: ZenMLEngine, client: KitaruClient, tmp_path: Path
) -> None:
    own_store = tmp_path / "own artifacts"
    Client().create_stack_component(
        name="own",
        flavor="local",
        component_type=StackComponentType.ARTIFACT_STORE,
        configuration={"path": str(own_store)},
    )
    Client().create_stack(
        name="team",
        components={
            StackComponentType.ORCHESTRATOR: "default",
            StackComponentType.ARTIFACT_STORE: "own",
        },
    )
    Client().activate_stack("team")

    @checkpoint
    def large() -> str:
        return "x" * 200_000

    @flow
    def storing() -> int:
        return len(large())

    handle = storing.run()

    assert handle.get() == 200_000
    assert Client().active_stack_model.name == "team"
    assert client.executions.get(handle.exec_id).stack_name == "team"
    uri = Client().get_pipeline_run(handle.exec_id).steps["large"].output.uri
    assert Path(uri).is_relative_to(own_store)
    assert engine.describe()["stack"] == "team"


def test_configuration_file_is_left_alone(engine: ZenMLEngine, config: Path) -> None:
    before = (config / "config.yaml").read_text()

    nothing.run()

    assert (config / "config.yaml").read_text() == before


def test_logging_and_hooks_of_the_process_are_left_alone(engine: ZenMLEngine) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), sys.excepthook, sys.stdout, sys.stderr)

    nothing.run()

    now = (root.level, list(root.handlers), sys.excepthook, sys.stdout, sys.stderr)
    assert now == before


def test_an_execution_can_run_on_another_stack_and_continues_there(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    other = _second_stack()
    broken = [True]

    @checkpoint
    def step() -> bytes:
        return b"x" * 100_000

    @flow
    def elsewhere() -> int:
        size = len(step())
        if broken:
            raise RuntimeError("once")
        return size

    handle = elsewhere.run(stack="second")
    broken.clear()
    engine.continue_here(handle.exec_id)

    assert handle.get() == 100_000
    assert client.executions.get(handle.exec_id).stack_name == "second"
    stored = Client().get_pipeline_run(handle.exec_id).steps["step"].output.uri
    assert stored.startswith(other)
    assert Client().active_stack_model.name == "default"


def test_an_unknown_stack_is_refused_before_anything_starts(
    client: KitaruClient,
) -> None:
    @flow
    def nowhere() -> None: ...

    with pytest.raises(
        KitaruUsageError, match="no stack 'defalt'; did you mean 'default'"
    ):
        nowhere.run(stack="defalt")

    assert client.executions.list() == []


def _second_stack() -> str:
    """Register a local stack and return the folder of its artifact store."""
    folder = str(Path.cwd() / "second-store")
    Path(folder).mkdir()
    Client().create_stack_component(
        name="second",
        flavor="local",
        component_type=StackComponentType.ARTIFACT_STORE,
        configuration={"path": folder},
    )
    Client().create_stack(
        name="second",
        components={
            StackComponentType.ORCHESTRATOR: "default",
            StackComponentType.ARTIFACT_STORE: "second",
        },
    )
    return folder
