"""P7 and P8: from an answer to what follows."""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Findings, Row
from benchmarks.lab import Finished, Lab, Running, until
from benchmarks.sides import IMPORT, said, seconds, side
from benchmarks.workloads.recovery import is_completed

# Longer than any of them takes; it only decides when a runner gives up.
PATIENCE = 120


def runner_alive(lab: Lab) -> Findings:
    """An answer of another process, to the flow that goes on; the runner lives."""
    times = 5

    def ours() -> Finished:
        store = lab.store()
        runner = lab.start("asking.py", "ask", times, PATIENCE, store=store)
        execution_id = _asked(store)
        done = lab.python("asking.py", "answer", execution_id, times, store=store)
        return _heard(runner, done)

    def dbos() -> Finished:
        folder = lab.folder()
        runner = lab.start_other("DBOS", "ask", times, folder=folder)
        _asked(folder)
        done = lab.other("DBOS", "answer", times, folder=folder)
        return _heard(runner, done)

    measures = {"Kitaru": ours} | ({"DBOS": dbos} if lab.others else {})
    done = lab.in_turns(lab.count(4, 1), measures)
    taken = {name: side(name, said(runs, "taken")) for name, runs in done.items()}
    what = "answer, to the flow going on"
    limit = 0.05
    return Findings(
        [
            Row(
                "P7",
                what,
                taken["Kitaru"],
                taken.get("DBOS"),
                rule="at most",
                limit=limit,
            )
        ]
    )


def runner_gone(lab: Lab) -> Findings:
    """An answer where no process is left, to the complete execution."""

    def ours() -> Finished:
        store = lab.store()
        lab.python("asking.py", "ask", 1, 0, store=store)
        answering = lab.start("asking.py", "answer", _asked(store), 1, store=store)
        ended = until("completed execution", lambda: is_completed(store))
        done = answering.finish()
        done.said["taken"] = [ended - done.said["given"][0]]
        return done

    done = lab.in_turns(
        lab.count(5, 2),
        {"import": lambda: lab.code(IMPORT, store=lab.store()), "kitaru": ours},
    )
    return Findings(
        [
            Row(
                "P8",
                "answer, to a complete execution, no runner",
                side("Kitaru", said(done["kitaru"], "taken")),
                side(IMPORT, seconds(done["import"])),
                rule="plus",
                limit=2.0,
            )
        ]
    )


def _asked(folder: Path) -> str:
    """Wait for the first question; return the id of who asks."""
    file = folder / "asking.id"
    until("question", lambda: file.exists() and file.read_text())
    return file.read_text()


def _heard(runner: Running, answered: Finished) -> Finished:
    """Return the answering process with the seconds from each answer to its effect."""
    heard = runner.finish().said["heard"]
    pairs = zip(answered.said["given"], heard, strict=True)
    answered.said["taken"] = [there - given for given, there in pairs]
    return answered
