"""A time of a schedule starts one execution, whoever looks and wherever they die."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta

import pytest

from kitaru._engine.journal.journal import Journal
from kitaru._engine.runners.schedules import JournalSchedules
from tests.support.polling import eventually
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

FLOW = """
    from pathlib import Path

    from kitaru import checkpoint, flow

    @checkpoint
    def note(file: str) -> None:
        with Path(file).open("a") as lines:
            lines.write("noted\\n")

    @flow
    def nightly(file: str) -> None:
        note(file)
"""
# A command that is killed when it comes to a function.
DYING = """
    import os
    import signal
    import sys

    place = sys.argv.pop(1)

    def look(frame, event, _):
        if event == "call":
            here = f"{frame.f_globals.get('__name__')}:{frame.f_code.co_qualname}"
            if here == place:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)
    from kitaru.cli.app import main

    main()
"""
# Before the journal knows of an execution; once it does, and there is no run; once there is
# one that nobody runs; once it runs, and the schedule is still due.
PLACES = {
    "row": "kitaru._engine.journal.journal:Journal.put_execution",
    "run": "kitaru._engine.local.rows.deployments:derive",
    "process": "kitaru._engine.local.starting:start",
    "moving": "kitaru._engine.runners.schedules:JournalSchedules.move",
}


def schedule(workspace: Workspace, name: str) -> None:
    """Deploy a flow whose time has come."""
    file = str(workspace.project / f"{name}.txt")
    workspace.kitaru(
        *("deploy", "nightly.py:nightly", "--every", "0 7 * * *", "--schedule", name),
        *("--args", json.dumps({"file": file})),
    )
    ((project,),) = workspace.journal("SELECT DISTINCT project FROM schedules")
    with closing(Journal(workspace.config / "kitaru" / "journal.db")) as journal:
        kept = JournalSchedules(journal, project)
        (planned,) = (one for one in kept.find() if one.facts.name == name)
        kept.put(planned.facts, kept.now() - timedelta(days=2))


def test_who_dies_while_a_flow_is_started_leaves_it_to_the_next(
    workspace: Workspace,
) -> None:
    workspace.script("nightly.py", FLOW)
    dying = workspace.script("dying.py", DYING)
    for name, place in PLACES.items():
        schedule(workspace, name)
        workspace.python(dying, place, "executions", "list", code=-9)

        def ended(name: str = name) -> list[str]:
            found = workspace.kitaru_items(
                "executions", "list", "--where", f"schedule={name}"
            )
            statuses = [str(one["status"]) for one in found]
            return statuses if "completed" in statuses else []

        assert eventually(ended, what=f"the execution of {name}") == ["completed"]
        assert workspace.lines(f"{name}.txt") == ["noted"]
        (kept,) = (
            one
            for one in workspace.kitaru_items("flow", "schedules", "list")
            if one["name"] == name
        )
        assert (kept["problem"], bool(kept["last_exec_id"])) == (None, True)

    # What was noted before there was a run is forgotten.
    workspace.kitaru("reconcile")
    known = {
        str(one["exec_id"]) for one in workspace.kitaru_items("executions", "list")
    }
    noted = {one for (one,) in workspace.journal("SELECT execution_id FROM executions")}
    assert noted == known


def test_two_who_look_at_once_start_one(workspace: Workspace) -> None:
    workspace.script("nightly.py", FLOW)
    schedule(workspace, "nightly")
    workspace.kitaru("reconcile", "--dry-run")
    assert workspace.journal("SELECT count(*) FROM executions") == [(0,)]

    watching = workspace.start_kitaru("reconcile", "--watch", "--every", "1")
    looking = [workspace.start_kitaru("executions", "list") for _ in "ab"]
    for command in looking:
        command.finish()
    eventually(lambda: workspace.lines("nightly.txt"), what="the execution")
    watching.interrupt()
    told = watching.finish().both + "".join(one.finish().both for one in looking)

    (found,) = workspace.kitaru_items("executions", "list")
    workspace.settles(str(found["exec_id"]), "completed")
    assert workspace.lines("nightly.txt") == ["noted"]
    assert told.count("schedule nightly: started execution") == 1
