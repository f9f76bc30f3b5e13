"""P7 and P8: from an answer to what follows."""

from __future__ import annotations

from figures import Row, Sample
from lab import Lab, until

from workloads.recovery import IMPORT, is_completed


def runner_alive(lab: Lab) -> list[Row]:
    """P7: another process answers; the flow hears of it."""
    times = lab.count(20, 5)
    store, id_file = lab.store(), lab.programs / "asking.id"
    id_file.unlink(missing_ok=True)
    runner = lab.start("asking.py", "ask", times, 60, store=store)
    until("question", id_file.exists)
    until("id", id_file.read_text)
    said = lab.python("asking.py", "answer", id_file.read_text(), times, store=store)
    heard = runner.finish().said["heard"]
    pairs = zip(said.said["given"], heard, strict=True)
    taken = Sample.of([there - given for given, there in pairs])
    what = "answer, to the flow going on"
    return [Row("P7", what, taken, rule="at most", limit=0.05)]


def runner_gone(lab: Lab) -> list[Row]:
    """P8: nobody runs it; the answer starts a process that finishes it."""
    taken: list[float] = []
    imports: list[float] = []
    for _ in range(lab.count(5, 2)):
        store = lab.store()
        imports.append(lab.code(IMPORT, store=store).seconds)
        lab.python("asking.py", "ask", 1, 0, store=store)
        execution_id = (lab.programs / "asking.id").read_text()
        answering = lab.start("asking.py", "answer", execution_id, 1, store=store)
        ended = until("completed execution", lambda s=store: is_completed(s))
        taken.append(ended - answering.finish().said["given"][0])
    return [
        Row(
            "P8",
            "answer, to a complete execution, no runner",
            Sample.of(taken),
            IMPORT,
            Sample.of(imports),
            rule="plus",
            limit=2.0,
        )
    ]
