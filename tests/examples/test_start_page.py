"""The commands of docs/start.md, typed into a shell as printed, show what the page shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.polling import eventually
from tests.support.shell import DOCS, Shell, files, steps
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

PAGE = (DOCS / "start.md").read_text("utf-8")


@pytest.fixture
def shell(workspace: Workspace) -> Iterator[Shell]:
    opened = Shell(workspace)
    yield opened
    opened.close()


def test_the_commands_of_the_page_show_what_it_shows(
    workspace: Workspace, shell: Shell
) -> None:
    for name, text in files(PAGE):
        workspace.script(name, text)

    for step in steps(PAGE):
        if step.command.startswith("kill"):
            # A person sees the line of the checkpoint later than its body begins.
            eventually(
                lambda: "paid for: write" in workspace.lines("bill.txt"),
                what="a body that runs",
            )
        shell.types(step)

    bill = workspace.lines("bill.txt")
    assert bill.count("paid for: search") == 1
    assert bill.count("paid for: publish") == 2
