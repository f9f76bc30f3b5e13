"""Jobs that the platform gives up, and pods that were started twice."""

from __future__ import annotations

import copy
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.rig import asking, services
from tests.rig.laptop import Laptop
from tests.rig.rig import NAMESPACE, Rig
from tests.support.polling import eventually

_JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"

# Its second step lasts until somebody listens.
HELD = """
    import os
    import socket
    import sys
    import time

    from kitaru import checkpoint, flow

    def node() -> str:
        return os.uname().nodename

    @checkpoint
    def first() -> str:
        return f"first by {node()}"

    @checkpoint
    def second(before: str, port: int) -> str:
        print("second begins")
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", port)):
                time.sleep(0.2)
        return f"{before}, second by {node()}"

    @flow(stack="rig", image="127.0.0.1:5000/kitaru:rig")
    def held(port: int) -> str:
        return second(first(), port)

    if __name__ == "__main__":
        print(held.run(int(sys.argv[1])).exec_id)
"""


def cluster(rig: Rig, path: str, method: str = "GET", body: object = None) -> Any:
    return asking.cluster(rig.state, rig.at, path, method=method, body=body)


def job_of(rig: Rig, execution_id: str) -> Any:
    """Return the only job of an execution."""
    found = cluster(rig, f"{_JOBS}?labelSelector=run_id={execution_id}")["items"]
    (job,) = found
    return job


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """What the flow waits for; open when it listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield closed


def begun(rig: Rig, laptop: Laptop, door: socket.socket) -> tuple[str, str]:
    """Start the flow; return it and its pod, once the second step runs."""
    script = laptop.script("held.py", HELD)
    port = str(door.getsockname()[1])
    execution_id = laptop.python(script, port).stdout.strip()
    eventually(
        lambda: (
            (pods := rig.pods(execution_id))
            and "second begins" in rig.pod_log(pods[0]["name"])
        ),
        what=lambda: laptop.story(execution_id),
        within=180,
    )
    return execution_id, rig.pods(execution_id)[0]["name"]


def reconciled(laptop: Laptop, execution_id: str, *options: str) -> list[Any]:
    """Reconcile from a laptop; return what was said of one execution."""
    found = laptop.kitaru_items("reconcile", *options)
    return [item for item in found if item["exec_id"] == execution_id]


def has_said_nothing_for_long(rig: Rig, execution_id: str) -> None:
    """Let minutes pass for the execution: its pod's last sign of life is older."""
    url = (
        f"mysql+pymysql://zenml:zenml@127.0.0.1:{rig.at.database}/zenml"
        if rig.database == services.MARIADB
        else f"sqlite:///{rig.state / 'zenml.db'}"
    )
    key = execution_id.replace("-", "")
    with create_engine(url).begin() as database:
        changed = database.execute(
            text("UPDATE pipeline_run SET updated = '2026-01-01' WHERE id = :id"),
            {"id": key},
        )
    assert changed.rowcount == 1


def test_a_job_that_failed_for_good_fails_its_execution_which_can_be_retried(
    rig: Rig, laptop: Laptop, colleague: Laptop, door: socket.socket
) -> None:
    execution_id, pod = begun(rig, laptop, door)
    path = f"{_JOBS}/{job_of(rig, execution_id)['metadata']['name']}"
    assert reconciled(laptop, execution_id) == []

    # What a cluster notes when the last restart has failed; then the node goes.
    failed = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]
    cluster(rig, path, "PATCH", {"status": {"conditions": failed}})
    rig.kill_pod(pod)
    (planned,) = reconciled(laptop, execution_id, "--dry-run")
    (found,) = reconciled(colleague, execution_id)

    assert (planned["done"], found["done"]) == (False, True)
    assert (found["trouble"], found["remedy"]) == ("given up", "fail")
    shown = laptop.execution(execution_id)
    assert (shown["status"], shown["failure"]["origin"]) == ("failed", "runtime")
    assert "gave the job up in second" in shown["failure"]["message"]
    door.listen()
    laptop.retry(execution_id)
    laptop.becomes(execution_id, "completed")
    other = rig.pods(execution_id)[-1]["name"]
    assert laptop.result(execution_id) == f"first by {pod}, second by {other}"


def test_a_job_that_is_gone_is_noticed_by_who_looks_at_its_execution(
    rig: Rig, laptop: Laptop, door: socket.socket
) -> None:
    execution_id, _ = begun(rig, laptop, door)
    cluster(rig, f"{_JOBS}/{job_of(rig, execution_id)['metadata']['name']}", "DELETE")

    early = laptop.execution(execution_id)["status"]
    # A pod is given some time to end.
    eventually(lambda: not rig.pods(execution_id), what="no pods")
    has_said_nothing_for_long(rig, execution_id)
    late = laptop.execution(execution_id)

    assert early == "running"
    assert (late["status"], late["failure"]["origin"]) == ("failed", "runtime")


def test_a_pod_that_was_started_twice_runs_once(
    rig: Rig, laptop: Laptop, door: socket.socket
) -> None:
    execution_id, pod = begun(rig, laptop, door)
    job = job_of(rig, execution_id)

    # As two machines do that continue one execution in the same moment.
    twin = copy.deepcopy(job)
    twin["metadata"] = {
        "name": f"{job['metadata']['name'][:40]}-twin",
        "labels": job["metadata"]["labels"],
        "annotations": job["metadata"]["annotations"],
    }
    twin.pop("status")
    cluster(rig, _JOBS, "POST", twin)
    eventually(
        lambda: [p["phase"] for p in rig.pods(execution_id)][1:] == ["Succeeded"],
        what=lambda: laptop.story(execution_id),
        within=120,
    )

    other = rig.pods(execution_id)[1]["name"]
    assert "Another pod goes on" in rig.pod_log(other)
    assert "second begins" not in rig.pod_log(other)
    assert reconciled(laptop, execution_id) == []
    door.listen()
    laptop.becomes(execution_id, "completed")
    laptop.pods_end(execution_id, 2)
    assert laptop.result(execution_id) == f"first by {pod}, second by {pod}"
