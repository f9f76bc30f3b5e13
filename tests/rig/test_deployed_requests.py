"""Versions on a remote stack: started by the request that the command prints."""

from __future__ import annotations

import json
import os

from tests.rig.laptop import Laptop
from tests.support.store import kitaru_command


def test_the_printed_request_starts_a_version_in_a_pod(laptop: Laptop) -> None:
    laptop.add_flows()
    laptop.kitaru("deploy", "agent.py:agent")

    given = json.dumps({"topic": "moons"})
    printed = laptop.kitaru(
        "flow", "deployments", "curl", "agent", "--args", given
    ).stdout
    path = f"{kitaru_command().parent}{os.pathsep}{os.environ['PATH']}"
    sent = laptop.start("bash", "-c", printed, environment={"PATH": path}).finish()
    exec_id = json.loads(sent.stdout)["id"]
    laptop.reaches(exec_id, "waiting")

    found = laptop.execution(exec_id)
    assert (found["version"], found["inputs"]) == (1, {"topic": "moons"})
