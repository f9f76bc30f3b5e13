"""What a person is asked about a deferred call, and what the answers decide.

A call of a tool is allowed or not. Claude's own questions, by its tool `AskUserQuestion`,
are answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kitaru.adapters._shared import identity
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters._shared.questions import Question
from kitaru.adapters.claude_agent_sdk.results import PendingPermission

ASK_USER = "AskUserQuestion"
# Whether a call may be made; with what is put into its arguments, if anything is.
Decision = bool | dict[str, Any]

_ADVICE = (
    "Run Claude from the flow, or allow the tool: "
    "ClaudeAgentOptions(allowed_tools=[...])"
)


def questions(
    call: PendingPermission, capture: CapturePolicy, timeout: float | None = None
) -> list[Question]:
    """Return what a person is asked about a call; all of it at once."""
    asked = _asked(call)
    if asked:
        return [_own(item, capture, timeout) for item in asked]
    told: dict[str, Any] = {"tool": call.tool}
    if capture.tool_arguments:
        told["arguments"] = capture.cleaned(call.arguments)
    return [
        Question(
            text=f"Allow Claude to use {call.tool!r}?",
            name=f"approve_{identity.clean(call.tool)}",
            schema=bool,
            timeout=timeout,
            metadata=told,
            advice=_ADVICE,
        )
    ]


def decision(call: PendingPermission, answers: Sequence[Any]) -> Decision:
    """Return what the answers to `questions` decide."""
    asked = _asked(call)
    if not asked:
        return bool(answers[0])
    texts = [
        ", ".join(answer) if isinstance(answer, list) else str(answer)
        for answer in answers
    ]
    said = [str(item["question"]) for item in asked]
    return {"answers": dict(zip(said, texts, strict=True))}


def _asked(call: PendingPermission) -> list[Mapping[str, Any]]:
    """Return Claude's own questions; none where it is about a call."""
    found = call.arguments.get("questions") if call.tool == ASK_USER else None
    if not isinstance(found, list):
        return []
    return [item for item in found if isinstance(item, Mapping) and "question" in item]


def _own(
    item: Mapping[str, Any], capture: CapturePolicy, timeout: float | None
) -> Question:
    """Return a question of Claude's; any text answers it, as at Claude's own keyboard."""
    header = identity.clean(str(item.get("header") or "question"))
    options = {
        str(option.get("label")): str(option.get("description") or "")
        for option in item.get("options") or ()
        if isinstance(option, Mapping)
    }
    return Question(
        text=str(capture.cleaned(item["question"])),
        name=f"answer_{header}",
        schema=list[str] if item.get("multiSelect") else str,
        timeout=timeout,
        metadata={"options": capture.cleaned(options)} if options else {},
        advice=_ADVICE,
    )
