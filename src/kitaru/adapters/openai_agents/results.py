"""What goes into a run of an OpenAI agent, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agents import Agent

from kitaru.adapters.openai_agents.context import Agents, Frame
from kitaru.models import Usage

Status = Literal["completed", "interrupted"]


@dataclass(frozen=True)
class PendingApproval:
    """A tool call that waits for a person's word.

    Attributes:
        call_id: The id that the model gave the call; decisions are given by it.
        tool: Name of the tool.
        agent: Name of the agent that calls it.
        arguments: What it is called with.
    """

    call_id: str
    tool: str
    agent: str
    arguments: Any = None


@dataclass(frozen=True)
class OpenAIRunRequest:
    """What to run: a beginning, or what goes on after approvals.

    Made by `start` and `resume`.
    """

    input: Any = None
    context: Any = None
    state: Any = None
    decisions: Mapping[str, bool] = field(default_factory=dict)
    frame: Frame | None = field(default=None, repr=False)

    @classmethod
    def start(cls, input: str | list[Any], *, context: Any = None) -> OpenAIRunRequest:
        """Begin with an input, as the SDK's `Runner.run` takes it.

        Example:
            >>> OpenAIRunRequest.start("hi").input
            'hi'
        """
        return cls(input=input, context=context)

    @classmethod
    def resume(
        cls,
        state: Any,
        decisions: Mapping[str, bool],
        *,
        context: Any = None,
        frame: Frame | None = None,
    ) -> OpenAIRunRequest:
        """Go on with the `state` of an interrupted result.

        Args:
            state: `OpenAIRunResult.state`.
            decisions: Whether each call is allowed, by its `call_id`.
            context: The run's context, where it is no part of the state.
            frame: Where the run stands; `build_resume_request` knows it.
        """
        return cls(state=state, decisions=decisions, context=context, frame=frame)


@dataclass(frozen=True)
class OpenAIRunResult:
    """How a run of an agent ended.

    Attributes:
        output: The last agent's output, of its own type; `None` if interrupted.
        status: `"completed"` or `"interrupted"`.
        interruptions: The calls that wait for approval.
        usage: Tokens of the whole run, recorded answers included.
        last_agent: The user's agent that spoke last.
        state: What `OpenAIRunRequest.resume` goes on with; `None` if completed.
        raw: The SDK's own result; `None` where the run is one recorded checkpoint.
    """

    output: Any
    status: Status
    interruptions: Sequence[PendingApproval]
    usage: Usage
    last_agent: Agent[Any]
    items: Sequence[Any] = field(default=(), repr=False)
    state: Any = field(default=None, repr=False)
    raw: Any = field(default=None, repr=False)
    frame: Frame | None = field(default=None, repr=False)
    # The SDK's items hold their agents by weak references.
    team: Agents | None = field(default=None, repr=False)

    @property
    def final_output(self) -> Any:
        """The output, by the SDK's name for it."""
        return self.output

    def to_input_list(self) -> list[Any]:
        """Return the whole conversation, as the next run takes it."""
        return list(self.items)
