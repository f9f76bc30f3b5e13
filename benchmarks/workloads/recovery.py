"""P6 and P16: kill -9, and on in a new process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.figures import Findings, Measured, Row
from benchmarks.lab import (
    Finished,
    Lab,
    Running,
    database_of,
    journal_of,
    query,
    until,
)
from benchmarks.sides import IMPORT, seconds, side, to_result

# What an answer or a retry starts; the name of a pool of processes follows the id.
NEXT_PROCESS = "kitaru._engine.programs.runner"


def killed(lab: Lab) -> Findings:
    """kill -9 in checkpoint 38 of 40; the next process finishes it."""
    again: dict[str, list[float]] = {}

    def ours() -> Finished:
        store, execution_id = _dead(lab)
        done = lab.module(NEXT_PROCESS, execution_id, "pool", store=store)
        assert is_completed(store)
        again.setdefault("Kitaru", []).append(_bodies_again(store))
        return done

    def other(name: str) -> Finished:
        folder = lab.folder()
        _killed(folder, lambda: lab.start_other(name, "die", folder=folder))
        done = lab.other(name, "recover", folder=folder)
        again.setdefault(name, []).append(_bodies_again(folder))
        return done

    done = lab.in_turns(
        lab.count(5, 1),
        {
            "import": lambda: lab.code(IMPORT, store=lab.store()),
            "kitaru": ours,
        }
        | {name: partial(other, name) for name in lab.others},
    )
    references = {
        name: side(name, to_result(done[name]), full=done[name]) for name in lab.others
    }
    process = side("Kitaru", seconds(done["kitaru"]), full=done["kitaru"])
    imported = side(IMPORT, seconds(done["import"]))
    return Findings(
        [
            *_times(process, imported, references),
            *_repeated(again),
        ]
    )


def by_retry(lab: Lab) -> Findings:
    """The same as a person does it: one command, and a process that it starts."""

    def retried() -> Finished:
        store, execution_id = _dead(lab)
        done = lab.kitaru(store, "executions", "retry", execution_id)
        done.said["result_at"] = until(
            "completed execution", lambda: is_completed(store)
        )
        return done

    def other(name: str) -> Finished:
        folder = lab.folder()
        _killed(folder, lambda: lab.start_other(name, "die", folder=folder))
        return lab.other(name, "recover", folder=folder)

    done = lab.in_turns(
        lab.count(5, 1),
        {"kitaru": retried} | {name: partial(other, name) for name in lab.others},
    )
    ours, what = side("kitaru", to_result(done["kitaru"])), "killed, on by `retry`"
    return Findings(
        [
            Row(
                "P16",
                what,
                ours,
                side(name, to_result(done[name])),
                limit=1.0 if name == "LangGraph" else None,
            )
            for name in lab.others
        ]
    )


def _times(
    process: Measured,
    imported: Measured,
    references: dict[str, Measured],
) -> list[Row]:
    what = "killed at 38 of 40: the next process"
    return [
        Row("P6", what, process, imported, rule="plus", limit=1.0),
        *(Row("P6", what, process, reference) for reference in references.values()),
    ]


def _repeated(again: dict[str, list[float]]) -> list[Row]:
    what, ours = "finished bodies run again", side("Kitaru", again.pop("Kitaru"))
    others = [side(name, counted) for name, counted in again.items()]
    return [
        Row("P6", what, ours, rule="at most", limit=0, unit="calls"),
        *(Row("P6", what, ours, reference, unit="calls") for reference in others),
    ]


def _dead(lab: Lab) -> tuple[Path, str]:
    """Return a store with an execution whose runner was killed."""
    store = lab.store()
    _killed(store, lambda: lab.start("forty.py", store=store))
    ((execution_id,),) = query(journal_of(store), "SELECT execution_id FROM executions")
    return store, execution_id


def _killed(folder: Path, start: Callable[[], Running]) -> None:
    """Start a runner and kill it in the 38th of its forty calls."""
    (folder / "stand-still").touch()
    runner = start()
    bodies = folder / "bodies"
    until("38th call", lambda: bodies.exists() and len(_calls(bodies)) == 38)
    runner.kill()
    (folder / "stand-still").unlink()


def is_completed(store: Path) -> bool:
    """Whether the one execution of a store is."""
    rows = query(database_of(store), "SELECT status FROM pipeline_run")
    return rows == [("completed",)]


def _bodies_again(folder: Path) -> float:
    """Return how many of the 37 finished bodies ran more than once."""
    ran = _calls(folder / "bodies")
    return float(sum(ran.count(str(n)) - 1 for n in range(1, 38)))


def _calls(path: Path) -> Sequence[str]:
    return path.read_text().split()
