"""Isolated checkpoints on a remote stack: each body in a pod of its own."""

from __future__ import annotations

import json
from typing import Any

from tests.rig.isolated import PROGRAM, meeting
from tests.rig.laptop import Laptop
from tests.rig.rig import Rig
from tests.support.polling import eventually

_POD_SECONDS = 180.0


def start(laptop: Laptop, **inputs: object) -> str:
    """Start the flow and return its execution."""
    script = laptop.script("flat.py", PROGRAM)
    return laptop.python(script, json.dumps(inputs)).stdout.strip()


def pods(rig: Rig, execution_id: str, *, isolated: bool) -> list[str]:
    """Return the names of the pods of isolated checkpoints, or of the flow."""
    return [
        pod["name"]
        for pod in rig.pods(execution_id)
        if ("-apart-" in pod["name"]) == isolated
    ]


def calls_of(execution: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the checkpoint calls of an execution by invocation id."""
    return {call["invocation_id"]: call for call in execution["checkpoints"]}


def test_isolated_checkpoints_run_at_once_in_pods_with_their_resources(
    rig: Rig, laptop: Laptop
) -> None:
    with meeting() as place:
        execution_id = start(laptop, names=["good", "bad"], port=place.port)
        place.come(2)
        place.end()
        execution = laptop.becomes(execution_id, "completed")

    (own,) = pods(rig, execution_id, isolated=False)
    first, second = pods(rig, execution_id, isolated=True)
    good, bad = laptop.result(execution_id)
    assert good[1].removesuffix(" as 1") in (first, second)
    assert (good[0], good[2].split()[0], bad) == ("good", own, ["nothing there"])
    needs = rig.container(first)["resources"]
    assert needs["requests"] == {
        "cpu": "500m",
        "memory": "512Mi",
        "nvidia.com/gpu": "1",
    }
    assert needs["limits"] == {"nvidia.com/gpu": "1"}
    calls = calls_of(execution)
    assert calls["apart"]["metadata"] == {"name": "good"}
    assert [made["name"] for made in calls["apart"]["artifacts"]] == ["note", "apart"]
    assert calls["apart_2"]["failure"]["exception_type"] == "builtins.LookupError"
    log = laptop.kitaru("executions", "logs", execution_id, "--checkpoint", "apart")
    assert f"good begins on {good[1]}" in log.stdout


def test_killed_flow_finds_its_isolated_checkpoint_again(
    rig: Rig, laptop: Laptop
) -> None:
    with meeting() as place:
        execution_id = start(laptop, names=["long"], port=place.port)
        place.come(1)
        (killed,) = pods(rig, execution_id, isolated=False)
        (apart,) = pods(rig, execution_id, isolated=True)

        rig.kill_pod(killed)

        eventually(
            lambda: (
                "inline" in rig.pod_log(pods(rig, execution_id, isolated=False)[-1])
            ),
            what="another pod of the flow",
            within=_POD_SECONDS,
        )
        place.end()
        laptop.becomes(execution_id, "completed")

    assert len(pods(rig, execution_id, isolated=False)) == 2
    assert pods(rig, execution_id, isolated=True) == [apart]
    ((name, ran, before),) = laptop.result(execution_id)
    assert (name, ran, before.split()[0]) == ("long", f"{apart} as 1", killed)


def test_killed_isolated_pod_is_an_attempt_that_failed(
    rig: Rig, laptop: Laptop
) -> None:
    with meeting() as place:
        execution_id = start(laptop, names=["long"], port=place.port, retries=1)
        place.come(1)
        (killed,) = pods(rig, execution_id, isolated=True)

        rig.kill_pod(killed)

        place.come(1)
        place.end()
        execution = laptop.becomes(execution_id, "completed")

    # The job of the one that is lost is deleted, in case it lives after all.
    (other,) = pods(rig, execution_id, isolated=True)
    assert other != killed
    ((_, ran, _),) = laptop.result(execution_id)
    assert ran == f"{other} as 1"
    lost, done = calls_of(execution)["apart"]["attempts"]
    assert (lost["status"], lost["failure"]["origin"]) == ("failed", "runtime")
    assert "'apart' died" in lost["failure"]["message"]
    assert done["status"] == "completed"


def test_cancel_ends_the_isolated_pod_too(rig: Rig, laptop: Laptop) -> None:
    with meeting() as place:
        execution_id = start(laptop, names=["long"], port=place.port)
        place.come(1)

        laptop.kitaru("executions", "cancel", execution_id)

        laptop.becomes(execution_id, "cancelled")
        eventually(
            lambda: (
                not {"Pending", "Running"}
                & {pod["phase"] for pod in rig.pods(execution_id)}
            ),
            what=lambda: laptop.story(execution_id),
            within=_POD_SECONDS,
        )
