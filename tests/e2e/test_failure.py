"""What failed or was interrupted keeps its results and goes on after a retry."""

from __future__ import annotations

import pytest

from tests.support.polling import eventually
from tests.support.programs import (
    FLAKY,
    FORTY_STEPS,
    FORTY_STEPS_RESULT,
    RESEARCH_AGENT,
    RESEARCH_MAIN,
)
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

FLAKY_MAIN = """
if __name__ == "__main__":
    handle = flaky.run()
    try:
        handle.wait()
    except KitaruUserCodeError as error:
        print(type(error.__cause__).__name__, error.exec_id == handle.exec_id)
"""


def test_retry_runs_only_the_failed_checkpoint_and_what_follows(
    workspace: Workspace,
) -> None:
    script = workspace.script("flaky.py", FLAKY + FLAKY_MAIN)
    run = workspace.python(script)
    execution_id = workspace.newest()
    workspace.script("fixed", "")

    retried = workspace.kitaru_item("executions", "retry", execution_id, "--wait")

    assert run.stdout == "LookupError True\n"
    assert f"kitaru executions retry {execution_id[:8]}" in run.stderr
    assert "Traceback" not in run.stderr
    assert retried["exec_id"] == execution_id
    assert retried["status"] == "completed"
    assert retried["failure"] is None
    assert [c["status"] for c in retried["checkpoints"]] == ["completed"] * 3
    assert workspace.lines("side_effects") == ["first", "second", "second", "third"]
    assert workspace.result(execution_id) == "abc"


def test_ctrl_c_in_a_checkpoint_fails_the_attempt_and_retry_goes_on(
    workspace: Workspace,
) -> None:
    script = workspace.script("forty.py", FORTY_STEPS)
    block = workspace.script("block_5", "")
    runner = workspace.start_python(script)
    eventually(lambda: len(workspace.lines("side_effects")) == 5, what="step 5")
    execution_id = workspace.newest()

    runner.interrupt()

    interrupted = runner.finish()
    assert interrupted.code != 0
    assert f"{execution_id[:8]} failed: interrupted (Ctrl-C)\n" in interrupted.stderr
    assert "zenml" not in interrupted.stderr
    failed = workspace.execution(execution_id)
    assert failed["status"] == "failed"
    assert failed["failure"]["origin"] == "runtime"
    assert [
        c["invocation_id"] for c in failed["checkpoints"] if c["status"] == "completed"
    ] == ["step", "step_2", "step_3", "step_4"]
    block.unlink()
    retried = workspace.kitaru_item("executions", "retry", execution_id, "--wait")
    assert retried["status"] == "completed"
    expected = [str(n) for n in [*range(1, 6), *range(5, 41)]]
    assert workspace.lines("side_effects") == expected
    assert workspace.result(execution_id) == FORTY_STEPS_RESULT


def test_ctrl_c_while_waiting_ends_the_process_and_keeps_the_question(
    workspace: Workspace,
) -> None:
    script = workspace.script("agent.py", RESEARCH_AGENT + RESEARCH_MAIN)
    runner = workspace.start_python(script)
    runner.says("answer with: kitaru executions input")
    execution_id = workspace.newest()

    runner.interrupt()

    assert runner.finish().code != 0
    waiting = workspace.execution(execution_id)
    assert waiting["status"] == "waiting"
    assert waiting["pending_wait"]["name"] == "wait"
    workspace.kitaru("executions", "input", execution_id, "--value", "true")
    workspace.settles(execution_id, "completed")
    assert workspace.lines("side_effects") == ["search", "llm"]
