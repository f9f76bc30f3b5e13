"""`kitaru secrets`: values come in unseen and do not come out by themselves."""

from __future__ import annotations

import json

import pexpect
import psutil
import pytest

from tests.support.leaks import find_leaks
from tests.support.polling import DEADLINE
from tests.support.store import kitaru_command
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

VALUE = "hunter2-zq8-not-for-your-eyes"


def on_terminal(workspace: Workspace, *arguments: str) -> pexpect.spawn[str]:
    return pexpect.spawn(
        str(kitaru_command()),
        list(arguments),
        cwd=str(workspace.project),
        env=workspace.environment,  # type: ignore[arg-type]  # a plain dict will do
        encoding="utf-8",
        timeout=DEADLINE,
    )


def test_a_prompted_value_is_neither_shown_nor_in_the_process_list(
    workspace: Workspace,
) -> None:
    child = on_terminal(workspace, "secrets", "set", "service", "PASSWORD")
    child.expect("service PASSWORD:")
    child.sendline(VALUE)
    words = psutil.Process(child.pid).cmdline() if child.isalive() else []
    rest = child.read()
    child.close()

    shown = workspace.start_kitaru("secrets", "show", "service", "-o", "json")
    text = workspace.start_kitaru("secrets", "show", "service")
    asked = workspace.start_kitaru("secrets", "show", "service", "--show-values")

    assert child.exitstatus == 0
    assert "stored secret service: PASSWORD" in rest
    assert VALUE not in rest
    assert VALUE not in " ".join(words)
    item = json.loads(shown.finish().stdout)["item"]
    assert (item["keys"], "values" in item) == (["PASSWORD"], False)
    assert VALUE not in shown.stdout + text.finish().both
    assert f"PASSWORD: {VALUE}" in asked.finish().stdout
    assert find_leaks(workspace.config, VALUE) == []


def test_values_come_from_files_and_an_existing_secret_is_changed(
    workspace: Workspace,
) -> None:
    pem = workspace.script("key.pem", f"-----\n{VALUE}\n-----\n")
    settings = workspace.script(".env", f"# keys\nexport A='{VALUE}'\nB=two\n\n")
    first = workspace.kitaru_item(
        "secrets", "set", "service", f"PEM=@{pem}", "--from-file", str(settings)
    )

    second = workspace.kitaru_item("secrets", "set", "service", "B=three")

    shown = workspace.kitaru_item("secrets", "show", "service", "--show-values")
    assert (first["created"], second["created"]) == (True, False)
    assert (second["changed"], second["keys"]) == (["B"], ["A", "B", "PEM"])
    assert shown["values"] == {
        "A": VALUE,
        "B": "three",
        "PEM": f"-----\n{VALUE}\n-----",
    }


def test_without_a_terminal_nothing_is_asked_and_no_value_is_repeated(
    workspace: Workspace,
) -> None:
    broken = workspace.script("broken.env", f"A={VALUE}\n{VALUE}\n")
    no_json = workspace.script("broken.json", f'{{"A": "{VALUE}"')
    workspace.kitaru("secrets", "set", "service", "A=1")
    commands = {
        "nobody answers": ("secrets", "set", "service", "PASSWORD"),
        "value as key": ("secrets", "set", "service", f"{VALUE}=x"),
        "no pair": ("secrets", "set", "service", "--from-file", str(broken)),
        "no JSON": ("secrets", "set", "service", "--from-file", str(no_json)),
        "no file": ("secrets", "set", "service", "A=@nowhere"),
        "empty": ("secrets", "set", "service", "A="),
        "nothing": ("secrets", "set", "service"),
        "not sure": ("secrets", "delete", "service"),
    }

    running = {name: workspace.start_kitaru(*line) for name, line in commands.items()}

    ends = {name: process.finish() for name, process in running.items()}
    assert {name: end.code for name, end in ends.items()} == dict.fromkeys(commands, 2)
    assert {end.stdout for end in ends.values()} == {""}
    assert [end for end in ends.values() if VALUE in end.stderr] == []
    assert [end for end in ends.values() if "Traceback" in end.stderr] == []
    assert "line 2 of" in ends["no pair"].stderr
    assert "--yes" in ends["not sure"].stderr
    (left,) = workspace.kitaru_items("secrets", "list")
    assert left["name"] == "service"


def test_ctrl_c_at_the_prompt_stores_nothing(workspace: Workspace) -> None:
    child = on_terminal(workspace, "secrets", "set", "service", "PASSWORD")
    child.expect("service PASSWORD:")

    child.sendintr()
    child.read()
    child.close()

    assert child.exitstatus == 130
    assert workspace.kitaru_items("secrets", "list") == []
