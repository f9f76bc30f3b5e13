"""The commands of the guides, typed into a shell as printed, show what the pages show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shell import DOCS, Shell, files, steps
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

# The tutorial and the sessions have tests of their own; those that are not here have
# commands that need a server, a cluster or a second machine.
GUIDES = (
    "guides/people.md",
    "guides/debugging.md",
    "guides/pipeline.md",
    "deploying.md",
    "mcp.md",
)


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: Path(page).stem)
def test_the_commands_of_a_guide_show_what_it_shows(
    workspace: Workspace, page: str
) -> None:
    text = (DOCS / page).read_text("utf-8")
    for name, program in files(text):
        workspace.script(name, program)
    typed = list(steps(text))

    shell = Shell(workspace)
    try:
        for step in typed:
            shell.types(step)
    finally:
        # A flow in the background would let the shell wait for it.
        workspace.end()
        shell.close()

    assert typed
