"""`kill -9` loses no finished checkpoint and repeats none."""

from __future__ import annotations

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
