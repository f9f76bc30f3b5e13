"""Executions on a remote stack, steered from a laptop whose files pods cannot see."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.rig.doorbell import doorbell
from tests.rig.laptop import Laptop
from tests.rig.programs import LARGE
from tests.rig.rig import Rig
from tests.rig.services import S3_KEY, S3_SECRET


def makers(result: list[str]) -> list[str]:
    """Return the pods that ran the three steps, in order."""
    return re.findall(r"by (\S+?)(?:,|$)", result[0])


def test_flow_waits_its_pod_ends_and_another_goes_on(
    rig: Rig, laptop: Laptop, colleague: Laptop
) -> None:
    folders = ["/app", *map(str, (laptop.project, laptop.config, colleague.project))]
    execution_id = laptop.agent(topic="durable flows", folders=folders)
    laptop.reaches(execution_id, "waiting")
    laptop.pods_end(execution_id, 1)

    told = colleague.kitaru("executions", "input", execution_id, "--value", "true")

    assert "the server lets it go on" in told.stdout
    laptop.becomes(execution_id, "completed")
    laptop.pods_end(execution_id, 2)
    first, second = (pod["name"] for pod in rig.pods(execution_id))
    draft, approved, writer, folder, *seen = laptop.result(execution_id)
    assert draft == f"plan of durable flows by {first}, work by {second}"
    assert (approved, writer, folder) == ("True", second, "/app/code")
    log = laptop.kitaru("executions", "logs", execution_id).stdout
    assert f"planning on {first}" in log
    assert f"working on {second}" in log
    assert all(Path(folder).is_dir() for folder in folders[1:])
    assert seen == ["/app"]


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
        laptop.becomes(execution_id, "completed")
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


def test_failed_execution_is_retried_from_the_laptop(laptop: Laptop) -> None:
    with doorbell(refuse="second") as bell:
        execution_id = laptop.steps(port=bell.port)
        failed = laptop.becomes(execution_id, "failed")
        bell.let_in("second")

        laptop.kitaru("executions", "retry", execution_id)

        laptop.reaches(execution_id, "completed")
    assert "second was sent away" in str(failed)
    assert bell.heard == ["first", "second", "second", "third"]
    one, other, last = makers(laptop.result(execution_id))
    assert one != other == last


def test_cancel_ends_a_pod_that_comes_to_no_checkpoint(laptop: Laptop) -> None:
    with doorbell(hold="second") as bell:
        execution_id = laptop.steps(port=bell.port)
        bell.rings("second")

        laptop.kitaru("executions", "cancel", execution_id)

        laptop.reaches(execution_id, "cancelled")
        laptop.pods_end(execution_id, 1)
    laptop.becomes(execution_id, "cancelled")
    assert bell.heard == ["first", "second"]


def test_answer_goes_on_from_the_client_where_the_server_cannot(
    rig: Rig, tmp_path: Path
) -> None:
    with rig.plain_server() as plain:
        laptop = Laptop(plain, tmp_path)
        execution_id = laptop.agent(topic="plain servers")
        laptop.reaches(execution_id, "waiting")
        laptop.pods_end(execution_id, 1)

        told = laptop.kitaru("executions", "input", execution_id, "--value", "false")

        laptop.reaches(execution_id, "completed")
        laptop.pods_end(execution_id, 2)
        approved = laptop.result(execution_id)[1]
    assert "it goes on on stack rig" in told.stdout
    assert approved == "False"


def test_large_values_cross_in_both_directions(laptop: Laptop) -> None:
    script = laptop.script("large.py", LARGE)

    done = laptop.python(script, within=180)

    assert done.stdout.strip() == "True"


def test_flow_runs_on_a_stack_made_with_kitaru(rig: Rig, laptop: Laptop) -> None:
    name = f"made-{uuid4().hex[:8]}"
    laptop.kitaru(
        *("secrets", "set", name),
        *(f"aws_access_key_id={S3_KEY}", f"aws_secret_access_key={S3_SECRET}"),
    )
    laptop.script("stack.yaml", rig.stack_file(name, secret=name))
    laptop.kitaru("stack", "create", "--file", "stack.yaml", "--no-activate")

    with doorbell(hold="second") as bell:
        execution_id = laptop.steps(port=bell.port, stack=name)
        bell.rings("second")
        running = laptop.execution(execution_id)
        bell.let_in("second")
        laptop.reaches(execution_id, "completed")

    assert (running["status"], running["stack_name"]) == ("running", name)
    assert json.dumps(running).count(S3_SECRET) == 0


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
    assert makers([told]) == [pod] * 3
    assert kept == "x" * size
    assert "second ends" in laptop.kitaru("executions", "logs", execution_id).stdout
