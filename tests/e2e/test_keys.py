"""One execution for each key, when processes meet and when they die."""

from __future__ import annotations

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

ORDERS = """
    import sys
    import time
    from pathlib import Path

    from kitaru import checkpoint, flow

    @checkpoint
    def ship(order: str) -> str:
        with Path("shipped.txt").open("a") as shipped:
            shipped.write(order + "\\n")
        while Path("slow.txt").exists():
            time.sleep(0.05)
        return order

    @flow
    def shipping(order: str) -> str:
        return ship(order)

    if __name__ == "__main__":
        while Path("not-yet.txt").exists():
            time.sleep(0.01)
        handle = shipping.run(sys.argv[1], key=sys.argv[1])
        print(handle.exec_id, handle.status.value, flush=True)
"""


def test_two_processes_at_once_start_one_execution(workspace: Workspace) -> None:
    workspace.script("orders.py", ORDERS)
    (workspace.project / "not-yet.txt").touch()
    both = [workspace.start_python("orders.py", "order-17") for _ in range(2)]

    (workspace.project / "not-yet.txt").unlink()
    ends = [process.finish() for process in both]

    assert [end.code for end in ends] == [0, 0], [end.both for end in ends]
    assert len({end.stdout.split()[0] for end in ends}) == 1
    assert (workspace.project / "shipped.txt").read_text() == "order-17\n"


def test_a_process_that_died_leaves_its_execution_to_the_key(
    workspace: Workspace,
) -> None:
    workspace.script("orders.py", ORDERS)
    (workspace.project / "slow.txt").touch()
    first = workspace.start_python("orders.py", "order-18")
    first.says("ship")
    first.kill()

    (workspace.project / "slow.txt").unlink()
    again = workspace.python("orders.py", "order-18")

    exec_id, status = again.stdout.split()
    assert status == "failed"
    assert f"execution {exec_id[:8]} has it and is failed" in again.stderr
    done = workspace.kitaru("executions", "retry", exec_id, "--wait")
    assert "completed" in done.stdout
