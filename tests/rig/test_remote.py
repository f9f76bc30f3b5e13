"""Executions on a remote stack, steered from a laptop whose files pods cannot see."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from uuid import uuid4

from tests.rig.laptop import Laptop
from tests.rig.programs import AGENT, LARGE, STEPS
from tests.rig.rig import Rig
from tests.rig.services import S3_KEY, S3_SECRET
from tests.support.polling import eventually


def start(laptop: Laptop, **inputs: float | str) -> str:
    """Start the flow of three steps and return its execution."""
    script = laptop.script("steps.py", STEPS)
    return laptop.python(script, json.dumps(inputs)).stdout.strip()


def only_pod(rig: Rig, execution_id: str, *, has_printed: str) -> str:
    """Return the pod of an execution once it has printed something."""

    def look() -> bool:
        pods = rig.pods(execution_id)
        return bool(pods) and has_printed in rig.pod_log(pods[-1]["name"])

    eventually(look, what=f"a pod that has printed {has_printed!r}", pause=0.1)
    (pod,) = rig.pods(execution_id)
    return pod["name"]


def test_flow_waits_its_pod_ends_and_another_goes_on(
    rig: Rig, laptop: Laptop, colleague: Laptop
) -> None:
    script = laptop.script("agent.py", AGENT)

    execution_id = laptop.python(script, "durable flows").stdout.strip()

    laptop.becomes(execution_id, "waiting")
    laptop.pods_end(execution_id, 1)
    told = colleague.kitaru("executions", "input", execution_id, "--value", "true")
    assert "the server lets it go on" in told.stdout
    laptop.becomes(execution_id, "completed")
    laptop.pods_end(execution_id, 2)
    first, second = rig.pods(execution_id)
    plan, approved, writer, folder = laptop.result(execution_id)
    assert plan == f"plan of durable flows by {first['name']}"
    assert (approved, writer) == ("True", second["name"])
    assert folder == "/app/code"
    log = laptop.kitaru("executions", "logs", execution_id).stdout
    assert f"planning on {first['name']}" in log


def test_killed_pod_is_followed_by_one_that_repeats_nothing(
    rig: Rig, laptop: Laptop
) -> None:
    execution_id = start(laptop, seconds=5)
    killed = only_pod(rig, execution_id, has_printed="second begins")

    rig.kill_pod(killed)

    laptop.becomes(execution_id, "completed")
    laptop.pods_end(execution_id, 2)
    dead, other = rig.pods(execution_id)
    assert (dead["name"], dead["phase"]) == (killed, "Failed")
    assert laptop.result(execution_id) == (
        f"first by {killed}, second by {other['name']}, third by {other['name']}"
    )


def test_failed_execution_is_retried_from_the_laptop(rig: Rig, laptop: Laptop) -> None:
    with socket.socket() as service:
        service.bind(("127.0.0.1", 0))
        execution_id = start(laptop, port=service.getsockname()[1])
        failed = laptop.becomes(execution_id, "failed")
        service.listen()

        laptop.kitaru("executions", "retry", execution_id)

        laptop.becomes(execution_id, "completed")
    assert "ConnectionRefused" in str(failed) or "refused" in str(failed)
    made = re.findall(r"by (\S+?)(?:,|$)", laptop.result(execution_id))
    assert made[0] != made[1] == made[2]


def test_replay_with_an_override_runs_in_a_pod_of_its_own(
    rig: Rig, laptop: Laptop
) -> None:
    source = start(laptop)
    laptop.becomes(source, "completed")

    laptop.kitaru(
        *("executions", "replay", source, "--from", "third"),
        *("--overrides", '{"checkpoint.second": "something else"}'),
    )

    newest = laptop.kitaru_items("executions", "list")[0]
    replayed = str(newest["exec_id"])
    assert newest["original_exec_id"] == source
    laptop.becomes(replayed, "completed")
    (pod,) = rig.pods(replayed)
    assert laptop.result(replayed) == f"something else, third by {pod['name']}"


def test_cancel_ends_the_pod(rig: Rig, laptop: Laptop) -> None:
    execution_id = start(laptop, seconds=300)
    only_pod(rig, execution_id, has_printed="second begins")

    laptop.kitaru("executions", "cancel", execution_id)

    laptop.becomes(execution_id, "cancelled")
    laptop.pods_end(execution_id, 1)
    assert laptop.execution(execution_id)["status"] == "cancelled"


def test_answer_goes_on_from_the_client_where_the_server_cannot(
    rig: Rig, tmp_path: Path
) -> None:
    with rig.plain_server() as plain:
        laptop = Laptop(plain, tmp_path)
        script = laptop.script("agent.py", AGENT)
        execution_id = laptop.python(script, "plain servers").stdout.strip()
        laptop.becomes(execution_id, "waiting")
        laptop.pods_end(execution_id, 1)

        told = laptop.kitaru("executions", "input", execution_id, "--value", "false")

        laptop.becomes(execution_id, "completed")
        laptop.pods_end(execution_id, 2)
        approved = laptop.result(execution_id)[1]
    assert "it goes on on stack rig" in told.stdout
    assert approved == "False"


def test_answer_reaches_the_pod_that_watches(rig: Rig, laptop: Laptop) -> None:
    script = laptop.script("agent.py", AGENT)
    execution_id = laptop.python(script, "patience", "120").stdout.strip()
    laptop.becomes(execution_id, "waiting")

    told = laptop.kitaru("executions", "input", execution_id, "--value", "true")

    laptop.becomes(execution_id, "completed")
    laptop.pods_end(execution_id, 1)
    assert "its runner (in its pod) goes on" in told.stdout


def test_large_input_and_result_cross(laptop: Laptop) -> None:
    script = laptop.script("large.py", LARGE)

    done = laptop.python(script)

    assert done.stdout.strip() == "True"


def test_flow_runs_on_a_stack_made_with_kitaru(rig: Rig, laptop: Laptop) -> None:
    name = f"made-{uuid4().hex[:8]}"
    laptop.kitaru(
        *("secrets", "set", name),
        *(f"aws_access_key_id={S3_KEY}", f"aws_secret_access_key={S3_SECRET}"),
    )
    laptop.script("stack.yaml", rig.stack_file(name, secret=name))
    laptop.kitaru("stack", "create", "--file", "stack.yaml", "--no-activate")

    execution_id = start(laptop, stack=name, seconds=15)

    assert laptop.execution(execution_id)["status"] == "running"
    done = laptop.becomes(execution_id, "completed")
    assert done["stack_name"] == name


def test_server_restarted_in_the_middle(rig: Rig, laptop: Laptop) -> None:
    execution_id = start(laptop, seconds=10)
    pod = only_pod(rig, execution_id, has_printed="second begins")

    rig.restart_server()

    laptop.becomes(execution_id, "completed")
    assert {name["name"] for name in rig.pods(execution_id)} == {pod}
