"""Agents of LangChain whose model is a function of the messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from kitaru.adapters.langgraph.langchain import KitaruLangGraphMiddleware

# What a model asks for in one answer: names of tools with their arguments.
Turn = Sequence[tuple[str, dict[str, Any]]]


def outputs(messages: Sequence[BaseMessage]) -> list[str]:
    """Return what tools returned since a person spoke last."""
    last = max(i for i, item in enumerate(messages) if isinstance(item, HumanMessage))
    return [
        str(item.content) for item in messages[last:] if isinstance(item, ToolMessage)
    ]


class Scripted(BaseChatModel):
    """Asks for the tools of each turn, then says how it ends.

    The turn is told by the messages alone, so a new process answers the same.
    """

    turns: Any = ()
    end: Any = " and ".join
    made: Any = None
    label: str = "m"
    failing: Any = None

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any
    ) -> ChatResult:
        last = max(
            i for i, item in enumerate(messages) if isinstance(item, HumanMessage)
        )
        turn = sum(isinstance(item, AIMessage) for item in messages[last:])
        if self.made is not None:
            self.made.append(f"{self.label} {turn + 1}")
        if self.failing is not None and self.failing():
            raise ConnectionError("away")
        if turn < len(self.turns):
            calls = [
                {"name": name, "args": args, "id": f"{len(messages)}-{index}"}
                for index, (name, args) in enumerate(self.turns[turn])
            ]
            answer = AIMessage("", tool_calls=calls)
        else:
            answer = AIMessage(self.end(outputs(messages)))
        answer.usage_metadata = {
            "input_tokens": 10,
            "output_tokens": 5,
            "total_tokens": 15,
        }
        answer.response_metadata = {"model_name": "gpt-5-mini"}
        return ChatResult(generations=[ChatGeneration(message=answer)])


def agent(
    turns: Sequence[Turn] = (),
    tools: Sequence[Any] = (),
    *,
    end: Callable[[list[str]], str] = " and ".join,
    made: list[str] | None = None,
    failing: Callable[[], bool] | None = None,
    label: str = "m",
    name: str = "searcher",
    before: Sequence[Any] = (),
    is_durable: bool = True,
    **options: Any,
) -> Any:
    """Return an agent with the middleware, the innermost."""
    model = Scripted(turns=turns, end=end, made=made, label=label, failing=failing)
    own = [KitaruLangGraphMiddleware()] if is_durable else []
    return create_agent(
        model, list(tools), middleware=[*before, *own], name=name, **options
    )


def asked(text: str = "hi") -> dict[str, Any]:
    """Return the input of an agent."""
    return {"messages": [HumanMessage(text)]}


def said(result: Any) -> str:
    """Return what an agent said last."""
    return str(result.output["messages"][-1].content)
