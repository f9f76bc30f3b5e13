"""The workloads in LangGraph with a `SqliteSaver`, every step durable before the next.

`langgraph_flows.py COMMAND ARGUMENTS`; the commands are the functions in `COMMANDS`.
"""

from __future__ import annotations

import operator
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from saying import forty_bodies, say

FOLDER = Path(os.environ["BENCH_FOLDER"])
BEGAN: list[float] = []


class Counted(TypedDict):
    n: int
    count: int


class Rested(TypedDict):
    naps: int
    rested: Annotated[list[int], operator.add]


def advance(state: Counted) -> dict[str, int]:
    BEGAN.append(time.perf_counter())
    return {"n": state["n"] + 1}


def noted(state: Counted) -> dict[str, int]:
    return {"n": forty_bodies(FOLDER, state["n"] + 1)}


def nap(state: dict[str, int]) -> dict[str, list[int]]:
    time.sleep(0.05)
    return {"rested": [state["n"]]}


def loop(body: Any) -> StateGraph[Any]:
    """Return a graph with a cycle, as the loop of an agent is one."""
    graph = StateGraph(Counted)
    graph.add_node("body", body)
    graph.add_edge(START, "body")
    graph.add_conditional_edges(
        "body", lambda state: "body" if state["n"] < state["count"] else END
    )
    return graph


def invoke(graph: StateGraph[Any], given: Any, thread: str, **options: Any) -> Any:
    configurable = {"thread_id": thread} | options.pop("configurable", {})
    config = {"configurable": configurable, "recursion_limit": 100_000} | options
    with SqliteSaver.from_conn_string(str(FOLDER / "langgraph.sqlite")) as saver:
        compiled = graph.compile(checkpointer=saver)
        return compiled.invoke(given, config, durability="sync")


def steps(count: int) -> None:
    thread = str(time.time_ns())
    if count:
        state = invoke(loop(advance), {"n": 0, "count": count}, thread)
        assert state["n"] == count
    moments = [*BEGAN, time.perf_counter()]
    each = [after - before for before, after in pairwise(moments)]
    say(each=each, result_at=time.monotonic())


def warm(count: int, runs: int) -> None:
    ends = [time.monotonic()]
    for _ in range(runs):
        state = invoke(loop(advance), {"n": 0, "count": count}, str(time.time_ns()))
        assert state["n"] == count
        ends.append(time.monotonic())
    say(ends=ends, result_at=ends[-1])


def keep(count: int, thread: str) -> None:
    """Run a graph that others go back in."""
    invoke(loop(advance), {"n": 0, "count": count}, thread)


def fork(thread: str, step: int, count: int) -> None:
    """Go on from the state before a step, in the same thread."""
    with SqliteSaver.from_conn_string(str(FOLDER / "langgraph.sqlite")) as saver:
        compiled = loop(advance).compile(checkpointer=saver)
        history = compiled.get_state_history({"configurable": {"thread_id": thread}})
        before = next(state for state in history if state.values["n"] == step - 1)
    state = invoke(
        loop(advance), None, thread, configurable=before.config["configurable"]
    )
    assert state["n"] == count
    say(result_at=time.monotonic(), bodies=len(BEGAN))


def fan_out(times: int, count: int) -> None:
    graph = StateGraph(Rested)
    graph.add_node("nap", nap)
    graph.add_conditional_edges(
        START, lambda state: [Send("nap", {"n": n}) for n in range(state["naps"])]
    )
    taken = []
    for _ in range(times + 1):
        began = time.perf_counter()
        thread = str(time.time_ns())
        state = invoke(graph, {"naps": count}, thread, max_concurrency=10)
        taken.append(time.perf_counter() - began)
        assert sum(state["rested"]) == sum(range(count))
    say(each=taken[1:])


def die() -> None:
    invoke(loop(noted), {"n": 0, "count": 40}, "forty")


def recover() -> None:
    assert invoke(loop(noted), None, "forty")["n"] == 40
    say(result_at=time.monotonic())


COMMANDS = {
    command.__name__: command
    for command in (steps, warm, keep, fork, fan_out, die, recover)
}

if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    COMMANDS[name](*(int(a) if a.isdigit() else a for a in arguments))  # type: ignore[operator]
