"""Settings of executions on real ZenML: recorded at launch, kept from then on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from zenml.client import Client
from zenml.enums import StackComponentType

from kitaru import (
    ImageSettings,
    KitaruClient,
    KitaruUsageError,
    checkpoint,
    configure,
    flow,
)
from kitaru._core.settings.settings import Settings
from kitaru._engine.open import use_engine
from kitaru._engine.zenml.engine import ZenMLEngine
from tests.support.workspace import Workspace

pytestmark = pytest.mark.zenml


@pytest.fixture(autouse=True)
def nothing_configured() -> Iterator[None]:
    yield
    configure(stack=None, image=None, cache=None, retries=None, project=None)


@checkpoint
def step() -> int:
    return 1


@flow
def counting() -> int:
    return step()


def make_stack(name: str) -> None:
    """Register a local stack."""
    Client().create_stack(
        name=name,
        components={
            StackComponentType.ORCHESTRATOR: "default",
            StackComponentType.ARTIFACT_STORE: "default",
        },
    )


def test_a_stack_may_be_named_by_any_place_and_a_replay_stays_on_it(
    engine: ZenMLEngine, client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("by-file", "by-variable", "by-process"):
        make_stack(name)

    def stack_of(execution: str) -> str | None:
        return client.executions.get(execution).stack_name

    assert stack_of(counting.run().exec_id) == "default"
    Path("pyproject.toml").write_text('[tool.kitaru]\nstack = "by-file"\n')
    source = counting.run().exec_id
    assert stack_of(source) == "by-file"
    monkeypatch.setenv("KITARU_STACK", "by-variable")
    assert stack_of(counting.run().exec_id) == "by-variable"
    configure(stack="by-process")
    assert stack_of(counting.run().exec_id) == "by-process"
    assert stack_of(counting.run(stack="default").exec_id) == "default"
    assert stack_of(counting.replay(source, from_="step").exec_id) == "by-file"
    assert Client().active_stack_model.name == "default"


def test_a_stack_that_does_not_exist_is_refused_with_the_place_that_names_it(
    engine: ZenMLEngine, client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_STACK", "defalt")

    with pytest.raises(KitaruUsageError) as caught:
        counting.run()

    assert "no stack 'defalt'; did you mean 'default'?" in str(caught.value)
    assert str(caught.value).endswith("it is named by KITARU_STACK")
    assert client.executions.list() == []


# ZenML's own, on deleting a stack of two components.
@pytest.mark.filterwarnings("ignore:DELETE statement")
def test_a_replay_whose_stack_is_gone_says_how_to_name_another(
    engine: ZenMLEngine,
) -> None:
    make_stack("short-lived")
    source = counting.run(stack="short-lived").exec_id
    Client().delete_stack("short-lived")

    with pytest.raises(KitaruUsageError) as caught:
        counting.replay(source, from_="step")

    assert "no stack 'short-lived'" in str(caught.value)
    assert str(caught.value).endswith(".replay(..., stack=...) gives another")
    assert counting.replay(source, from_="step", stack="default").wait() == 1


def test_the_settings_of_an_execution_are_stored_with_it(engine: ZenMLEngine) -> None:
    configure(image={"base_image": "python:3.12", "environment": {"A": "1"}})

    execution = counting.run(
        retries=2, cache=False, image={"apt_packages": ["git"]}
    ).exec_id

    assert engine.recorded(execution).settings == Settings(
        stack="default",
        retries=2,
        cache=False,
        image=ImageSettings(
            base_image="python:3.12", environment={"A": "1"}, apt_packages=("git",)
        ),
    )


# -- project -----------------------------------------------------------------


def test_a_project_is_chosen_for_the_process_only(
    engine: ZenMLEngine, client: KitaruClient, config: Path
) -> None:
    Client().create_project(name="other", description="")
    stored = (config / "config.yaml").read_text()
    in_default = counting.run().exec_id

    configure(project="other")
    in_other = counting.run().exec_id

    assert [e.exec_id for e in client.executions.list()] == [in_other]
    assert engine.describe()["project"] == "other"
    configure(project=None)
    assert [e.exec_id for e in client.executions.list()] == [in_default]
    assert (config / "config.yaml").read_text() == stored


def test_a_wrong_project_is_refused_and_changes_nothing(engine: ZenMLEngine) -> None:
    with pytest.raises(KitaruUsageError) as caught:
        configure(project="defalt", retries=3)

    assert "no project 'defalt'; did you mean 'default'?" in str(caught.value)
    assert engine.describe()["project"] == "default"
    assert engine.recorded(counting.run().exec_id).settings.retries is None


def test_a_project_may_be_named_before_anything_is_opened(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("pyproject.toml").write_text('[tool.kitaru]\nproject = "nowhere"\n')

    with pytest.raises(KitaruUsageError) as caught:
        ZenMLEngine()

    message = str(caught.value)
    assert "no project 'nowhere' (known: default); it is named by" in message
    assert message.endswith("pyproject.toml: tool.kitaru.project")


def test_what_is_wrong_for_new_executions_does_not_hide_those_there_are(
    engine: ZenMLEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = counting.run().exec_id
    monkeypatch.setenv("KITARU_RETRIES", "many")

    again = ZenMLEngine()

    with use_engine(again):
        assert KitaruClient().executions.get(execution).status == "completed"
    again.journal.close()


# -- a continuation in another process ---------------------------------------

ASKING = """
import kitaru
from kitaru import checkpoint, flow

tries = []

@checkpoint
def flaky() -> int:
    tries.append(1)
    if len(tries) < 3:
        raise OSError("not yet")
    return len(tries)

@flow
def asking() -> int:
    kitaru.wait(timeout=0)
    return flaky()

if __name__ == "__main__":
    asking.run()
"""


def test_a_continuation_has_the_settings_of_the_launch_whoever_answers(
    workspace: Workspace,
) -> None:
    script = workspace.script("asking.py", ASKING)
    launched = workspace.start_python(script, environment={"KITARU_RETRIES": "2"})
    assert launched.finish().code == 0
    execution = workspace.newest()
    # Nobody who answers needs what is for new executions to be right.
    workspace.script("pyproject.toml", "[tool.kitaru]\nretries = 'none'")

    workspace.kitaru(
        "executions", "input", execution, environment={"KITARU_RETRIES": "0"}
    )

    workspace.settles(execution, "completed")
    assert (
        workspace.execution(execution)["checkpoints"][0]["attempts"][-1]["number"] == 3
    )


def test_a_client_for_a_project_wins_over_the_project_of_the_process(
    engine: ZenMLEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Client().create_project(name="other", description="")
    in_default = counting.run().exec_id
    configure(project="other")
    in_other = counting.run().exec_id

    here = KitaruClient().executions.list()
    there = KitaruClient(project="default").executions.list()

    assert [found.exec_id for found in here] == [in_other]
    assert [found.exec_id for found in there] == [in_default]
