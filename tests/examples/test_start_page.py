"""The commands of docs/start.md, typed into a shell as printed, show what the page shows."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pexpect.popen_spawn import PopenSpawn

from tests.support.polling import eventually
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "start.md").read_text("utf-8")
PROGRAM = re.compile(r"^```python\n# agent\.py\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```console\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
ID = re.compile(r"\b[0-9a-f]{8}\b")
STEADY = (
    (re.compile(r"\d\d:\d\d:\d\d"), "12:00:00"),
    (re.compile(r"\b(just now|\d+ [smh] ago)"), "just now"),
    (re.compile(r"<1 ms|\b\d+(\.\d+)? (ms|s)\b"), "1 s"),
    # In which checkpoint is known of those that take longer than the test does.
    (re.compile(r"(?: in write)? \(process \d+ on \S+\)"), " (process 1 on host)"),
    (re.compile(r"\bby \S+@\S+ \("), "by you@laptop ("),
    (re.compile(r"[ \t]+"), " "),
)


class Step(NamedTuple):
    """A command of the page, and the lines that it shows there."""

    command: str
    shows: list[str]


def steps() -> Iterator[Step]:
    for block in BLOCK.findall(PAGE):
        for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = piece.splitlines()
            yield Step(command, lines)


def steady(text: str) -> str:
    for pattern, instead in STEADY:
        text = pattern.sub(instead, text)
    return text.strip()


class Shell:
    """Bash, and the ids that it shows where the page has others."""

    def __init__(self, workspace: Workspace) -> None:
        environment = workspace.environment | {"PYTHONUNBUFFERED": "1"}
        folder = str(Path(sys.executable).parent)
        environment["PATH"] = f"{folder}:{environment['PATH']}"
        self._bash = PopenSpawn(
            "bash",
            cwd=str(workspace.project),
            env=environment,  # type: ignore[arg-type]  # a plain dict will do
            encoding="utf-8",
            timeout=60,
        )
        self._bash.sendline("exec 2>&1")
        self._ids: dict[str, str] = {}

    def close(self) -> None:
        self._bash.sendeof()
        self._bash.wait()
        self._bash.proc.stdout.close()

    def types(self, step: Step) -> None:
        """Type a command, and find each of its lines on the page, in order."""
        command = self._ours(step.command)
        in_background = command.endswith("&")
        self._bash.sendline(command)
        if not in_background:
            self._bash.sendline("echo END")
        left = list(step.shows)
        seen = []
        while left or not in_background:
            line = self._bash.readline()
            seen.append(line)
            if line.strip() == "END" or not line:
                break
            if left and self._fits(line, left[0]):
                left.pop(0)
        assert left == [], f"$ {command}\n{''.join(seen)}"

    def _fits(self, line: str, wanted: str) -> bool:
        wanted = wanted.removesuffix("…")
        here, there = ID.findall(line), ID.findall(wanted)
        if steady(ID.sub("ID", line)).startswith(steady(ID.sub("ID", wanted))):
            self._ids |= dict(zip(there, here, strict=False))
            return True
        return False

    def _ours(self, command: str) -> str:
        return ID.sub(lambda match: self._ids[match[0]], command)


@pytest.fixture
def shell(workspace: Workspace) -> Iterator[Shell]:
    opened = Shell(workspace)
    yield opened
    opened.close()


def test_the_commands_of_the_page_show_what_it_shows(
    workspace: Workspace, shell: Shell
) -> None:
    program = PROGRAM.search(PAGE)
    assert program is not None
    workspace.script("agent.py", program[1])

    for step in steps():
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
