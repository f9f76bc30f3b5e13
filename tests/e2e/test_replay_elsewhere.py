"""Replay from the command line: another process, the recorded source."""

from __future__ import annotations

import json
import os

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

SCRIPT = """
    from pathlib import Path

    from pydantic import BaseModel

    from kitaru import checkpoint, flow


    class Plan(BaseModel):
        steps: list[str]


    def note(name):
        with Path("diary.txt").open("a") as diary:
            diary.write(name + "\\n")


    @checkpoint
    def plan(topic: str) -> Plan:
        note("plan")
        return Plan(steps=[topic, "write"])


    @checkpoint
    def draft(plan: Plan) -> str:
        note("draft")
        return " + ".join(plan.steps)


    @checkpoint
    def publish(text: str) -> str:
        note("publish")
        return text.upper()


    @flow
    def writing(topic: str) -> str:
        return publish(draft(plan(topic)))


    if __name__ == "__main__":
        print(writing.run("cats").exec_id)
"""


@pytest.fixture
def source(workspace: Workspace) -> str:
    script = workspace.script("writing.py", SCRIPT)
    exec_id = workspace.python(script).stdout.strip()
    (workspace.project / "diary.txt").unlink()
    return exec_id


def replay(workspace: Workspace, source: str, *options: str) -> str:
    item = workspace.kitaru_item("executions", "replay", source, "--wait", *options)
    assert item["status"] == "completed", item
    assert item["original_exec_id"] == source
    return str(item["exec_id"])


def test_calls_before_the_anchor_are_reused_in_another_process(
    workspace: Workspace, source: str
) -> None:
    again = replay(workspace, source, "--from", "draft")

    assert workspace.result(again) == "CATS + WRITE"
    assert workspace.lines("diary.txt") == ["draft", "publish"]


def test_it_runs_in_the_folder_of_its_source_whoever_commands_it_from_where(
    workspace: Workspace, source: str
) -> None:
    home, workspace.project = workspace.project, workspace.project.parent

    again = replay(workspace, source, "--from", "publish")

    workspace.project = home
    assert workspace.result(again) == "CATS + WRITE"
    assert workspace.lines("diary.txt") == ["publish"]


def test_json_overrides_become_what_the_annotation_says(
    workspace: Workspace, source: str
) -> None:
    overrides = json.dumps({"checkpoint.plan": {"steps": ["dream"]}})

    again = replay(workspace, source, "--from", "publish", "--overrides", overrides)

    assert workspace.result(again) == "DREAM"
    assert workspace.lines("diary.txt") == ["draft", "publish"]


def test_flow_inputs_can_be_changed(workspace: Workspace, source: str) -> None:
    again = replay(
        workspace, source, "--from", "publish", "--args", '{"topic": "dogs"}'
    )

    assert workspace.result(again) == "DOGS + WRITE"
    assert workspace.lines("diary.txt") == ["plan", "draft", "publish"]


def test_it_says_which_checkpoints_have_other_code_now(
    workspace: Workspace, source: str
) -> None:
    changed = SCRIPT.replace("text.upper()", "text.lower()")
    workspace.script("writing.py", changed)

    said = workspace.kitaru(
        "executions", "replay", source, "--from", "publish", "--wait"
    )

    assert "code changed since then: publish" in said.stdout
    assert workspace.lines("diary.txt") == ["publish"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--from", "drft"), "did you mean 'draft'"),
        (("--from", "draft", "--args", '{"topc": 1}'), "did you mean 'topic'"),
        (("--from", "draft", "--args", "[1]"), "is not a JSON object"),
        (("--from", "draft", "--overrides", "{"), "is not JSON"),
        (
            ("--from", "draft", "--overrides", '{"checkpoint.plan": 1}'),
            "checkpoint.plan must be an object",
        ),
    ],
    ids=["anchor", "input", "object", "json", "type"],
)
def test_what_cannot_be_is_refused_and_starts_nothing(
    workspace: Workspace, source: str, options: tuple[str, ...], says: str
) -> None:
    refused = workspace.kitaru("executions", "replay", source, *options, code=2)

    assert says in refused.stderr
    assert len(workspace.kitaru_items("executions", "list")) == 1


def test_a_running_execution_is_not_replayed(workspace: Workspace) -> None:
    script = workspace.script(
        "slow.py",
        """
        import os
        from kitaru import checkpoint, flow

        @checkpoint
        def slow() -> None:
            print("inside", flush=True)
            with open("gate") as gate:
                gate.read()

        @flow
        def waiting() -> None:
            slow()

        if __name__ == "__main__":
            waiting.run()
        """,
    )
    os.mkfifo(workspace.project / "gate")
    running = workspace.start_python(script)
    running.says("inside")
    (item,) = workspace.kitaru_items("executions", "list")

    refused = workspace.kitaru(
        "executions", "replay", item["exec_id"], "--from", "slow", code=1
    )

    assert "is running; replay it when it has ended" in refused.stderr
    running.kill()
