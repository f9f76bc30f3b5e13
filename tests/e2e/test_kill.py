"""`kill -9` at any moment loses no finished checkpoint and repeats none."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.support.polling import eventually
from tests.support.programs import FORTY_STEPS, FORTY_STEPS_RESULT
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

SEED = 20260
KILLS = 20


def test_retry_after_a_kill_in_step_38_repeats_none_of_the_37_before(
    workspace: Workspace,
) -> None:
    script = workspace.script("forty.py", FORTY_STEPS)
    block = workspace.script("block_38", "")
    runner = workspace.start_python(script)
    eventually(lambda: len(workspace.lines("side_effects")) == 38, what="step 38")
    execution_id = workspace.newest()
    runner.kill()
    block.unlink()
    dead = workspace.execution(execution_id)

    retried = workspace.kitaru_item("executions", "retry", execution_id, "--wait")

    assert dead["status"] == "failed"
    assert dead["failure"]["origin"] == "runtime"
    assert retried["exec_id"] == execution_id
    assert retried["status"] == "completed"
    assert [c["status"] for c in retried["checkpoints"]] == ["completed"] * 40
    expected = [str(n) for n in [*range(1, 39), *range(38, 41)]]
    assert workspace.lines("side_effects") == expected
    assert workspace.result(execution_id) == FORTY_STEPS_RESULT


# One process that has ZenML imported forks the runners, which start at once then.
FORKED_RUNNERS = '''
import importlib
import json
import os
import random
import signal
import sys
import time

from kitaru._engine.zenml.environment import import_zenml

import_zenml()
importlib.import_module("kitaru._engine.zenml.engine")
importlib.import_module("zenml.zen_stores.sql_zen_store")

from kitaru import KitaruClient
from many import forty_quick_steps

AT_ONCE = 2

def count(name):
    try:
        with open(name) as file:
            return len(file.readlines())
    except FileNotFoundError:
        return 0

def killed_run(name, chance):
    """Run the flow in a child and kill it at a random moment; return its status."""
    child = os.fork()
    if child == 0:
        forty_quick_steps.run(name)
        os._exit(0)
    lines = chance.randint(1, 40)
    while count("effects_" + name) < lines:
        if os.waitpid(child, os.WNOHANG)[0]:
            return "ended"
        time.sleep(0.001)
    time.sleep(chance.uniform(0, 0.06))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "killed"

def main(seed, runs):
    chance = random.Random(seed)
    names = [f"run{n}" for n in range(runs)]
    ends = {name: killed_run(name, chance) for name in names}
    client = KitaruClient()
    found = {}
    for item in client.executions.list(limit=runs):
        dead = client.executions.get(item.exec_id)
        found[item.exec_id] = {
            "status": dead.status,
            "origin": dead.failure and dead.failure.origin,
        }
    for name in names:
        if count("done_" + name):
            os.rename("done_" + name, "done_before_" + name)
    left = [key for key, value in found.items() if value["status"] == "failed"]
    going_on = []
    while left or going_on:
        going_on = [i for i in going_on if client.executions.get(i).status == "running"]
        while left and len(going_on) < AT_ONCE:
            going_on.append(left.pop())
            client.executions.retry(going_on[-1])
        time.sleep(0.05)
    for key in found:
        found[key]["final"] = client.executions.get(key).status
    print(json.dumps({"ends": ends, "executions": found}))

main(int(sys.argv[1]), int(sys.argv[2]))
'''

FORTY_QUICK_STEPS = """
import time

from kitaru import checkpoint, current_execution_id, flow, log

def leave_line(name, text):
    with open(name, "a") as file:
        file.write(f"{text}\\n")

@checkpoint
def step(name: str, n: int) -> int:
    leave_line(f"effects_{name}", n)
    time.sleep(0.004)
    return n

@flow
def forty_quick_steps(name: str) -> int:
    total = 0
    for n in range(1, 41):
        total += step(name, n)
        # The call has returned, so its result must survive.
        leave_line(f"done_{name}", n)
    leave_line(f"total_{name}", total)
    return total
"""


def test_kills_at_twenty_random_moments_repeat_no_finished_step(
    workspace: Workspace,
) -> None:
    workspace.script("many.py", FORTY_QUICK_STEPS)
    harness = workspace.script("forked_runners.py", FORKED_RUNNERS)

    done = workspace.start_python(harness, str(SEED), str(KILLS)).finish(within=240)

    assert done.code == 0, done.both
    report = json.loads(done.stdout.splitlines()[-1])
    executions: list[dict[str, Any]] = list(report["executions"].values())
    assert len(executions) == KILLS
    assert {e["final"] for e in executions} == {"completed"}, report
    killed = [e for e in executions if e["status"] != "completed"]
    assert {(e["status"], e["origin"]) for e in killed} == {("failed", "runtime")}
    for name in report["ends"]:
        runs = Counter(workspace.lines(f"effects_{name}"))
        finished = workspace.lines(f"done_before_{name}")
        twice = [n for n, times in runs.items() if times > 1]
        assert sorted(map(int, runs)) == list(range(1, 41)), name
        assert {runs[n] for n in finished} == {1} or not finished, name
        assert len(twice) <= 1, name
        assert max(runs.values()) <= 2, name
        assert workspace.lines(f"total_{name}")[-1] == str(sum(range(1, 41)))
