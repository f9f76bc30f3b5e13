"""Kill the process of an execution after each of its calls, and let it go on.

    python kill_chain.py '[["model 1", "researcher.r1.s1.model"], …]'

Prints the id of an undisturbed execution and that of the killed one. One process has
everything imported and forks the runners, which start at once then.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from kitaru._engine.zenml.setup.importing import import_zenml

import_zenml()
importlib.import_module("kitaru._engine.zenml.engine")
importlib.import_module("zenml.zen_stores.sql_zen_store")

import agent  # noqa: E402  the program of the driver
from work import HOLD, MADE  # noqa: E402

from kitaru import KitaruClient, flow  # noqa: E402

# Generous: it is no finding that a machine is busy.
PATIENCE = 240
JOURNAL = Path(os.environ["KITARU_CONFIG_PATH"]) / "kitaru" / "journal.db"


def local_flow() -> Any:
    """Return the flow; not at the top of a file, so retry goes on in this process."""

    @flow
    async def journey() -> list[str]:
        found: list[str] = await agent.journey()
        return found

    return journey


JOURNEY = local_flow()


def lines() -> list[str]:
    return MADE.read_text().splitlines() if MADE.exists() else []


def durable_calls(execution_id: str) -> set[str]:
    with closing(sqlite3.connect(JOURNAL, timeout=PATIENCE)) as database:
        found = database.execute(
            "SELECT invocation_id FROM calls WHERE execution_id = ?",
            (execution_id,),
        )
        return {row[0] for row in found}


def forked(work: Any) -> int:
    child = os.fork()
    if child:
        return child
    work()
    os._exit(0)


def start() -> None:
    Path("started").write_text(JOURNEY.run().exec_id)


def newest() -> str:
    with closing(sqlite3.connect(JOURNAL, timeout=PATIENCE)) as database:
        rows = database.execute("SELECT execution_id FROM leases").fetchall()
    return str(rows[0][0]) if rows else ""


def wait_for(look: Any, child: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, lines()
        assert not os.waitpid(child, os.WNOHANG)[0], lines()
        time.sleep(0.005)


def main(calls: list[tuple[str, str]]) -> None:
    os.waitpid(forked(start), 0)
    undisturbed = Path("started").read_text()
    MADE.unlink()
    labels = [*(label for label, _ in calls), "ending"]
    execution_id = ""
    for number, label in enumerate(labels):
        HOLD.write_text("\n".join(labels[number:]))
        before = len(lines())
        child = forked(
            start
            if not execution_id
            else lambda: KitaruClient().executions.retry(execution_id)  # noqa: B023  runs now
        )
        # Held in the middle of this call, all before it done and durable.
        wait_for(lambda: f"started {label}" in lines()[before:], child)  # noqa: B023
        execution_id = execution_id or newest()
        done = {invocation_id for _, invocation_id in calls[:number]}
        wait_for(lambda: done <= durable_calls(execution_id), child)  # noqa: B023
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    HOLD.unlink()
    os.waitpid(forked(lambda: KitaruClient().executions.retry(execution_id)), 0)
    print(json.dumps([undisturbed, execution_id]))


main([tuple(call) for call in json.loads(sys.argv[1])])
