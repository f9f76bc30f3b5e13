"""`kill -9` loses no finished checkpoint and repeats none."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.polling import eventually
from tests.support.programs import FORTY_STEPS, FORTY_STEPS_RESULT
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e


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


PARALLEL = """
import os, time
from kitaru import checkpoint, flow

@checkpoint
def gate():
    if not os.path.exists("fixed"):
        raise LookupError("the first attempt failed")

def named(name):
    def body():
        time.sleep(600)
    body.__name__ = body.__qualname__ = name
    return checkpoint(body)

STEPS = [named(letter * 80) for letter in "abcd"]

@flow
def four():
    gate()
    return [future.result() for future in [step.submit() for step in STEPS]]

if __name__ == "__main__":
    four.run()
"""


def test_a_death_in_calls_of_long_names_is_not_taken_for_an_older_failure(
    workspace: Workspace,
) -> None:
    script = workspace.script("four.py", PARALLEL)
    workspace.python(script)
    execution_id = workspace.newest()
    first = workspace.execution(execution_id)
    workspace.script("fixed", "")
    workspace.retry(execution_id)
    eventually(
        lambda: (
            [
                call["status"]
                for call in workspace.execution(execution_id)["checkpoints"]
            ]
            == ["completed", *["running"] * 4]
        ),
        what="four calls that run",
    )
    os.kill(workspace.runner_pid(execution_id), signal.SIGKILL)

    dead = workspace.execution(execution_id)

    assert first["failure"]["message"] == "the first attempt failed"
    assert dead["failure"]["origin"] == "runtime"
    assert dead["failure"]["message"].startswith("the runner died in aaaa")
    assert all(letter * 80 in dead["failure"]["message"] for letter in "abcd")
