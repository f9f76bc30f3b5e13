"""What new code would break of living executions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kitaru._ops import rehearsals
from kitaru.cli.app import app
from kitaru.errors import KitaruUsageError
from kitaru.testing import FlowTester
from tests.support.essays import (
    HERE,
    as_it_was,
    deployed,
    other_arguments,
    other_inputs,
    other_order,
    problem_of,
    raises,
    without_draft,
    without_the_question,
)


@pytest.fixture(autouse=True)
def tester() -> Iterator[FlowTester]:
    """An engine in memory."""
    with FlowTester() as tester:
        yield tester


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (other_order, "call 1 was 'gather', now the flow asks for 'draft'"),
        (other_arguments, "call 'gather' is made with other arguments than before"),
        (without_draft, "call 'draft', which has a result, is not made any more"),
        (without_the_question, "open wait 'ok' is not asked any more"),
        (other_inputs, "'topic'"),
        (raises, "LookupError: not any more"),
    ],
)
def test_what_the_new_code_would_break_is_told(
    body: Callable[..., Any], told: str
) -> None:
    exec_id = as_it_was().run("whales").exec_id

    now = deployed(body)

    problem = problem_of(exec_id)
    assert problem is not None
    assert told in problem
    assert now.name == "essay"


def test_the_command_says_it_and_fails() -> None:
    exec_id = as_it_was().run("whales").exec_id
    now = deployed(without_draft)

    done = CliRunner().invoke(app, ["check", str(HERE)])

    assert done.exit_code == 1
    line = next(one for one in done.stdout.splitlines() if exec_id[:8] in one)
    assert line.startswith(f"✗ {exec_id[:8]} essay waiting: call 'draft'")
    assert "The code here would break" in done.stdout
    assert now.name == "essay"


def test_flows_of_other_files_are_left_out(tmp_path: Path) -> None:
    was = as_it_was()
    was.run("whales")

    assert list(rehearsals.check([tmp_path])) == []
    assert list(rehearsals.check([HERE.with_name("articles.py")])) == []


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KitaruUsageError, match="there is no file or folder"):
        list(rehearsals.check([tmp_path / "gone"]))
