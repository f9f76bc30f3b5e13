"""Stacks, projects and servers side by side in the threads of one process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest
from zenml.client import Client
from zenml.stack import Stack

import kitaru
from kitaru import (
    KitaruClient,
    KitaruStateError,
    checkpoint,
    configure,
    connect,
    create_stack,
    current_stack,
    flow,
    use_stack,
)
from kitaru._ops import connection
from tests.support.polling import DEADLINE
from tests.support.server import RunningServer

pytestmark = pytest.mark.zenml
T = TypeVar("T")
# Where the flows of a test meet, so that they are surely running at one time.
meeting: list[Barrier] = []


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Nothing of all this changes the environment of the process."""
    before = variables()
    yield
    configure(project=None)
    assert variables() == before


def variables() -> dict[str, str]:
    own = "PYTEST_CURRENT_TEST"
    return {name: value for name, value in os.environ.items() if name != own}


@checkpoint
def whereabouts() -> str:
    meeting[0].wait(DEADLINE)
    kitaru.save("large", b"x" * 100_000)
    return current_stack().name


@checkpoint(runtime="isolated")
def elsewhere() -> str:
    kitaru.save("large", b"x" * 100_000)
    return current_stack().name


@flow
def looking() -> tuple[str, str]:
    meeting[0].wait(DEADLINE)
    return current_stack().name, whereabouts()


@flow
def looking_elsewhere() -> str:
    return elsewhere()


@flow
def changing() -> str:
    with pytest.raises(KitaruStateError, match="the execution that runs here"):
        use_stack("default")
    return f"{current_stack().active_from}"


@checkpoint
def doubled(number: int) -> int:
    return number * 2


@flow
def doubling(number: int) -> int:
    return doubled(number)


def at_once(*work: Callable[[], T]) -> list[T]:
    """Do several things in threads of their own."""
    meeting[:] = [Barrier(len(work))]
    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result() for future in [pool.submit(one) for one in work]]


def stacks_with_values(exec_id: str) -> list[str]:
    """Return the stacks in whose folders an execution has large values."""
    found = []
    for name in ("default", "one", "two"):
        store = Stack.from_model(Client().get_stack(name)).artifact_store
        folder = Path(store.path, "kitaru", exec_id)
        if any(file.stat().st_size > 90_000 for file in folder.rglob("data.*")):
            found.append(name)
    return found


def test_two_threads_run_on_two_stacks_and_a_third_on_the_active_one(
    config: Path,
) -> None:
    for name in ("one", "two"):
        create_stack(name, activate=False)

    handles = at_once(
        lambda: looking.run(stack="one"),
        lambda: looking.run(stack="two"),
        looking.run,
    )

    seen = [handle.get() for handle in handles]
    assert seen == [("one", "one"), ("two", "two"), ("default", "default")]
    places = [stacks_with_values(handle.exec_id) for handle in handles]
    assert places == [["one"], ["two"], ["default"]]
    (later,) = at_once(looking.run)
    assert later.get() == ("default", "default")


def test_an_isolated_checkpoint_works_on_the_stack_of_its_execution(
    config: Path,
) -> None:
    for name in ("one", "two"):
        create_stack(name, activate=False)

    handle = looking_elsewhere.run(stack="one")

    assert handle.get() == "one"
    assert stacks_with_values(handle.exec_id) == ["one"]


def test_a_flow_on_a_stack_of_its_own_cannot_choose_another(config: Path) -> None:
    create_stack("one", activate=False)

    assert changing.run(stack="one").get() == "execution"
    assert current_stack().active_from == "configuration"


def test_a_project_of_the_process_and_one_of_a_client_do_not_mix(config: Path) -> None:
    for name in ("research", "sales"):
        Client().create_project(name, description="")

    configure(project="research")
    here = doubling.run(1).exec_id
    sales = KitaruClient(project="sales")

    assert connection.current().project == "research"
    assert here in [e.exec_id for e in KitaruClient().executions.list()]
    assert here not in [e.exec_id for e in sales.executions.list()]
    configure(project=None)
    assert connection.current().project == "default"
    assert here not in [e.exec_id for e in KitaruClient().executions.list()]


def test_a_server_a_project_and_a_stack_are_used_at_one_time(
    config: Path, zenml_server: RunningServer
) -> None:
    connect(zenml_server.url, api_key=zenml_server.api_key)
    there = doubling.run(21).exec_id
    connection.logout()
    Client().create_project("research", description="")
    create_stack("one", activate=False)
    server = KitaruClient(server_url=zenml_server.url, auth_token=zenml_server.api_key)
    research = KitaruClient(project="research")

    def replayed() -> str:
        meeting[0].wait(DEADLINE)
        new = server.executions.replay(there, from_="doubled").exec_id
        meeting[0].wait(DEADLINE)
        return new

    def counted() -> str:
        meeting[0].wait(DEADLINE)
        found = len(research.executions.list())
        meeting[0].wait(DEADLINE)
        return str(found)

    new, found, handle = at_once(
        replayed, counted, lambda: looking.run(stack="one").exec_id
    )

    assert found == "0"
    assert server.executions.get(new).flow_name == "doubling"
    assert KitaruClient().executions.get(handle).status.value == "completed"
    assert [e.exec_id for e in KitaruClient().executions.list()] == [handle]
