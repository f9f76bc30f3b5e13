"""`KitaruLangGraphMiddleware`: the calls of a LangChain agent as checkpoints.

It belongs last into `create_agent(middleware=[…])`, next to the calls themselves, and
works in a graph that `KitaruGraphRunner` runs with `checkpoint_strategy="calls"`.
"""

from __future__ import annotations

from kitaru.adapters._shared import extras as _extras

_extras.require(
    "langchain.agents.middleware",
    names=("AgentMiddleware", "ToolErrorMiddleware"),
    distribution="langchain",
    needed=">=1.4,<2",
    extra="langgraph",
    adapter=__name__,
)

# Only after the check, whose message says what to do.
# ruff: noqa: E402
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Never, NotRequired

from langchain.agents.middleware import AgentMiddleware, AgentState
from langchain.agents.middleware.types import (
    ModelRequest,
    ModelResponse,
    PrivateStateAttr,
    ToolCallRequest,
)

from kitaru._core.settings import options
from kitaru.adapters.langgraph.calls import ModelCall, ToolCall, is_recorded, noted
from kitaru.adapters.langgraph.marks import MODEL_REQUEST, TOOL_CALL

__all__ = ["KitaruLangGraphMiddleware"]


class _State(AgentState[Any]):
    """What is left of the middleware in a compiled graph; nothing writes it."""

    kitaru_durable: NotRequired[Annotated[bool, PrivateStateAttr]]


class KitaruLangGraphMiddleware(AgentMiddleware[Any, Any, Any]):
    """Makes the model requests and tool calls of an agent checkpoints of the flow.

    Settings are those of the `KitaruGraphRunner`. Outside a flow it changes nothing.

    Args:
        **unknown: Refused.

    Raises:
        KitaruUsageError: For any option.

    Example:
        >>> from langchain.agents import create_agent
        >>> from langchain_core.language_models.fake_chat_models import FakeListChatModel
        >>> model = FakeListChatModel(responses=["hello"])
        >>> agent = create_agent(model, middleware=[KitaruLangGraphMiddleware()])
        >>> agent.invoke({"messages": [("user", "hi")]})["messages"][-1].content
        'hello'
    """

    state_schema = _State
    is_kitaru = True

    def __init__(self, **unknown: Never) -> None:
        options.check(unknown, {}, type(self).__name__)
        super().__init__()

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        """Return the model's answer, or the one it gave before."""
        if not is_recorded(MODEL_REQUEST):
            with noted(MODEL_REQUEST, "model"):
                return handler(request)
        return ModelCall(request).run(lambda: handler(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Do the same, awaited."""
        if not is_recorded(MODEL_REQUEST):
            with noted(MODEL_REQUEST, "model"):
                return await handler(request)
        return await ModelCall(request).arun(lambda: handler(request))

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Any]
    ) -> Any:
        """Return what a tool returns, or what it returned before."""
        if not is_recorded(TOOL_CALL):
            with noted(TOOL_CALL, request.tool_call["name"]):
                return handler(request)
        return ToolCall(request).run(lambda: handler(request))

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[Any]],
    ) -> Any:
        """Do the same, awaited."""
        if not is_recorded(TOOL_CALL):
            with noted(TOOL_CALL, request.tool_call["name"]):
                return await handler(request)
        return await ToolCall(request).arun(lambda: handler(request))
