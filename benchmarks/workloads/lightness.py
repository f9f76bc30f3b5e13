"""P15 to P20: what whole processes on a local stack cost, in CPU time and memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from benchmarks.figures import Findings, Measured, Row
from benchmarks.lab import Finished, Lab, database_of, journal_of, query
from benchmarks.many import multiply
from benchmarks.sides import seconds, side, to_result

COUNT = 100
RUNS = 6
STORED = 1000


def cold_process(lab: Lab) -> Findings:
    """A cold process with 100 checkpoints, from its start to its end."""
    ours = lab.store()
    done = lab.in_turns(
        lab.count(5, 2),
        {
            "kitaru": lambda: lab.python("trivial.py", COUNT, store=ours),
            **lab.by_others("steps", COUNT, folder=lab.folder()),
        },
    )
    what = f"{COUNT} checkpoints, cold process"
    limits = {"DBOS": 0.6, "LangGraph": 0.5}
    rows = []
    for name in lab.others:
        rows += [
            Row(
                "P15",
                f"{what}, CPU",
                _cpu(done, "kitaru"),
                _cpu(done, name),
                limit=limits[name],
            ),
            Row(
                "P15",
                f"{what}, to its end",
                _whole(done, "kitaru"),
                _whole(done, name),
                limit=0.5,
            ),
        ]
    return Findings(rows)


def memory(lab: Lab) -> Findings:
    """What a flow process holds at most."""
    ours = lab.store()
    done = lab.in_turns(
        lab.count(3, 1),
        {
            "kitaru": lambda: lab.python("trivial.py", COUNT, store=ours),
            **lab.by_others("steps", COUNT, folder=lab.folder()),
        },
    )
    what = f"{COUNT} checkpoints, peak memory"
    ours_peak = _peak(done, "kitaru")
    row = Row("P18", what, ours_peak, rule="at most", limit=64, unit="MB")
    others = [
        Row("P18", what, ours_peak, _peak(done, name), unit="MB") for name in lab.others
    ]
    return Findings([row, *others])


def commands(lab: Lab) -> Findings:
    """What operators ask most, with a thousand executions stored."""
    store = lab.store()
    lab.python("trivial.py", 1, store=store)
    multiply(store, STORED)
    ((execution_id,),) = query(
        journal_of(store), "SELECT execution_id FROM executions"
    )[:1]
    asked = {
        "kitaru": (),
        "executions list": ("executions", "list"),
        "executions get": ("executions", "get", execution_id),
        "executions logs": ("executions", "logs", execution_id),
    }
    done = lab.in_turns(
        lab.count(5, 2),
        {
            "pass": lambda: lab.code("pass", store=store),
            **{
                name: partial(lab.kitaru, store, *words)
                for name, words in asked.items()
            },
        },
    )
    return Findings(
        [
            Row(
                "P17",
                f"{name}, {STORED} stored, CPU",
                _cpu(done, name, "Kitaru"),
                _cpu(done, "pass", "python -c pass, CPU"),
                rule="at most",
                limit=0.4,
            )
            for name in asked
        ]
    )


def warm_runs(lab: Lab) -> Findings:
    """Later runs of 100 checkpoints in one process."""
    ours, folder = lab.store(), lab.folder()
    done = lab.in_turns(
        lab.count(4, 1),
        {
            "kitaru": lambda: lab.python("trivial.py", COUNT, RUNS, store=ours),
            "none": lambda: lab.python("trivial.py", 0, RUNS, store=ours),
            **lab.by_others("warm", COUNT, RUNS, folder=folder),
        },
    )

    def later(name: str) -> Measured:
        taken = [
            end - begin
            for run in done[name]
            for begin, end in pairwise(run.said["ends"])
        ]
        return side(
            name,
            taken[1:],
            full=done[name],
            empty=done["none"] if name == "kitaru" else (),
            checkpoints=COUNT * RUNS,
        )

    what = f"later run of {COUNT} checkpoints in one process"
    return Findings(
        [
            Row(
                "P19",
                what,
                later("kitaru"),
                later(name),
                limit=1 / 3 if name == "DBOS" else None,
            )
            for name in lab.others
        ]
    )


def first_run(lab: Lab) -> Findings:
    """The first run ever on a machine, beside the second."""
    first: list[Finished] = []
    second: list[Finished] = []
    for _ in range(lab.count(5, 2)):
        store = lab.folder()
        first.append(lab.python("trivial.py", COUNT, store=store))
        second.append(lab.python("trivial.py", COUNT, store=store))
        assert query(database_of(store), "SELECT count(*) FROM pipeline_run") == [(2,)]
    return Findings(
        [
            Row(
                "P20",
                "first run on a machine, to the result",
                side("kitaru", to_result(first)),
                side("the second", to_result(second)),
                rule="plus",
                limit=1.0,
            )
        ]
    )


def _cpu(
    done: dict[str, list[Finished]], key: str, name: str | None = None
) -> Measured:
    return side(name or key, [one.cpu for one in done[key]], full=done[key])


def _whole(done: dict[str, list[Finished]], key: str) -> Measured:
    return side(key, seconds(done[key]), full=done[key])


def _peak(done: dict[str, list[Finished]], key: str) -> Measured:
    return side(key, _megabytes(done[key]))


def _megabytes(done: Sequence[Finished]) -> list[float]:
    return [one.peak_mb for one in done]
