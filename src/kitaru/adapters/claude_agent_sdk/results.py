"""What goes into a run of Claude, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from claude_agent_sdk import Message

from kitaru.errors import KitaruUsageError
from kitaru.models import Usage

Status = Literal["completed", "deferred"]


@dataclass(frozen=True)
class PendingPermission:
    """A call of a tool that waits for a person's word.

    Attributes:
        call_id: The id that the model gave the call.
        tool: Name of the tool, such as `Bash` or `mcp__server__tool`.
        arguments: What it is called with.
    """

    call_id: str
    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ClaudeRunRequest:
    """What to run: a beginning, or what goes on in a session.

    Made by `start` and `resume`.
    """

    prompt: str
    session_id: str | None = None

    @classmethod
    def start(cls, prompt: str) -> ClaudeRunRequest:
        """Begin a session with a prompt.

        Raises:
            KitaruUsageError: If the prompt is no text.

        Example:
            >>> ClaudeRunRequest.start("Review the code").prompt
            'Review the code'
        """
        return cls(_checked(prompt))

    @classmethod
    def resume(cls, session_id: str, prompt: str) -> ClaudeRunRequest:
        """Go on in a session.

        Args:
            session_id: `ClaudeRunResult.session_id` of an earlier run of this flow, or
                a session that Claude Code keeps on this machine.
            prompt: What is said next.

        Raises:
            KitaruUsageError: If one of them is no text.
        """
        given: object = session_id
        if not (isinstance(given, str) and given.strip()):
            raise KitaruUsageError(
                "ClaudeRunRequest.resume() takes the session_id of an earlier result, "
                f"got {given!r}"
            )
        return cls(_checked(prompt), session_id)


def _checked(prompt: object) -> str:
    if not isinstance(prompt, str) or not prompt.strip():
        raise KitaruUsageError(
            f"a prompt for Claude must be a text, got {type(prompt).__name__}"
            + (" without characters" if isinstance(prompt, str) else "")
        )
    return prompt


@dataclass(frozen=True)
class ClaudeRunResult:
    """How a run of Claude ended.

    Attributes:
        output: What Claude said last; with `output_format` the structured output.
        session_id: What `ClaudeRunRequest.resume` goes on with; `None` if somebody gave
            this output in place of a recorded one.
        usage: Requests and tokens of the run, and its cost; of recorded invocations too.
        cost: In USD, as Claude Code says; `None` where it does not.
        messages: The SDK's `AssistantMessage`, `UserMessage` and `ResultMessage`
            objects of the run, in order.
        status: `"completed"`, or `"deferred"`: a hook of yours deferred a call, and
            `permissions="sdk"` leaves the decision to you.
        deferred: That call; `None` if completed.
    """

    output: Any
    session_id: str | None
    usage: Usage
    cost: Decimal | None
    messages: Sequence[Message] = field(default=(), repr=False)
    status: Status = "completed"
    deferred: PendingPermission | None = None
