"""Local stacks: created whole, chosen per project or user, deleted when nobody needs them."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from zenml.client import Client

from kitaru import (
    KitaruClient,
    checkpoint,
    create_stack,
    current_stack,
    delete_stack,
    flow,
    list_stacks,
    use_stack,
    wait,
)
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._ops import stacks
from kitaru.errors import (
    KitaruBackendError,
    KitaruStateError,
    KitaruUsageError,
)
from kitaru.models import Stack


@checkpoint
def one() -> bytes:
    return b"x" * 100_000


@flow
def small() -> int:
    return len(one())


@flow
def asking() -> bool:
    return wait(schema=bool, timeout=0)


def names() -> list[str]:
    return [stack.name for stack in list_stacks()]


def components(config: Path) -> list[str]:
    (store,) = config.rglob("zenml.db")
    with closing(sqlite3.connect(store)) as db:
        rows = db.execute("SELECT name FROM stack_component ORDER BY name").fetchall()
    return [row[0] for row in rows if row[0] != "default"]


def test_a_new_stack_is_active_and_runs_flows_in_a_store_of_its_own(
    client: KitaruClient,
) -> None:
    made = create_stack("experiments", labels={"team": "nlp"})

    handle = small.run()

    assert made.active
    assert made.is_local
    assert made.labels == {"team": "nlp"}
    assert {kind: item.flavor for kind, (item,) in made.components.items()} == {
        "orchestrator": "local",
        "artifact_store": "local",
    }
    assert current_stack() == made
    assert names() == ["default", "experiments"]
    assert client.executions.get(handle.exec_id).stack_name == "experiments"
    (ref,) = client.artifacts.list(handle.exec_id, name="one")
    assert len(ref.load()) == 100_000


def test_creating_without_activating_leaves_the_active_one(engine: ZenMLEngine) -> None:
    made = create_stack("experiments", activate=False)

    assert not made.active
    assert current_stack().name == "default"


def test_labels_may_be_left_out_and_names_have_spaces(engine: ZenMLEngine) -> None:
    made = create_stack("my stack 2.0")

    assert (made.name, made.labels) == ("my stack 2.0", {})


@pytest.mark.parametrize("name", ["", " x", "x ", "-x", "a/b", "a\nb", "ü", "x" * 201])
def test_a_bad_name_is_refused_everywhere(engine: ZenMLEngine, name: str) -> None:
    for call in (create_stack, use_stack, delete_stack, stacks.get):
        with pytest.raises(KitaruUsageError, match=r"stack name .* is not valid"):
            call(name)

    assert names() == ["default"]


def test_a_taken_name_is_refused_and_nothing_is_left(
    engine: ZenMLEngine, config: Path
) -> None:
    create_stack("experiments")

    with pytest.raises(KitaruUsageError, match="already"):
        create_stack("experiments")

    assert components(config) == ["experiments", "experiments"]


def test_a_creation_that_fails_on_the_way_leaves_nothing(
    engine: ZenMLEngine, config: Path
) -> None:
    (store,) = config.rglob("zenml.db")
    with closing(sqlite3.connect(store)) as db, db:
        db.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON stack "
            "BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )

    with pytest.raises(KitaruBackendError, match="creating stack 'experiments'"):
        create_stack("experiments")

    assert names() == ["default"]
    assert components(config) == []


def test_two_creations_at_once_make_one_stack(
    engine: ZenMLEngine, config: Path
) -> None:
    def create(_: int) -> str:
        try:
            return create_stack("experiments", activate=False).name
        except (KitaruUsageError, KitaruBackendError) as error:
            return type(error).__name__

    with ThreadPoolExecutor(2) as pool:
        done = sorted(pool.map(create, range(2)))

    assert done[1] == "experiments"
    assert names() == ["default", "experiments"]


def test_using_a_stack_says_what_it_changed(engine: ZenMLEngine, config: Path) -> None:
    create_stack("experiments", activate=False)

    used = use_stack("experiments")

    assert (used.name, used.active_from) == ("experiments", "configuration")
    assert used.active_place == str(config / "config.yaml")
    assert str(used.stack_id) in (config / "config.yaml").read_text()


def test_a_zenml_init_folder_has_a_stack_of_its_own(
    engine: ZenMLEngine, config: Path, tmp_path: Path
) -> None:
    create_stack("experiments", activate=False)
    project = tmp_path / "initialised"
    project.mkdir()
    Client.initialize(project)
    Client().activate_root(project)

    used = use_stack("experiments")
    Client().activate_root(tmp_path)
    outside = current_stack()

    assert (used.active_from, used.active_place) == ("project", str(project))
    assert (outside.name, outside.active_from) == ("default", "configuration")


def test_a_variable_decides_and_use_says_so(
    engine: ZenMLEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create_stack("experiments", activate=False)
    monkeypatch.setenv("ZENML_ACTIVE_STACK_ID", made.stack_id)

    with pytest.raises(KitaruStateError, match="ZENML_ACTIVE_STACK_ID decides"):
        use_stack("default")
    with pytest.raises(KitaruStateError, match="ZENML_ACTIVE_STACK_ID decides"):
        create_stack("other")

    assert names() == ["default", "experiments"]
    assert (current_stack().name, current_stack().active_from) == (
        "experiments",
        "environment",
    )


def test_an_unknown_stack_is_answered_with_the_known_ones(engine: ZenMLEngine) -> None:
    create_stack("experiments", activate=False)

    for call in (use_stack, delete_stack, stacks.get):
        with pytest.raises(KitaruUsageError, match="did you mean 'experiments'"):
            call("experiment")


def test_a_deleted_stack_takes_only_components_of_its_own(
    engine: ZenMLEngine, config: Path
) -> None:
    made = create_stack("experiments", activate=False)
    (shared,) = made.components["artifact_store"]
    Client().create_stack(
        "sharing", {"orchestrator": "default", "artifact_store": shared.name}
    )

    gone = delete_stack("experiments", recursive=True)

    assert gone.components == ("orchestrator experiments",)
    assert names() == ["default", "sharing"]
    assert components(config) == ["experiments"]


def test_without_recursive_the_components_stay(
    engine: ZenMLEngine, config: Path
) -> None:
    create_stack("experiments", activate=False)

    gone = delete_stack("experiments")

    assert gone.components == ()
    assert components(config) == ["experiments", "experiments"]


def test_the_default_stack_cannot_be_deleted_by_any_means(engine: ZenMLEngine) -> None:
    with pytest.raises(KitaruUsageError, match="default stack cannot be deleted"):
        delete_stack("default", force=True, recursive=True)


def test_the_active_stack_needs_force_and_the_default_takes_over(
    engine: ZenMLEngine,
) -> None:
    create_stack("experiments")

    with pytest.raises(
        KitaruStateError, match=r"active one; use another first.*--force"
    ):
        delete_stack("experiments")
    gone = delete_stack("experiments", force=True)

    assert gone.active == current_stack().name == "default"
    assert names() == ["default"]


def test_executions_on_a_stack_keep_it_unless_forced(client: KitaruClient) -> None:
    create_stack("experiments")
    handle = small.run()
    use_stack("default")

    with pytest.raises(KitaruStateError, match="1 executions ran on stack"):
        delete_stack("experiments")
    delete_stack("experiments", force=True)

    assert client.executions.get(handle.exec_id).status == "completed"


def test_a_waiting_execution_keeps_its_stack_even_from_force(
    client: KitaruClient,
) -> None:
    create_stack("experiments")
    handle = asking.run()
    use_stack("default")

    with pytest.raises(KitaruStateError, match="1 waiting"):
        delete_stack("experiments", force=True)

    client.executions.input(handle.exec_id, value=True)
    assert "experiments" in names()


def test_the_sdk_deletes_local_stacks_only(
    engine: ZenMLEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Client().create_stack_component(
        "docker", "local_docker", component_type="orchestrator", configuration={}
    )
    Client().create_stack(
        "docker", {"orchestrator": "docker", "artifact_store": "default"}
    )

    with pytest.raises(KitaruUsageError, match="not a local one"):
        delete_stack("docker")
    stacks.delete("docker")

    assert names() == ["default"]


def test_pages_of_stacks_go_by_name(engine: ZenMLEngine) -> None:
    for name in ("c", "a", "b"):
        create_stack(name, activate=False)

    found: list[Stack] = []
    for page in (1, 2):
        found += stacks.find(page=page, size=2).items

    assert [stack.name for stack in found] == ["a", "b", "c", "default"]
