"""The examples, as `kitaru init` writes them: killed while they ask, then answered."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

# The example that has steps of ZenML imports it, in each of its processes.


class Example(NamedTuple):
    """An example, its answer, what it returns then, and work that is paid for once."""

    name: str
    answer: str
    result: str
    work: str


@pytest.mark.parametrize(
    "example",
    [
        Example("coding", '{"accept": true}', "saved slug.py", "asking the model"),
        Example("research", '{"go_on": "write"}', "# Sockets", "searching for"),
        Example("support", '{"verdict": "refund"}', "We have", "the model reads"),
        Example("data_quality", '"good_rows"', "published 3 rows", "loading day"),
    ],
    ids=lambda example: example.name,
)
def test_killed_while_it_asks_it_goes_on_and_pays_nothing_twice(
    workspace: Workspace, example: Example
) -> None:
    workspace.kitaru("init", "--example", example.name)
    runner = workspace.start_python(f"{example.name}.py")
    runner.says("answer with: kitaru executions input")
    execution_id = workspace.newest()
    before = workspace.log_text(execution_id).count(example.work)
    runner.kill()

    workspace.kitaru("executions", "input", execution_id, "--value", example.answer)
    workspace.settles(execution_id, "completed")

    assert str(workspace.result(execution_id)).startswith(example.result)
    assert workspace.log_text(execution_id).count(example.work) == before > 0


def test_the_next_run_stops_before_step_20_and_goes_on_with_another_input(
    workspace: Workspace,
) -> None:
    workspace.kitaru("init", "--example", "step20")

    printed = workspace.python("step20.py").stdout

    assert (
        "stops at break:step_20, given {'number': 20, 'found': 'the teapot" in printed
    )
    assert "with one input swapped: in euro: 64.00" in printed
    assert "the runs part at step_19:" in printed
