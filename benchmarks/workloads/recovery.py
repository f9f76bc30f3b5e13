"""P6: kill -9, and on in a new process."""

from __future__ import annotations

from pathlib import Path

from figures import Row, Sample
from lab import Lab, database_of, query, until

IMPORT = "import zenml"


def killed(lab: Lab) -> list[Row]:
    """Kill a flow in call 38 of 40; measure what the next process needs to finish."""
    process: list[float] = []
    command: list[float] = []
    imports: list[float] = []
    again: list[float] = []
    for _ in range(lab.count(5, 2)):
        imports.append(lab.code(IMPORT, store=lab.store()).seconds)
        store, execution_id = _dead(lab)
        done = lab.module("kitaru._engine.detached", execution_id, store=store)
        process.append(done.seconds)
        again.append(_bodies_again(store))
        store, execution_id = _dead(lab)
        command.append(_by_command(lab, store, execution_id))
    reference = Sample.of(imports)
    return [
        Row(
            "P6",
            "killed at 38 of 40: the next process",
            Sample.of(process),
            IMPORT,
            reference,
            rule="plus",
            limit=1.0,
        ),
        Row(
            "P6",
            "the same by `kitaru executions retry`",
            Sample.of(command),
            IMPORT,
            reference,
        ),
        Row(
            "P6",
            "finished bodies run again",
            Sample.of(again),
            rule="at most",
            limit=0,
            unit="calls",
        ),
    ]


def _dead(lab: Lab) -> tuple[Path, str]:
    """Return a store with an execution whose runner was killed."""
    store = lab.store()
    (store / "stand-still").touch()
    runner = lab.start("forty.py", store=store)
    bodies = store / "bodies"
    until("38th call", lambda: bodies.exists() and _lines(bodies) == 38)
    runner.kill()
    (store / "stand-still").unlink()
    journal = store / "kitaru" / "journal.db"
    ((execution_id,),) = query(journal, "SELECT execution_id FROM executions")
    return store, execution_id


def _by_command(lab: Lab, store: Path, execution_id: str) -> float:
    # A command that looks at it finds the runner dead, and says so.
    lab.kitaru(store, "executions", "get", execution_id)
    began = lab.kitaru(store, "executions", "retry", execution_id).began
    return until("completed execution", lambda: is_completed(store)) - began


def is_completed(store: Path) -> bool:
    """Whether the one execution of a store is."""
    rows = query(database_of(store), "SELECT status FROM pipeline_run")
    return rows == [("completed",)]


def _bodies_again(store: Path) -> float:
    """Return how many of the 37 finished bodies ran more than once."""
    assert is_completed(store)
    ran = (store / "bodies").read_text().split()
    return float(sum(ran.count(str(n)) - 1 for n in range(1, 38)))


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())
