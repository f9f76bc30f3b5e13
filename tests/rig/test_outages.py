"""What breaks on the way: a pod, the server, the object store. Nothing runs twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.rig.doorbell import doorbell
from tests.rig.laptop import Laptop
from tests.rig.programs import makers
from tests.rig.rig import Rig


@dataclass(frozen=True)
class Finished:
    """An execution whose pod was killed in the second step, and that has ended."""

    laptop: Laptop
    execution_id: str
    killed: str
    heard: list[str]


@pytest.fixture(scope="module")
def finished(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    laptop = Laptop(rig, tmp_path_factory.mktemp("finished"))
    with doorbell(hold="second") as bell:
        execution_id = laptop.steps(port=bell.port)
        bell.rings("second")
        (killed,) = (pod["name"] for pod in rig.pods(execution_id))
        rig.kill_pod(killed)
        bell.rings("second", times=2)
        bell.let_in("second")
        laptop.reaches(execution_id, "completed")
        yield Finished(laptop, execution_id, killed, bell.heard)
    laptop.end()


def test_killed_pod_is_followed_by_one_that_repeats_nothing(
    rig: Rig, finished: Finished
) -> None:
    finished.laptop.pods_end(finished.execution_id, 2)
    dead, other = rig.pods(finished.execution_id)
    assert (dead["name"], dead["phase"]) == (finished.killed, "Failed")
    assert finished.heard == ["first", "second", "second", "third"]
    assert finished.laptop.result(finished.execution_id) == [
        f"first by {finished.killed}, second by {other['name']}, third by {other['name']}",
        "",
    ]


def test_replay_with_an_override_runs_in_a_pod_of_its_own(
    rig: Rig, finished: Finished
) -> None:
    laptop = finished.laptop

    started = laptop.kitaru_item(
        *("executions", "replay", finished.execution_id, "--from", "third"),
        *("--args", '{"port": 0}'),
        *("--overrides", '{"checkpoint.second": ["something else", ""]}'),
    )

    replayed = str(started["exec_id"])
    assert started["original_exec_id"] == finished.execution_id
    laptop.reaches(replayed, "completed")
    (pod,) = rig.pods(replayed)
    assert laptop.result(replayed)[0] == f"something else, third by {pod['name']}"


def test_server_restarted_in_the_middle(rig: Rig, laptop: Laptop) -> None:
    with doorbell(hold="second") as bell:
        execution_id = laptop.steps(port=bell.port)
        bell.rings("second")

        rig.restart_server()

        bell.let_in("second")
        laptop.reaches(execution_id, "completed")
    assert bell.heard == ["first", "second", "third"]
    assert len(rig.pods(execution_id)) == 1


def test_object_store_that_refuses_for_ten_seconds_loses_nothing(
    rig: Rig, laptop: Laptop
) -> None:
    size = 200_000
    with doorbell(hold="second") as bell:
        execution_id = laptop.steps(port=bell.port, size=size)
        bell.rings("second")
        with rig.without_s3():
            bell.let_in("second")
            # The length of the outage is the claim.
            time.sleep(10)
            during = list(bell.heard)
        laptop.reaches(execution_id, "completed")

    assert during == ["first", "second"]
    assert bell.heard == ["first", "second", "third"]
    (pod,) = (pod["name"] for pod in rig.pods(execution_id))
    told, kept = laptop.result(execution_id)
    assert makers(told) == [pod] * 3
    assert kept == "x" * size
    assert "second ends" in laptop.kitaru("executions", "logs", execution_id).stdout
