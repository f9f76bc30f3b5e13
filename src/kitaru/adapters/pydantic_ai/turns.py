"""A whole turn of an agent as one checkpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelRequestPart,
    UserPromptPart,
)
from pydantic_ai.run import AgentRunResult

from kitaru.adapters._shared import identity, runs
from kitaru.adapters._shared.boundary import Boundary
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters.pydantic_ai import translate
from kitaru.checkpoints import CheckpointSettings

AGENT_TURN = "agent_turn"


class Turns:
    """Runs turns of one agent.

    Stored are the output, the usage and the new messages, without prompts and
    instructions: the agent and the flow bring those along each time.

    Args:
        agent: The agent.
        name: Its name, in ids.
        settings: Of the checkpoint.
        capture: What to keep beside the result.
    """

    def __init__(
        self,
        agent: AbstractAgent[Any, Any],
        name: str,
        settings: CheckpointSettings,
        capture: CapturePolicy,
    ) -> None:
        self._agent = agent
        self._name = name
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
        history = _history(options)
        fresh: list[AgentRunResult[Any]] = []

        async def work() -> Any:
            if self._capture.prompts and prompt is not None:
                self._capture.keep("prompt", prompt, type="prompt")
            result = await turn()
            if self._capture.responses:
                self._capture.keep("response", result.output, type="response")
            fresh.append(result)
            return _stored_form(result)

        stored: Any = await self._boundary.run(
            AGENT_TURN,
            identity.clean(self._name),
            activity.announce(self._name),
            work,
            inputs={
                "prompt": prompt,
                "history": translate.model_inputs(history, model=None),
            },
        )
        if fresh:
            return fresh[-1]
        if not (isinstance(stored, dict) and {"messages", "result"} <= stored.keys()):
            # Somebody overrode it with another output.
            return AgentRunResult(output=stored)
        return await self._rebuilt(stored, prompt, options)

    async def _rebuilt(
        self, stored: Mapping[str, Any], prompt: Any, options: Mapping[str, Any]
    ) -> AgentRunResult[Any]:
        history = _history(options)
        new = ModelMessagesTypeAdapter.validate_python(stored["messages"])
        first = new[0] if new else None
        if isinstance(first, ModelRequest):
            parts: list[ModelRequestPart] = []
            if stored["system_prompts"]:
                known = ("deps", "model", "message_history", "usage", "model_settings")
                given = {key: options[key] for key in known if key in options}
                parts += await self._agent.system_prompt_parts(prompt=prompt, **given)
            if prompt is not None:
                parts.append(UserPromptPart(prompt))
            new[0] = replace(first, parts=[*parts, *first.parts])
        return _adapter().validate_python(
            {
                **stored["result"],
                "messages": [*history, *new],
                "new_message_index": len(history),
                "output": stored["output"],
            }
        )


def _history(options: Mapping[str, Any]) -> Sequence[ModelMessage]:
    """Return the messages a turn begins with."""
    conversation = options.get("conversation")
    if conversation is not None:
        return list(conversation.messages)
    return options.get("message_history") or ()


@cache
def _adapter() -> TypeAdapter[AgentRunResult[Any]]:
    return TypeAdapter(AgentRunResult[Any])


def _stored_form(result: AgentRunResult[Any]) -> dict[str, Any]:
    new = result.new_messages()
    bare = _adapter().dump_python(
        replace(result, output=None), mode="json", exclude={"messages", "metadata"}
    )
    return {
        # As it is: the engine keeps its type.
        "output": result.output,
        "result": bare,
        "messages": ModelMessagesTypeAdapter.dump_python(
            translate.without_prompts(new), mode="json"
        ),
        "system_prompts": any(
            part.part_kind == "system-prompt"
            for message in new
            for part in message.parts
        ),
    }
