"""`kill -9` after every call of an agent repeats none that had finished."""

from __future__ import annotations

import json
import shutil
from collections import Counter

import pytest

from tests.adapters.conformance.drivers import HERE, Driver
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e


def test_killed_after_each_call_in_turn_it_repeats_no_finished_call(
    driver: Driver, workspace: Workspace
) -> None:
    shutil.copy(HERE / "kill_chain.py", workspace.project)

    done = workspace.start_python("kill_chain.py", json.dumps(driver.calls)).finish(
        within=600
    )

    assert done.code == 0, done.both
    undisturbed, killed = map(
        workspace.execution, json.loads(done.stdout.splitlines()[-1])
    )
    lines = Counter(workspace.lines("made"))
    labels = [label for label, _ in driver.calls]
    assert {label: lines[f"finished {label}"] for label in labels} == dict.fromkeys(
        labels, 1
    )
    # Each was in the middle of its work at least once when the process died.
    assert all(lines[f"started {label}"] > 1 for label in labels), lines
    assert killed["status"] == "completed"
    assert workspace.result(killed["exec_id"]) == driver.result
    assert killed["usage"] == undisturbed["usage"]
    assert killed["usage"]["requests"] == 3
