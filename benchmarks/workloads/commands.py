"""P10 and P11: what commands and imports cost."""

from __future__ import annotations

from benchmarks.figures import Findings, Row
from benchmarks.lab import Lab
from benchmarks.many import multiply
from benchmarks.sides import IMPORT, seconds, side

_KITARU = "import sys, kitaru; sys.exit('zenml' in sys.modules)"
COUNT = 1000


def imports(lab: Lab) -> Findings:
    """`kitaru --help` and `import kitaru`."""
    store = lab.store()
    done = lab.in_turns(
        lab.count(15, 5),
        {
            "pass": lambda: lab.code("pass", store=store),
            "import": lambda: lab.code(_KITARU, store=store),
            "help": lambda: lab.kitaru(store, "--help"),
        },
    )
    cpu = {name: [process.cpu for process in runs] for name, runs in done.items()}
    return Findings(
        [
            Row(
                "P10",
                "kitaru --help",
                side("Kitaru", seconds(done["help"]), full=done["help"]),
                side("python -c pass", seconds(done["pass"])),
                rule="at most",
                limit=0.35,
            ),
            Row(
                "P10",
                "import kitaru, CPU",
                side("Kitaru", cpu["import"], full=done["import"]),
                side("python -c pass, CPU", cpu["pass"]),
                rule="at most",
                limit=0.15,
            ),
        ]
    )


def long_list(lab: Lab) -> Findings:
    """`kitaru executions list` where there are a thousand."""
    store = lab.store()
    lab.python("trivial.py", 1, store=store)
    multiply(store, COUNT)
    done = lab.in_turns(
        lab.count(7, 3),
        {
            "import": lambda: lab.code(IMPORT, store=store),
            "list": lambda: lab.kitaru(store, "executions", "list"),
        },
    )
    return Findings(
        [
            Row(
                "P11",
                f"kitaru executions list, {COUNT} stored",
                side("Kitaru", seconds(done["list"]), full=done["list"]),
                side(IMPORT, seconds(done["import"])),
                rule="plus",
                limit=1.0,
            )
        ]
    )
