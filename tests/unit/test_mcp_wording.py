"""Messages to assistants name tools."""

from __future__ import annotations

import pytest

from kitaru.cli.render import next_steps
from kitaru.mcp.wording import for_assistants, next_step
from kitaru.models import Execution, PendingWait


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("see them with: kitaru stack list", "see them with: kitaru_stacks_list"),
        ("cannot\x1b[2J be\u202e read", r"cannot\x1b[2J be\u202e read"),
        ("check it with: kitaru status", "check it with: kitaru_status"),
        (
            "use: kitaru executions retry 1b2c3d4e",
            "use: kitaru_executions_retry(exec_id='1b2c3d4e')",
        ),
        ("use it with: kitaru stack use dev", "use it with: kitaru stack use dev"),
    ],
)
def test_a_command_that_is_a_tool_is_told_as_the_tool(said: str, told: str) -> None:
    assert for_assistants(said) == told


def test_of_several_open_waits_person_and_assistant_learn() -> None:
    waits = tuple(PendingWait(wait_id=name, name=name) for name in ("a", "b b", "c"))
    execution = Execution(
        exec_id="6f2d1f9e",
        flow_name="f",
        status="waiting",
        pending_wait=waits[0],
        pending_waits=waits,
    )

    assert "2 more are open, see pending_waits" in next_step(execution)
    assert next_steps(execution)[-1].endswith("--wait NAME: 'b b', c")
