"""A whole turn of an agent as one checkpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    UserPromptPart,
)
from pydantic_ai.run import AgentRunResult

from kitaru.adapters._shared import identity, runs
from kitaru.adapters._shared.boundary import Boundary
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters.pydantic_ai import translate
from kitaru.calls import CheckpointSettings

AGENT_TURN = "agent_turn"


class Turns:
    """Runs turns of one agent.

    Stored are the output, the usage and the new messages, without prompts and
    instructions: those the flow passes in again, and they may hold secrets.

    Args:
        agent: Name of the agent.
        settings: Of the checkpoint.
        capture: What to keep beside the result.
    """

    def __init__(
        self, agent: str, settings: CheckpointSettings, capture: CapturePolicy
    ) -> None:
        self._agent = agent
        self._capture = capture
        self._boundary = Boundary({AGENT_TURN: settings})

    async def run(
        self,
        turn: Callable[[], Awaitable[AgentRunResult[Any]]],
        prompt: Any,
        options: Mapping[str, Any],
    ) -> AgentRunResult[Any]:
        """Run a turn, or rebuild the result it had."""
        activity = runs.activity()
        assert activity is not None  # there is a flow here
        history: Sequence[ModelMessage] = options.get("message_history") or ()

        async def work() -> dict[str, Any]:
            if self._capture.prompts and prompt is not None:
                self._capture.keep("prompt", prompt, type="prompt")
            result = await turn()
            if self._capture.responses:
                self._capture.keep("response", result.output, type="response")
            return _stored_form(result)

        stored = await self._boundary.run(
            AGENT_TURN,
            identity.clean(self._agent),
            activity.announce(self._agent),
            work,
            inputs={
                "prompt": prompt,
                "history": translate.model_inputs(history, model=None),
            },
        )
        return _rebuilt(stored, prompt, history)


def _adapter() -> TypeAdapter[AgentRunResult[Any]]:
    return TypeAdapter(AgentRunResult[Any])


def _stored_form(result: AgentRunResult[Any]) -> dict[str, Any]:
    bare = _adapter().dump_python(
        replace(result, output=None), mode="json", exclude={"messages", "metadata"}
    )
    new = translate.without_prompts(result.new_messages())
    return {
        # As it is: the engine keeps its type.
        "output": result.output,
        "result": bare,
        "messages": ModelMessagesTypeAdapter.dump_python(new, mode="json"),
    }


def _rebuilt(
    stored: Mapping[str, Any], prompt: Any, history: Sequence[ModelMessage]
) -> AgentRunResult[Any]:
    new = ModelMessagesTypeAdapter.validate_python(stored["messages"])
    first = new[0] if new else None
    if prompt is not None and isinstance(first, ModelRequest):
        new[0] = replace(first, parts=[UserPromptPart(prompt), *first.parts])
    return _adapter().validate_python(
        {
            **stored["result"],
            "messages": [*history, *new],
            "new_message_index": len(history),
            "output": stored["output"],
        }
    )
