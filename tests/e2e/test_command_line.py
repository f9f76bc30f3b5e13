"""`kitaru` for people and machines: exit codes, JSON, colours, logs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.support import store
from tests.support.polling import DEADLINE
from tests.support.processes import Process
from tests.support.store import kitaru_command
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

ANSI = "\x1b["

CHATTY = """
import logging

import kitaru
from kitaru import checkpoint, flow

@checkpoint
def greet(name: str) -> str:
    print("hello", name)
    logging.getLogger("agent").info("greeted %s", name)
    logging.getLogger("agent").warning("careful")
    return name

@checkpoint
def leave() -> None:
    print("bye")
    print("no newline", end="")

@flow
def chatty() -> str:
    print("around")
    greet("Ada")
    if not kitaru.wait(schema=bool, timeout=0):
        raise ValueError("refused")
    leave()
    return "done"

if __name__ == "__main__":
    chatty.run()
"""


@pytest.fixture(scope="module")
def chat(
    prepared_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Workspace, str]]:
    """An execution that has talked, waited, and was continued without a terminal."""
    root = tmp_path_factory.mktemp("chat")
    workspace = Workspace(root, store.copy(prepared_store, root / "config"))
    run = workspace.python(workspace.script("chatty.py", CHATTY))
    assert run.stdout == "around\nhello Ada\n"
    execution_id = workspace.newest()
    following = workspace.start_kitaru("executions", "logs", execution_id, "--follow")
    following.says("hello Ada")
    workspace.kitaru("executions", "input", execution_id, "--value", "true")
    followed = following.finish()
    workspace.settles(execution_id, "completed")
    workspace.script("followed", followed.stdout)
    yield workspace, execution_id
    workspace.end()


def together(*processes: Process) -> list[str]:
    """Let several commands end and return what they printed."""
    ends = [process.finish() for process in processes]
    assert [end.code for end in ends] == [0] * len(ends), ends
    return [end.stdout for end in ends]


def messages(output: str) -> list[str]:
    return [item["message"] for item in json.loads(output)["items"]]


def test_logs_hold_prints_and_logging_by_checkpoint_of_both_processes(
    chat: tuple[Workspace, str],
) -> None:
    workspace, execution_id = chat
    logs = ("executions", "logs", execution_id, "-o", "json")

    everything, inside, greet, leave = together(
        workspace.start_kitaru(*logs),
        workspace.start_kitaru(*logs, "--source", "step"),
        workspace.start_kitaru(*logs, "--checkpoint", "greet"),
        workspace.start_kitaru(*logs, "--checkpoint", "leave"),
    )

    assert messages(greet) == ["hello Ada", "greeted Ada", "careful"]
    assert messages(leave) == ["bye", "no newline"]
    assert messages(inside) == messages(greet) + messages(leave)
    assert set(messages(inside)) < set(messages(everything))
    assert messages(everything).count("around") == 2
    levels = {i["message"]: i["level"] for i in json.loads(everything)["items"]}
    assert levels["careful"] == "WARNING"


def test_followed_logs_end_with_the_execution(chat: tuple[Workspace, str]) -> None:
    workspace, _ = chat

    lines = workspace.lines("followed")

    assert any("hello Ada" in line for line in lines)
    assert any("bye" in line for line in lines)
    assert "chatty" in lines[-1]
    assert "completed" in lines[-1]


def test_output_for_machines_has_one_shape(chat: tuple[Workspace, str]) -> None:
    workspace, execution_id = chat

    listed, got, status = (
        json.loads(text)
        for text in together(
            workspace.start_kitaru("executions", "list", "-o", "json"),
            workspace.start_kitaru("executions", "get", execution_id, "-o", "json"),
            workspace.start_kitaru("status", "-o", "json"),
        )
    )

    assert listed["command"] == "executions list"
    assert listed["count"] == len(listed["items"]) == 1
    assert got["command"] == "executions get"
    assert got["item"]["exec_id"] == listed["items"][0]["exec_id"] == execution_id
    assert status["command"] == "status"
    assert status["item"]["config_folder"] == str(workspace.config)


def test_pipes_get_whole_lines_and_whole_paths(chat: tuple[Workspace, str]) -> None:
    workspace, _ = chat

    status = workspace.kitaru("status").stdout

    assert f"{workspace.config}/local_stores/default_zen_store/zenml.db" in status


def test_exit_codes_and_errors_tell_usage_from_state(
    chat: tuple[Workspace, str],
) -> None:
    workspace, execution_id = chat
    commands = {
        "unknown": ("executions", "get", "00000000", "-o", "json"),
        "no such option": ("executions", "list", "--nonsense"),
        "no JSON": ("executions", "input", execution_id, "--value", "yes"),
        "state": ("executions", "retry", execution_id, "-o", "json"),
        "state for people": ("executions", "retry", execution_id),
    }

    running = {name: workspace.start_kitaru(*line) for name, line in commands.items()}

    ends = {name: process.finish() for name, process in running.items()}
    assert {name: end.code for name, end in ends.items()} == {
        "unknown": 2,
        "no such option": 2,
        "no JSON": 2,
        "state": 1,
        "state for people": 1,
    }
    assert {end.stdout for end in ends.values()} == {""}
    unknown = json.loads(ends["unknown"].stderr)
    assert unknown["command"] == "executions get"
    assert unknown["error"]["type"] == "KitaruUsageError"
    assert "00000000" in unknown["error"]["message"]
    state = json.loads(ends["state"].stderr)
    assert state["error"]["type"] == "KitaruStateError"
    assert ends["no JSON"].stderr.startswith("Error: --value 'yes' is not JSON")
    assert ends["state for people"].stderr.startswith("Error: execution")
    assert not [end for end in ends.values() if "Traceback" in end.stderr]


def test_pipes_and_no_color_get_no_ansi_and_terminals_do(
    chat: tuple[Workspace, str],
) -> None:
    workspace, execution_id = chat
    piped = workspace.start_kitaru("executions", "get", execution_id)
    terminals = {
        name: pexpect.spawn(
            str(kitaru_command()),
            ["executions", "get", execution_id],
            cwd=str(workspace.project),
            env=workspace.environment | {"TERM": "xterm-256color"} | more,  # type: ignore[arg-type]  # a plain dict will do
            encoding="utf-8",
            timeout=DEADLINE,
        )
        for name, more in {"colour": {}, "no colour": {"NO_COLOR": "1"}}.items()
    }

    shown = {name: child.read() for name, child in terminals.items()}

    (text,) = together(piped)
    assert "completed" in text
    assert ANSI not in text
    assert "completed" in re.sub(r"\x1b\[[\d;]*m", "", shown["colour"])
    assert ANSI in shown["colour"]
    assert not re.search(r"\x1b\[[\d;]*3\d", shown["no colour"])


def test_ctrl_c_while_following_ends_with_130(workspace: Workspace) -> None:
    workspace.python(workspace.script("chatty.py", CHATTY))
    execution_id = workspace.newest()
    following = workspace.start_kitaru("executions", "logs", execution_id, "--follow")
    following.says("hello Ada")

    following.interrupt()

    done = following.finish()
    assert done.code == 130
    assert "Traceback" not in done.stderr


def test_help_comes_without_a_store(tmp_path: Path, prepared_store: Path) -> None:
    missing = tmp_path / "nowhere"
    workspace = Workspace(tmp_path, missing)

    (text,) = together(workspace.start_kitaru("--help"))

    assert "executions" in text
    assert not os.path.lexists(missing)


def test_a_folder_that_cannot_be_made_is_one_message(workspace: Workspace) -> None:
    file = workspace.script("file", "")

    done = workspace.kitaru(
        "status", code=1, environment={"KITARU_CONFIG_PATH": str(file / "config")}
    )

    assert done.stderr.startswith("Error: the configuration folder")
    assert "Traceback" not in done.stderr


def test_a_terminal_without_unicode_shows_what_it_can(workspace: Workspace) -> None:
    script = workspace.script(
        "größe.py",
        """
        from kitaru import flow

        @flow
        def größe():
            return 1

        größe.run()
        """,
    )
    workspace.python(script)

    done = workspace.kitaru(
        "executions",
        "list",
        environment={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )

    assert "gr\\xf6\\xdfe" in done.stdout
