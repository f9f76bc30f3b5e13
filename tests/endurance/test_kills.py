"""Processes that are killed and interrupted at random moments, again and again.

Their numbers come from a seed that is printed; ENDURANCE_SEED repeats a run.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter

import pytest

from tests.endurance.conftest import IS_FULL, Figures, Sizes
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

STEPS = 40
SEED = int(
    os.environ.get("ENDURANCE_SEED") or (random.randrange(10**6) if IS_FULL else 20260)
)

FORTY_QUICK_STEPS = """
import time

from kitaru import checkpoint, current_execution_id, flow

def leave_line(name, text):
    with open(name, "a") as file:
        file.write(f"{text}\\n")

@checkpoint
def step(name: str, n: int) -> int:
    leave_line(f"effects_{name}", n)
    time.sleep(0.003)
    return n

@flow
def forty_quick_steps(name: str) -> int:
    leave_line(f"id_{name}", current_execution_id())
    total = 0
    for n in range(1, 41):
        total += step(name, n)
        # The call has returned, so its result must survive.
        leave_line(f"done_{name}", n)
    return total
"""

# One process that has ZenML imported forks the runners, which start at once then. It
# opens no store itself: children must not inherit one.
KILLER = '''
import importlib
import json
import os
import random
import signal
import sys
import time
import traceback

from kitaru._engine.zenml.setup.importing import import_zenml

import_zenml()
importlib.import_module("kitaru._engine.zenml.engine")
importlib.import_module("zenml.zen_stores.sql_zen_store")

from kitaru import KitaruClient
from kitaru._engine.open import current_engine
from many import forty_quick_steps

SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]

def lines(name):
    try:
        with open(name) as file:
            return file.read().split()
    except FileNotFoundError:
        return []

def child(act):
    """Run something in a process of its own; return its pid."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = 0
        try:
            act()
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return pid

def attempt(name):
    ids = lines("id_" + name)
    if not ids:
        forty_quick_steps.run(name)
        return
    # Looking at it is what recognises a dead runner; then it goes on.
    found = KitaruClient().executions.get(ids[0])
    with open("seen_" + name, "a") as file:
        file.write(f"{found.status.value} {found.failure and found.failure.origin.value}\\n")
    if found.status != "completed":
        current_engine().continue_here(ids[0])

def killed(name, number, chance):
    """End an attempt at a random moment; return how."""
    pid = child(lambda: attempt(name))
    goal = len(lines("effects_" + name)) + chance.randint(0, 12)
    patience = time.monotonic() + 30
    while len(lines("effects_" + name)) < goal and time.monotonic() < patience:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return "ended"
        time.sleep(0.001)
    time.sleep(chance.uniform(0, 0.05))
    os.kill(pid, number)
    os.waitpid(pid, 0)
    return signal.Signals(number).name

def main(seed, runs):
    chance = random.Random(seed)
    report = {}
    for run in range(runs):
        name = f"run{run}"
        ends, finished = [], {}
        for turn in range(chance.randint(1, 3)):
            ends.append(killed(name, SIGNALS[(run + turn) % 3], chance))
            effects = lines("effects_" + name)
            # What the flow has seen as finished by now is never run again.
            finished.update({n: effects.count(n) for n in lines("done_" + name)
                             if n not in finished})
        os.waitpid(child(lambda: attempt(name)), 0)
        report[name] = {"ends": ends, "finished": finished}
    os.waitpid(child(lambda: look(report)), 0)

def look(report):
    client = KitaruClient()
    for name, found in report.items():
        execution = client.executions.get(lines("id_" + name)[0])
        found["status"] = execution.status.value
        found["why"] = execution.failure and execution.failure.message
        found["completed"] = sum(c.status == "completed" for c in execution.checkpoints)
    print(json.dumps(report))

main(int(sys.argv[1]), int(sys.argv[2]))
'''


def test_signals_at_random_moments_lose_and_repeat_nothing_finished(
    workspace: Workspace, sizes: Sizes, figures: Figures
) -> None:
    print(f"seed {SEED}")
    workspace.script("many.py", FORTY_QUICK_STEPS)
    killer = workspace.script("killer.py", KILLER)

    done = workspace.start_python(killer, str(SEED), str(sizes.rounds)).finish(
        within=3000
    )

    assert done.code == 0, done.both
    report = json.loads(done.stdout.splitlines()[-1])
    ends = Counter(end for found in report.values() for end in found["ends"])
    figures.add(seed=SEED, executions=len(report), **ends)
    for name, found in report.items():
        told = f"seed {SEED}, {name}: {found}\n{done.stderr}"
        effects = Counter(workspace.lines(f"effects_{name}"))
        assert found["status"] == "completed", told
        assert found["completed"] == STEPS, told
        assert sorted(map(int, effects)) == list(range(1, STEPS + 1)), told
        for n, times in found["finished"].items():
            assert effects[n] == times, f"step {n} ran again: {told}"
        # Only the step that was running when its process ended runs again.
        interrupted = sum(end != "ended" for end in found["ends"])
        assert sum(effects.values()) <= STEPS + interrupted, told
