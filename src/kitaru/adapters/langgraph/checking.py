"""What a runner can be told, and which graphs it takes."""

from __future__ import annotations

from collections.abc import Mapping

from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from kitaru._core.settings.options import FLAG, SECONDS, Option, one_of
from kitaru.adapters._shared.options import COMMON
from kitaru.adapters.langgraph import marks
from kitaru.errors import KitaruUsageError

_ANY = Option("anything", lambda value: True)
OPTIONS: Mapping[str, Option] = {
    **COMMON,
    "checkpoint_strategy": one_of("graph_call", "calls"),
    "interrupts": one_of("wait", "return"),
    "wait_timeout": SECONDS.or_none(),
}
RUN_OPTIONS: Mapping[str, Option] = {
    "context": _ANY,
    "durability": one_of("sync", "async", "exit").or_none(),
}
STREAM_OPTIONS: Mapping[str, Option] = {
    **RUN_OPTIONS,
    "stream_mode": Option(
        "a mode of LangGraph's streams, or a list of them",
        lambda value: isinstance(value, str | list | tuple) and bool(value),
    ).or_none(),
    "subgraphs": FLAG,
}


def check_graph(graph: object, strategy: str) -> None:
    """Refuse a graph that cannot be run by a strategy.

    Raises:
        KitaruUsageError: Says what to do.
    """
    if isinstance(graph, StateGraph):
        raise KitaruUsageError(
            "KitaruGraphRunner takes a compiled graph, got a StateGraph; use "
            "builder.compile()"
        )
    if not isinstance(graph, Pregel):
        raise KitaruUsageError(
            "KitaruGraphRunner takes a compiled graph of LangGraph, got "
            f"{type(graph).__name__}"
            + (
                "; a graph elsewhere can be called in a checkpoint"
                if _is_remote(graph)
                else ""
            )
        )
    if graph.interrupt_before_nodes or graph.interrupt_after_nodes:
        raise KitaruUsageError(
            f"graph {graph.get_name()!r} was compiled with interrupt_before or "
            "interrupt_after, which ask nobody anything; call interrupt() in the node, "
            "and it becomes a wait of the flow"
        )
    if strategy == "calls" and not marks.is_marked(graph):
        raise KitaruUsageError(
            f"nothing in graph {graph.get_name()!r} would make checkpoints: with "
            "checkpoint_strategy='calls' an agent needs "
            "create_agent(..., middleware=[KitaruLangGraphMiddleware()]); for other "
            "graphs use checkpoint_strategy='graph_call'"
        )


def _is_remote(graph: object) -> bool:
    return type(graph).__name__ == "RemoteGraph"
