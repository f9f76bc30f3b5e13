"""Which graphs have `KitaruLangGraphMiddleware` in them."""

from __future__ import annotations

from typing import Any

from langgraph.pregel import Pregel

MODEL_REQUEST = "model_request"
TOOL_CALL = "tool_call"

# A channel that nothing ever writes. The middleware brings it along in its state, which
# is what is left of it in a compiled graph.
CHANNEL = "kitaru_durable"


def is_marked(graph: Pregel[Any, Any, Any, Any]) -> bool:
    """Whether the middleware is in a graph, or in one inside it."""
    graphs = [graph, *(inner for _, inner in graph.get_subgraphs(recurse=True))]
    return any(
        CHANNEL in found.channels or any(map(_records_tools, found.nodes.values()))
        for found in graphs
        if isinstance(found, Pregel)
    )


def _records_tools(node: Any) -> bool:
    """Whether it is a `ToolNode` that was given the middleware's method."""
    for name in ("_wrap_tool_call", "_awrap_tool_call"):
        wrapper = getattr(getattr(node, "bound", None), name, None)
        owner = getattr(wrapper, "__self__", None)
        if getattr(owner, "is_kitaru", False):
            return True
    return False
