"""`kitaru ui`: without ZenML, while executions live and die."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from kitaru.ui.guard import FORM_TOKEN
from tests.support.page import words
from tests.support.polling import DEADLINE, eventually
from tests.support.processes import Process
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

FLOWS = """
import sys, time
from pathlib import Path

import kitaru
from kitaru import checkpoint, flow

@checkpoint
def double(n: int) -> int:
    return 2 * n

@checkpoint
def endless() -> int:
    Path("begun").touch()
    time.sleep(600)
    return 0

@flow
def asking() -> int:
    n = double(4)
    if kitaru.wait(name="sure", schema=bool, question="Sure of it?", timeout=0):
        return double(n)
    return 0

@flow
def dying() -> int:
    return double(1) + endless()

if __name__ == "__main__":
    globals()[sys.argv[1]].run()
"""

# What a page of the embedded default may not need.
BLOCKED = """
import sys

blocked = sys.argv.pop(1).split(",")

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())

from kitaru.cli.app import main

main()
"""


@contextmanager
def opened(workspace: Workspace, blocked: str = "-") -> Iterator[httpx.Client]:
    """Start `kitaru ui` and open the address it prints."""
    script = workspace.script("blocked.py", BLOCKED)
    arguments = ("ui", "--no-browser", "--port", "0", "-o", "json")
    process = workspace.start_python(script, blocked, *arguments)
    process.says("token=")
    url = json.loads(process.stdout)["item"]["url"]
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    try:
        with httpx.Client(
            base_url=origin, headers={"origin": origin}, timeout=DEADLINE
        ) as client:
            assert client.get(url).status_code == 200
            yield client
    finally:
        process.interrupt()
        assert process.finish().code == 130


def form_token(text: str) -> str:
    return text.partition(f'name="{FORM_TOKEN}" value="')[2].partition('"')[0]


def begun(workspace: Workspace) -> Process:
    """Start an execution that never ends by itself."""
    runner = workspace.start_python(workspace.project / "flows.py", "dying")
    eventually((workspace.project / "begun").exists, what="the endless call")
    return runner


def test_a_question_is_answered_without_zenml(workspace: Workspace) -> None:
    workspace.python(workspace.script("flows.py", FLOWS), "asking")
    exec_id = workspace.newest()

    with opened(workspace, blocked="zenml,sqlalchemy,sqlmodel") as browser:
        inbox = browser.get("/inbox").text
        there = inbox.partition('<form method="post" action="')[2].partition('"')[0]
        sent = {FORM_TOKEN: form_token(inbox), "v": "0"}
        done = browser.post(there, data=sent)
        listed = browser.get("/executions").text

    assert "Sure of it?" in inbox
    assert done.status_code == 303
    assert exec_id in listed
    eventually(
        lambda: workspace.execution(exec_id)["status"] == "completed", what="its end"
    )
    (wait,) = workspace.execution(exec_id)["waits"]
    assert (wait["answer"], wait["surface"]) == (True, "page")


def test_an_open_page_says_that_the_runner_died(workspace: Workspace) -> None:
    workspace.script("flows.py", FLOWS)
    runner = begun(workspace)
    exec_id = workspace.newest()

    with opened(workspace) as browser:
        before = words(browser.get(f"/executions/{exec_id}"))
        with browser.stream("GET", f"/events?execution={exec_id}") as events:
            lines = events.iter_lines()
            told = (line for line in lines if line.startswith("event:"))
            first = next(told)
            runner.kill()
            second = next(told)
        after = words(browser.get(f"/executions/{exec_id}"))

    assert "running" in before
    assert (first, second) == ("event: state", "event: changed")
    assert "failed" in after
    assert "Its process died" in after
    assert "Retry" in after


def test_without_the_extra_it_says_what_to_install(workspace: Workspace) -> None:
    script = workspace.script("blocked.py", BLOCKED)

    done = workspace.python(script, "uvicorn", "ui", "--no-browser", code=1)

    assert "pip install 'kitaru[ui]'" in done.stderr


def test_a_port_that_is_taken_is_said(workspace: Workspace) -> None:
    with opened(workspace) as browser:
        port = str(browser.base_url.port)
        done = workspace.kitaru("ui", "--no-browser", "--port", port, code=2)

    assert f"port {port} cannot be had" in done.stderr
