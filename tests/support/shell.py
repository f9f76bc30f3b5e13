"""Type the commands of a page into a shell as printed, and look for what it shows."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pexpect
from pexpect.popen_spawn import PopenSpawn

from tests.support.polling import DEADLINE
from tests.support.workspace import Workspace

DOCS = Path(__file__).resolve().parents[2] / "docs"
FILE = re.compile(
    r"^```python\n# (?P<name>\w+\.py)\n(?P<text>.*?)^```\n", re.MULTILINE | re.DOTALL
)
BLOCK = re.compile(r"^```console\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
ID = re.compile(r"\b[0-9a-f]{8}\b")
STEADY = (
    (re.compile(r"\d\d:\d\d:\d\d"), "12:00:00"),
    (re.compile(r"\b(just now|\d+ [smh] ago)"), "just now"),
    (re.compile(r"<1 ms|\b\d+(\.\d+)? (ms|s)\b"), "1 s"),
    # In which checkpoint is known of those that take longer than the test does.
    (re.compile(r"(?: in write)? \(process \d+ on \S+\)"), " (process 1 on host)"),
    (re.compile(r"\bprocess \d+ goes"), "process 1 goes"),
    (re.compile(r"\bby \S+@\S+ \("), "by you@laptop ("),
    (re.compile(r"[ \t]+"), " "),
)


class Step(NamedTuple):
    """A command of a page, and the lines that it shows there."""

    command: str
    shows: list[str]


def steps(page: str) -> Iterator[Step]:
    """Yield the commands of the `console` blocks of a page, in order."""
    for block in BLOCK.findall(page):
        for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = piece.splitlines()
            yield Step(command, lines)


def files(page: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of the programs of a page: blocks that begin with `# name.py`."""
    for match in FILE.finditer(page):
        yield match["name"], match["text"]


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
            timeout=DEADLINE,
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
            try:
                line = self._bash.readline()
            except pexpect.TIMEOUT:
                break
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
