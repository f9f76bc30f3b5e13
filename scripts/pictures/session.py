"""One real session: the agent of the tutorial killed, continued, answered, replayed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pexpect
import psutil

ROOT = Path(__file__).parents[2]
PROGRAM = re.compile(r"^```python\n(# agent\.py\n.*?)^```\n", re.MULTILINE | re.DOTALL)
BIN = Path(sys.executable).parent
PROMPT = "$ "
# Nothing that runs prints this; the picture shows a plain prompt.
MARK = "kitaru-picture> "
# What the flow calls, in order.
CALLS = ("search", "write", "wait", "publish")
ANSWERED = "approve"
SECONDS = 60


@dataclass(frozen=True)
class Attempt:
    """What one attempt did with each call; a call it did not come to is missing."""

    title: str
    about: str
    cells: Mapping[str, str]


@dataclass
class Session:
    """A terminal in an empty folder, and what came of it."""

    folder: Path
    exec_id: str = ""
    screen: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    _paid: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """The environment of all commands: nothing of the user's own stores."""
        own = ("KITARU_", "ZENML_", "NO_COLOR", "PYTHONDONTWRITEBYTECODE")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(own)}
        return kept | {
            "KITARU_CONFIG_PATH": str(self.folder / "store"),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "PS1": MARK,
            "TERM": "xterm-256color",
            "HISTFILE": "/dev/null",
        }

    def asked(self, *words: str) -> dict[str, Any]:
        """Return the item that a command prints."""
        item: dict[str, Any] = json.loads(self.does(*words, "-o", "json"))["item"]
        return item

    def does(self, *words: str) -> bytes:
        """Run a command, and return what it prints."""
        return subprocess.run(
            [BIN / "kitaru", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            check=True,
        ).stdout

    def note(self, title: str, about: str, exec_id: str, *, died: bool = False) -> None:
        """Keep what the attempt that has just ended did with each call."""
        bill = (self.folder / "bill.txt").read_text("utf-8").splitlines()
        ran = {line.removeprefix("paid for: ") for line in bill[self._paid :]}
        self._paid = len(bill)
        found = self.asked("executions", "get", exec_id)
        there = {call["name"]: call for call in found["checkpoints"]}
        cells = {}
        for name in CALLS:
            call = there.get(name)
            if name in ran:
                whole = call is not None and call["status"] == "completed"
                cells[name] = "runs" if whole or not died else "killed"
            elif call is not None:
                cells[name] = _taken(call, new=found["original_exec_id"] is not None)
        if found["pending_wait"]:
            cells["wait"] = "asks"
        elif found["waits"]:
            cells["wait"] = "reused" if found["original_exec_id"] else "answered"
        self.attempts.append(Attempt(title, about, cells))


def _taken(call: Mapping[str, Any], *, new: bool) -> str:
    if call["overridden"]:
        return "your value"
    return "reused" if new else "kept"


def run(folder: Path) -> Session:
    """Type the session, and return what the terminal showed and what ran."""
    page = (ROOT / "docs" / "start.md").read_text("utf-8")
    program = PROGRAM.search(page)
    assert program is not None
    (folder / "agent.py").write_text(program[1], encoding="utf-8")
    session = Session(folder)
    # The first command makes the store; it is no part of the picture.
    session.asked("status")
    with _terminal(session) as types:
        types("python agent.py", _kill_in_write(folder))
        first = re.search(r"agent ([0-9a-f]{8}) started", session.screen)
        assert first is not None
        exec_id = first[1]
        types("kitaru")
        session.note("first attempt", "killed in write()", exec_id, died=True)
        (folder / "model-is-up").touch()
        types(f"kitaru executions retry {exec_id} --wait")
        session.note("retry", "the same execution", exec_id)
        types(f"kitaru executions input {exec_id} --value true")
        _until(
            lambda: session.asked("executions", "get", exec_id)["status"] == "completed"
        )
        session.note("answer", "the same execution", exec_id)
        session.exec_id = session.asked("executions", "get", exec_id)["exec_id"]
        types(f"kitaru executions get {exec_id}")
    replayed = session.asked(
        *("executions", "replay", exec_id, "--from", "publish", "--reuse-waits"),
        *("--overrides", '{"checkpoint.write": "tea is good"}', "--wait"),
    )
    session.note("replay from publish()", "a new execution", replayed["exec_id"])
    return session


@contextmanager
def _terminal(session: Session) -> Iterator[Callable[..., None]]:
    bash = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile", "--noediting", "-i"],
        cwd=str(session.folder),
        env=session.environment,  # type: ignore[arg-type]  # a plain dict will do
        encoding="utf-8",
        timeout=SECONDS,
        dimensions=(60, 100),
        echo=False,
    )
    bash.expect_exact(MARK)

    def types(command: str, meanwhile: Callable[[int], None] | None = None) -> None:
        bash.sendline(command)
        if meanwhile is not None:
            meanwhile(bash.pid)
        bash.expect_exact(MARK)
        shown = "\n".join(line.rstrip() for line in bash.before.splitlines())
        session.screen += f"{PROMPT}{command}\n{shown.strip(chr(10))}\n\n"

    try:
        yield types
    finally:
        bash.close(force=True)
    # Whose machine it was is of no interest.
    shown = re.sub(r"\bby \S+@\S+ \(", "by you@laptop (", session.screen)
    shown = re.sub(r"(\(process \d+ on )[^)]+\)", r"\1laptop)", shown)
    session.screen = shown.rstrip() + "\n"


def _kill_in_write(folder: Path) -> Callable[[int], None]:
    def kill(shell: int) -> None:
        bill = folder / "bill.txt"
        _until(lambda: bill.exists() and "write" in bill.read_text("utf-8"))
        # A person sees which checkpoint runs a moment after its body began.
        time.sleep(1)
        for child in psutil.Process(shell).children():
            child.kill()

    return kill


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)
