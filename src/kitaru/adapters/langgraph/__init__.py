"""LangGraph graphs that are durable in a flow.

Example:
    >>> from langchain.agents import create_agent
    >>> from langchain_core.language_models.fake_chat_models import FakeListChatModel
    >>> from kitaru import flow
    >>> from kitaru.adapters.langgraph import KitaruGraphRunner
    >>> from kitaru.adapters.langgraph.langchain import KitaruLangGraphMiddleware
    >>> agent = create_agent(
    ...     FakeListChatModel(responses=["cats purr"]),
    ...     middleware=[KitaruLangGraphMiddleware()],
    ...     name="researcher",
    ... )
    >>> researcher = KitaruGraphRunner(agent, checkpoint_strategy="calls")
    >>> @flow
    ... def research(topic: str) -> str:
    ...     result = researcher.invoke({"messages": [("user", topic)]})
    ...     return result.output["messages"][-1].content
"""

from __future__ import annotations

from kitaru.adapters._shared import extras as _extras

_extras.require(
    "langgraph.errors",
    # What came last: in older versions all questions of a task have one id.
    names=("UnknownInterruptError",),
    distribution="langgraph",
    needed=">=1.2.20,<2",
    extra="langgraph",
    adapter=__name__,
)

# Only after the check, whose message says what to do.
# ruff: noqa: E402
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters.langgraph.interrupts import (
    build_resume_request,
    wait_for_interrupt,
)
from kitaru.adapters.langgraph.results import (
    LangGraphRunRequest,
    LangGraphRunResult,
    PendingInterrupt,
)
from kitaru.adapters.langgraph.runner import KitaruGraphRunner

__all__ = [
    "CapturePolicy",
    "KitaruGraphRunner",
    "LangGraphRunRequest",
    "LangGraphRunResult",
    "PendingInterrupt",
    "build_resume_request",
    "wait_for_interrupt",
]
