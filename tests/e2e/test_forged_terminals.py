"""What a flow says reaches a terminal as text, never as orders."""

from __future__ import annotations

import re
import sys

import pexpect

from tests.support.workspace import Workspace

ASKING = r"""
import logging

import kitaru
from kitaru import checkpoint, flow

EVIL = "\x1b]0;PWN\x07\x1b[38;5;201mEVIL\x1b[2J\r\nFORGED ✓ completed\x9b31m \u202eRTL"


class Odd(Exception):
    pass


Odd.__name__ = Odd.__qualname__ = "Odd\x1b[31mNAME"


@checkpoint
def good() -> str:
    kitaru.log(**{"note" + EVIL: EVIL})
    return EVIL


@checkpoint
def bad() -> str:
    raise Odd("message " + EVIL)


@flow
def asks() -> None:
    good()
    kitaru.wait(schema=str, name="q", question="Really? " + EVIL, metadata={"m": EVIL})


@flow
def fails() -> None:
    bad()


if __name__ == "__main__":
    fails.run()
    asks.run()
"""
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def check(screen: str) -> None:
    ours = COLOURS.sub("", screen.replace("\x1b[38;5;201m", "BAD"))
    assert "\x1b" not in ours, repr(ours)
    assert not {"\x9b", "\u202e", "\x07", "BAD"} & set(ours)
    assert not re.search(r"^\s*FORGED", ours, re.MULTILINE)


def screen_of(workspace: Workspace, *words: str) -> str:
    """Return what a command shows on a terminal."""
    terminal = workspace.kitaru_terminal(*words)
    terminal.expect(pexpect.EOF)
    assert isinstance(terminal.before, str)
    return terminal.before


def test_the_terminal_gets_text_from_flow_and_commands(workspace: Workspace) -> None:
    script = workspace.script("asking.py", ASKING)
    terminal = workspace.terminal(sys.executable, script)
    terminal.expect_exact("or here, ")
    check(str(terminal.before))
    terminal.sendeof()
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    check(str(terminal.before))

    listed = workspace.kitaru_items("executions", "list")
    for item in listed:
        exec_id = item["exec_id"]
        check(screen_of(workspace, "executions", "get", exec_id))
        check(screen_of(workspace, "executions", "logs", exec_id))
        check(workspace.kitaru("executions", "get", exec_id).stdout)
        check(workspace.kitaru("executions", "get", exec_id, "-o", "json").stdout)
    check(screen_of(workspace))
    check(screen_of(workspace, "executions", "get", "\x1b[38;5;201mEVIL"))
    check(screen_of(workspace, "\x1b[38;5;201mEVIL"))
    check(
        screen_of(
            workspace, "executions", "input", listed[0]["exec_id"], "--value", "5"
        )
    )
    form = workspace.kitaru_terminal("executions", "input", listed[0]["exec_id"], "-i")
    form.expect_exact("text: ")
    check(str(form.before))
    form.close(force=True)
