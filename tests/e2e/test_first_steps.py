"""What somebody does first: `kitaru`, `kitaru init --example`, and what it prints."""

from __future__ import annotations

import re

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e


def test_the_example_runs_as_printed(workspace: Workspace) -> None:
    said = workspace.kitaru("init", "--example").stdout
    found = re.search(r"python (\S+\.py)", said)
    assert found is not None, said

    running = workspace.start_python(found[1])
    running.says("Publish 'three facts about octopuses'?")
    workspace.kitaru("executions", "input", workspace.newest(), "--value", "true")

    assert running.finish().stdout == "published: three facts about octopuses\n"
