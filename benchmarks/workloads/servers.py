"""P22: what a team's server costs a command and a flow."""

from __future__ import annotations

from functools import partial

from benchmarks.figures import Findings, Row
from benchmarks.lab import Lab, journal_of, query
from benchmarks.sides import seconds, side, to_result
from tests.support import server

COUNT = 100
THROUGH_ZENML = {"KITARU_ENGINE": "zenml"}


def through_a_server(lab: Lab) -> Findings:
    """Commands and a flow through a server with logins, by an API key."""
    with server.running(lab.store(), lab.folder() / "server") as team:
        named = {"KITARU_SERVER_URL": team.url, "KITARU_AUTH_TOKEN": team.api_key}
        return _measured(lab, named)


def _measured(lab: Lab, named: dict[str, str]) -> Findings:
    store, alone = lab.store(), lab.store()
    lab.python("trivial.py", 3, store=store, environment=named)
    ((execution_id,),) = query(
        journal_of(store), "SELECT execution_id FROM executions"
    )[:1]
    asked = {
        "executions list": ("executions", "list"),
        "executions get": ("executions", "get", execution_id),
        "executions logs": ("executions", "logs", execution_id),
    }
    done = lab.in_turns(
        lab.count(5, 2),
        {
            **{
                name: partial(lab.kitaru, store, *words, environment=named)
                for name, words in asked.items()
            },
            **{
                f"{name}, ZenML": partial(
                    lab.kitaru, store, *words, environment=named | THROUGH_ZENML
                )
                for name, words in asked.items()
            },
            "server": lambda: lab.python(
                "trivial.py", COUNT, store=store, environment=named
            ),
            "alone": lambda: lab.python("trivial.py", COUNT, store=alone),
        },
    )
    rows = []
    for name in asked:
        ours, other = done[name], done[f"{name}, ZenML"]
        what = f"{name}, through a server"
        rows += [
            Row(
                "P22",
                what,
                side("kitaru", seconds(ours), full=ours),
                side("through ZenML", seconds(other), full=other),
                rule="at most",
                limit=0.6,
            ),
            Row(
                "P22",
                f"{what}, CPU",
                side("kitaru", [one.cpu for one in ours]),
                side("through ZenML", [one.cpu for one in other]),
            ),
        ]
    flow = Row(
        "P22",
        f"{COUNT} checkpoints through a server, to the result",
        side("kitaru", to_result(done["server"]), full=done["server"]),
        side("on a local store", to_result(done["alone"])),
        rule="at most",
        limit=1.0,
    )
    return Findings([*rows, flow])
