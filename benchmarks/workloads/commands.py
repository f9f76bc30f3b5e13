"""P10 and P11: what commands and imports cost."""

from __future__ import annotations

from figures import Row, Sample
from lab import Finished, Lab
from many import multiply

from workloads.recovery import IMPORT

_KITARU = "import sys, kitaru; sys.exit('zenml' in sys.modules)"
COUNT = 1000


def imports(lab: Lab) -> list[Row]:
    """P10: `kitaru --help` and `import kitaru`, beside an empty Python."""
    store = lab.store()
    nothing: list[Finished] = []
    imported: list[Finished] = []
    helped: list[Finished] = []
    for _ in range(lab.count(15, 5)):
        nothing.append(lab.code("pass", store=store))
        imported.append(lab.code(_KITARU, store=store))
        helped.append(lab.kitaru(store, "--help"))
    pass_seconds = Sample.of([done.seconds for done in nothing])
    pass_cpu = Sample.of([done.cpu for done in nothing])
    return [
        Row(
            "P10",
            "kitaru --help",
            Sample.of([done.seconds for done in helped]),
            "python -c pass",
            pass_seconds,
            rule="at most",
            limit=0.35,
        ),
        Row(
            "P10",
            "import kitaru, CPU",
            Sample.of([done.cpu for done in imported]),
            "python -c pass, CPU",
            pass_cpu,
            rule="at most",
            limit=0.15,
        ),
    ]


def long_list(lab: Lab) -> list[Row]:
    """P11: list executions where there are a thousand."""
    store = lab.store()
    lab.python("trivial.py", 1, store=store)
    multiply(store, COUNT)
    listed: list[float] = []
    imported: list[float] = []
    for _ in range(lab.count(7, 3)):
        imported.append(lab.code(IMPORT, store=store).seconds)
        listed.append(lab.kitaru(store, "executions", "list").seconds)
    return [
        Row(
            "P11",
            f"kitaru executions list, {COUNT} stored",
            Sample.of(listed),
            IMPORT,
            Sample.of(imported),
            rule="plus",
            limit=1.0,
        )
    ]
