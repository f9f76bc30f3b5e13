"""The workloads in DBOS, on a SQLite system database, as its guide sets it up.

`dbos_flows.py COMMAND ARGUMENTS`; the commands are the functions in `COMMANDS`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextvars import ContextVar
from pathlib import Path

from dbos import DBOS, DBOSClient, SetWorkflowID
from saying import answered, forty_bodies, say

FOLDER = Path(os.environ["BENCH_FOLDER"])
DATABASE = f"sqlite:///{FOLDER / 'dbos.sqlite'}"
DBOS(config={"name": "bench", "system_database_url": DATABASE})

EACH: list[float] = []
HEARD: list[float] = []
BODIES: list[int] = []
free: ContextVar[asyncio.Semaphore] = ContextVar("free")
WIDTH = 10


@DBOS.step()
def advance(n: int) -> int:
    BODIES.append(n)
    return n + 1


@DBOS.workflow()
def trivial(count: int) -> int:
    value = 0
    for _ in range(count):
        began = time.perf_counter()
        value = advance(value)
        EACH.append(time.perf_counter() - began)
    return value


@DBOS.step()
async def nap(n: int) -> int:
    async with free.get():
        await asyncio.sleep(0.05)
    return n


@DBOS.workflow()
async def naps(count: int) -> int:
    free.set(asyncio.Semaphore(WIDTH))
    steps = (nap(n) for n in range(count))
    return sum(await asyncio.gather(*steps, return_exceptions=True))


@DBOS.step()
def noted(n: int) -> int:
    return forty_bodies(FOLDER, n)


@DBOS.workflow()
def forty() -> int:
    return sum(noted(n) for n in range(1, 41))


@DBOS.workflow()
def asking(times: int) -> int:
    for _ in range(times):
        DBOS.recv("answer", timeout_seconds=60)
        HEARD.append(time.monotonic())
    return times


def steps(count: int) -> None:
    DBOS.launch()
    assert trivial(count) == count
    say(each=EACH, result_at=time.monotonic())


def warm(count: int, runs: int) -> None:
    DBOS.launch()
    ends = [time.monotonic()]
    for _ in range(runs):
        assert trivial(count) == count
        ends.append(time.monotonic())
    say(ends=ends, result_at=ends[-1])


def keep(count: int, workflow_id: str) -> None:
    """Run a workflow that others fork."""
    DBOS.launch()
    with SetWorkflowID(workflow_id):
        assert trivial(count) == count


def fork(workflow_id: str, step: int, count: int) -> None:
    DBOS.launch()
    assert DBOS.fork_workflow(workflow_id, step).get_result() == count
    say(result_at=time.monotonic(), bodies=len(BODIES))


def fan_out(times: int, count: int) -> None:
    DBOS.launch()
    taken = []
    for _ in range(times + 1):
        began = time.perf_counter()
        assert asyncio.run(naps(count)) == sum(range(count))
        taken.append(time.perf_counter() - began)
    say(each=taken[1:])


def die() -> None:
    DBOS.launch()
    with SetWorkflowID("forty"):
        forty()


def recover() -> None:
    DBOS.launch()
    DBOS.retrieve_workflow("forty").get_result()
    say(result_at=time.monotonic())


def ask(times: int) -> None:
    DBOS.launch()
    with SetWorkflowID("asking"):
        handle = DBOS.start_workflow(asking, times)
    (FOLDER / "asking.id").write_text("asking")
    handle.get_result()
    say(heard=HEARD)


def answer(times: int) -> None:
    client = DBOSClient(system_database_url=DATABASE)

    def waits_again() -> None:
        """Leave the workflow the second in which it hears the answer before."""
        time.sleep(1.2)

    def one() -> None:
        client.send("asking", True, "answer")

    say(given=answered(times, waits_again, one))


COMMANDS = {
    command.__name__: command
    for command in (steps, warm, keep, fork, fan_out, die, recover, ask, answer)
}

if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    COMMANDS[name](*(int(a) if a.isdigit() else a for a in arguments))  # type: ignore[operator]
    DBOS.destroy()
