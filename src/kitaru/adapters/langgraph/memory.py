"""Threads that live in the memory of a process, stored beside the results of a graph.

Only so can a graph that is one checkpoint go on in another process; its recorded parts
are not run again there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.pregel import Pregel

from kitaru.adapters.langgraph.given import Given

_Graph = Pregel[Any, Any, Any, Any]


def stored_thread(graph: _Graph, thread_id: str | None, given: Given) -> Any:
    """Return the newest state of a thread in all its namespaces; `None` if it lasts.

    It is written by the serializer of the graph's checkpointer.
    """
    saver = graph.checkpointer
    if thread_id is None or not isinstance(saver, InMemorySaver):
        return None
    newest: dict[str, Any] = {}
    # The newest come first.
    for saved in saver.list({"configurable": {"thread_id": thread_id}}):
        namespace = saved.config["configurable"].get("checkpoint_ns", "")
        values = given.left_out(saved.checkpoint["channel_values"])
        newest.setdefault(
            namespace,
            {
                "checkpoint": {**saved.checkpoint, "channel_values": values},
                "metadata": dict(saved.metadata),
                "writes": [list(write) for write in saved.pending_writes or ()],
            },
        )
    return saver.serde.dumps_typed(newest)


def restore(graph: _Graph, thread_id: str | None, stored: Any, given: Given) -> None:
    """Put a stored thread into the memory of this process, unless it is there."""
    saver = graph.checkpointer
    if thread_id is None or not isinstance(saver, InMemorySaver):
        return
    newest: Mapping[str, Any] = saver.serde.loads_typed(stored)
    for namespace, saved in newest.items():
        checkpoint = saved["checkpoint"]
        place: Any = {"thread_id": thread_id, "checkpoint_ns": namespace}
        at: Any = {"configurable": {**place, "checkpoint_id": checkpoint["id"]}}
        if saver.get_tuple(at) is not None:
            continue
        values = given.put_back(checkpoint["channel_values"])
        whole: Any = {**checkpoint, "channel_values": values}
        config = saver.put(
            {"configurable": place},
            whole,
            saved["metadata"],
            checkpoint["channel_versions"],
        )
        by_task: dict[str, list[tuple[str, Any]]] = {}
        for task, channel, value in saved["writes"]:
            by_task.setdefault(task, []).append((channel, value))
        for task, writes in by_task.items():
            saver.put_writes(config, writes, task)
