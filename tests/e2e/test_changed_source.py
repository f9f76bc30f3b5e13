"""A flow that somebody mended between two attempts."""

from __future__ import annotations

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

SCRIPT = """
    from kitaru import checkpoint, flow


    @checkpoint
    def search() -> str:
        return "found"


    @checkpoint
    def browse() -> str:
        return "browsed"


    @checkpoint
    def publish(text: str) -> str:
        raise RuntimeError("no network")


    @flow
    def working() -> str:
        return publish(search())


    if __name__ == "__main__":
        print(working.run().exec_id)
"""


def test_another_path_is_a_warning_when_the_source_changed(
    workspace: Workspace,
) -> None:
    exec_id = workspace.python(workspace.script("work.py", SCRIPT)).stdout.strip()
    mended = SCRIPT.replace("publish(search())", "publish(browse())").replace(
        'raise RuntimeError("no network")', "return text"
    )
    workspace.script("work.py", mended)

    workspace.kitaru("executions", "retry", exec_id, "--wait")

    assert workspace.result(exec_id) == "browsed"
    logged = workspace.kitaru("executions", "logs", exec_id).stdout
    assert "took another path than before" in logged
    assert "the flow's source changed in between" in logged
