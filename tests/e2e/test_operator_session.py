"""One person, one terminal: from an empty folder to a replayed and cleaned execution.

What the terminal showed is docs/session.md; `UPDATE_GOLDEN=1` writes it anew.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pexpect
import pytest

from tests.support.store import kitaru_command
from tests.support.workspace import Workspace

PAGE = Path(__file__).parent.parent.parent / "docs" / "session.md"
HEAD = """# A session at the keyboard

What a terminal shows from an empty folder to a replayed execution. This page is written by a test; ids, times
and folders are made up.

"""
# An execution may have ended by the time the command that answered looks at it again.
FASTER = re.compile(r"^(\$ kitaru executions input [^$]*?\n)(\w+ \w+) completed$", re.M)
STEADY = (
    (re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]"), ""),
    (re.compile(r"\d\d:\d\d:\d\d"), "12:00:00"),
    (
        re.compile(r": (its runner \()?process \d+\)? goes on.*"),
        ": process 4711 goes on",
    ),
    # Columns are as wide as what stands in them.
    (re.compile(r"\b(just now|\d+ [smh] ago) {2,}"), "just now  "),
    (re.compile(r"STARTED +TOOK"), "STARTED   TOOK"),
    (re.compile(r"\b(just now|\d+ [smh] ago)"), "just now"),
    (re.compile(r"<1 ms|\b\d+ m \d\d s\b|\b\d+(\.\d+)? (ms|s)\b"), "20 ms"),
    (re.compile(r"\b\d+(\.\d+)? (B|kB|MB)\b"), "8 kB"),
    (re.compile(r"\bby \S+@\S+ \("), "by you@laptop ("),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
    (re.compile(r"(Traceback .*:\n)(?:  .*\n)+"), r"\1  …\n"),
)
INTERRUPT = "\x03"
ID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{8}\b")


class Person:
    """Types commands and answers, and keeps what the screen shows."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._workspace.environment["NO_COLOR"] = "1"
        self.transcript = ""

    def types(self, line: str, *dialogue: tuple[str, str]) -> str:
        """Run a command, give answers where they are asked for, return the output."""
        program, *arguments = [
            word.strip("'") for word in re.findall(r"'[^']*'|\S+", line)
        ]
        program = {"kitaru": kitaru_command(), "python": sys.executable}[program]
        screen = self._workspace.terminal(program, *arguments)
        shown = ""
        for question, answer in dialogue:
            screen.expect_exact(question)
            shown += screen.before + screen.after
            screen.send(answer if answer == INTERRUPT else f"{answer}\n")
        screen.expect(pexpect.EOF)
        screen.close()
        interrupted = dialogue and dialogue[-1][1] == INTERRUPT
        wanted = (None, signal.SIGINT) if interrupted else (0, None)
        ended = (screen.exitstatus, screen.signalstatus)
        assert ended == wanted, shown + screen.before
        shown += screen.before
        self.transcript += f"$ {line}\n{_left_on_screen(shown)}\n"
        return str(shown)

    def page(self) -> str:
        """Return the transcript, the same for each run."""
        text = self.transcript
        for folder, name in (
            (self._workspace.project, "~/work"),
            (self._workspace.config, "~/.config/zenml"),
        ):
            text = text.replace(str(folder), name)
        text = FASTER.sub(r"\1\2: process 4711 goes on", text)
        for pattern, steady in STEADY:
            text = pattern.sub(steady, text)
        names: dict[str, str] = {}
        fresh = (f"{number:x}" * 8 for number in count(0xA1))
        text = ID.sub(lambda found: _renamed(found[0], names, fresh), text)
        return f"{HEAD}```console\n{text.rstrip()}\n```\n"


def _left_on_screen(shown: str) -> str:
    """Drop what later text was written over, such as progress."""
    lines = shown.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rpartition("\r")[2] for line in lines)


def _renamed(found: str, names: dict[str, str], fresh: Iterator[str]) -> str:
    short = names.setdefault(found[:8], "")
    if not short:
        short = names[found[:8]] = next(fresh)[:8]
    return short if len(found) == 8 else f"{short}-0000-4000-8000-000000000000"


def ids(text: str) -> list[str]:
    return [match[0] for match in ID.finditer(text)]


@pytest.mark.e2e
def test_a_session_from_an_empty_folder_to_a_replay(workspace: Workspace) -> None:
    person = Person(workspace)

    person.types("kitaru init --example")
    person.types("python first_flow.py", ("or here, yes or no: ", INTERRUPT))
    first = ids(person.types("kitaru"))[0]
    person.types(f"kitaru executions get {first}")
    person.types(
        f"kitaru executions input {first} -i",
        ("yes or no: ", "maybe"),
        ("yes or no: ", "y"),
    )
    person.types(f"kitaru executions logs {first} --follow")
    workspace.released(workspace.newest())
    person.types(f"kitaru executions get {first}")
    overrides = '{"checkpoint.draft": "two facts"}'
    replayed = person.types(
        f"kitaru executions replay {first} --from publish --wait --overrides '{overrides}'"
    )
    second = next(found for found in ids(replayed) if found != first)
    person.types(f"kitaru executions input {second} --value true")
    person.types(f"kitaru executions logs {second} --follow")
    person.types(f"kitaru executions get {second}")
    person.types("kitaru executions list")
    person.types("kitaru clean project", ("[y/N] ", "y"))
    person.types("kitaru executions list")

    page = person.page()
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(page, encoding="utf-8")
    assert page == PAGE.read_text(encoding="utf-8")
