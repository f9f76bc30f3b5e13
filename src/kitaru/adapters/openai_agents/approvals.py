"""Approvals of tool calls, and the waits of the flow that carry them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.items import ToolApprovalItem

from kitaru.adapters._shared import identity, questions, runs
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters._shared.questions import Question
from kitaru.adapters.openai_agents.results import (
    OpenAIRunRequest,
    OpenAIRunResult,
    PendingApproval,
)
from kitaru.adapters.openai_agents.tools import shown
from kitaru.errors import KitaruUsageError

_ADVICE = "Run the agent from the flow, or allow its tools without asking"


def pending(items: Sequence[ToolApprovalItem]) -> tuple[PendingApproval, ...]:
    """Return what an interrupted run waits for, in the order of the model's answer."""
    return tuple(
        PendingApproval(
            call_id=item.call_id or "",
            tool=item.tool_name or "",
            agent=item.agent.name,
            arguments=shown(item.arguments),
        )
        for item in items
    )


def decide(state: Any, decisions: Mapping[str, bool]) -> None:
    """Put decisions into the SDK's state of a run.

    Raises:
        KitaruUsageError: If a call is not decided, or a decision is no call's.
    """
    items = {item.call_id: item for item in state.get_interruptions()}
    if missing := [call_id for call_id in items if call_id not in decisions]:
        raise KitaruUsageError(
            f"no decision was given for call {missing[0]!r}; decisions are "
            "{call_id: True or False}, one for each of result.interruptions"
        )
    if unknown := [call_id for call_id in decisions if call_id not in items]:
        raise KitaruUsageError(
            f"no call {unknown[0]!r} waits for a decision; there are "
            + (", ".join(map(repr, items)) or "none")
        )
    for call_id, item in items.items():
        if decisions[call_id]:
            state.approve(item)
        else:
            state.reject(item)


def question(
    approval: PendingApproval, capture: CapturePolicy, timeout: float | None = None
) -> Question:
    """Return what a person is asked about a call."""
    told: dict[str, Any] = {"tool": approval.tool, "agent": approval.agent}
    if capture.tool_arguments:
        told["arguments"] = capture.cleaned(approval.arguments)
    return Question(
        text=f"Allow the call of tool {approval.tool!r}?",
        name=f"approve_{identity.clean(approval.tool)}",
        schema=bool,
        timeout=timeout,
        metadata=told,
        advice=_ADVICE,
    )


async def ask_all(
    approvals: Sequence[PendingApproval],
    run: runs.Run,
    capture: CapturePolicy,
    timeout: float | None,
) -> dict[str, bool]:
    """Ask for all of them at once, and return the decisions."""
    asked = [question(approval, capture, timeout) for approval in approvals]
    answers = await questions.ask_all_from_loop(asked, run)
    return _decisions(approvals, answers)


def wait_for_approval(
    result: OpenAIRunResult, *, timeout: float | None = None
) -> dict[str, bool]:
    """Ask a person about each call that waits, by waits of the flow.

    For `approvals="return"`. All of them are open at once.

    Args:
        result: An interrupted result.
        timeout: Seconds that this process stays and polls; see `kitaru.wait`.

    Returns:
        The decisions by `call_id`, for `build_resume_request`.

    Raises:
        KitaruContextError: Outside a flow body.
    """
    approvals, capture = result.interruptions, CapturePolicy()
    asked = [question(approval, capture, timeout) for approval in approvals]
    return _decisions(approvals, questions.ask_all(asked, None))


def _decisions(
    approvals: Sequence[PendingApproval], answers: Sequence[bool]
) -> dict[str, bool]:
    return {
        approval.call_id: answer
        for approval, answer in zip(approvals, answers, strict=True)
    }


def build_resume_request(
    result: OpenAIRunResult, decisions: Mapping[str, bool]
) -> OpenAIRunRequest:
    """Return what lets an interrupted run go on.

    Raises:
        KitaruUsageError: If the run was not interrupted.
    """
    if result.status != "interrupted":
        raise KitaruUsageError("the run is completed; there is nothing to resume")
    return OpenAIRunRequest.resume(result.state, decisions, frame=result.frame)
