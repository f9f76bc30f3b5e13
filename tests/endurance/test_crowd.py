"""Eight processes work in one store at the same time."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.endurance.conftest import Figures
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

PROCESSES, EXECUTIONS, STEPS = 8, 2, 5

CROWDED = """
from kitaru import checkpoint, flow

@checkpoint
def step(name: str, n: int) -> int:
    with open("effects", "a") as file:
        file.write(f"{name}/{n}\\n")
    return n

@flow
def crowded(name: str, steps: int) -> int:
    return sum(step(name, n) for n in range(steps))
"""

# Forked after importing ZenML, so that they meet in the store and not in the imports.
CROWD = """
import importlib
import json
import os
import sys
import traceback

from kitaru._engine.zenml.setup.importing import import_zenml

import_zenml()
importlib.import_module("kitaru._engine.zenml.engine")
importlib.import_module("zenml.zen_stores.sql_zen_store")

from kitaru import KitaruClient
from crowded import crowded

processes, executions, steps = map(int, sys.argv[1:])
children = []
for p in range(processes):
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            for e in range(executions):
                assert crowded.run(f"{p}/{e}", steps).wait() == sum(range(steps))
        except BaseException:
            traceback.print_exc()
            code = 1
        os._exit(code)
    children.append(pid)
codes = [os.waitpid(pid, 0)[1] for pid in children]
client = KitaruClient()
found = [client.executions.get(e.exec_id) for e in client.executions.list(limit=500)]
print(json.dumps({
    "codes": codes,
    "statuses": [e.status.value for e in found],
    "calls": [len(e.checkpoints) for e in found],
}))
"""


def test_eight_processes_on_one_store_lose_and_double_nothing(
    workspace: Workspace, figures: Figures
) -> None:
    workspace.script("crowded.py", CROWDED)
    crowd = workspace.script("crowd.py", CROWD)
    total = PROCESSES * EXECUTIONS

    done = workspace.start_python(
        crowd, str(PROCESSES), str(EXECUTIONS), str(STEPS)
    ).finish(within=280)

    assert done.code == 0, done.both
    report = json.loads(done.stdout.splitlines()[-1])
    figures.add(processes=PROCESSES, executions=total)
    assert report["codes"] == [0] * PROCESSES, done.stderr
    assert report["statuses"] == ["completed"] * total
    assert report["calls"] == [STEPS] * total
    effects = Counter(workspace.lines("effects"))
    assert len(effects) == total * STEPS
    assert set(effects.values()) == {1}
    (unprojected,) = workspace.journal(
        "SELECT count(*) FROM calls WHERE projected <> 1"
    )
    assert unprojected == (0,)
