"""What to do next, in the names of tools instead of commands."""

from __future__ import annotations

import re

from kitaru._core.waits.terms import foremost
from kitaru._core.words import plain
from kitaru._core.words.wording import moment
from kitaru.models import Execution, ExecutionStatus, PendingWait

_TOOLS = {
    "list": "kitaru_executions_list",
    "get": "kitaru_executions_get",
    "input": "kitaru_executions_input",
    "retry": "kitaru_executions_retry",
    "break": "kitaru_executions_break",
    "cancel": "kitaru_executions_cancel",
    "replay": "kitaru_executions_replay",
    "logs": "get_execution_logs",
}
_COMMAND = re.compile(
    rf"kitaru executions (?P<verb>{'|'.join(_TOOLS)})\b"
    r"(?: (?P<id>[0-9a-f][0-9a-f-]{7,35})\b)?(?: --follow\b)?"
)
_COMPARE = re.compile(r"kitaru executions compare ([0-9a-f-]{8,36}) ([0-9a-f-]{8,36})")
_OTHER_TOOLS = {
    "kitaru stack list": "kitaru_stacks_list",
    "kitaru status": "kitaru_status",
}
_OTHER_COMMAND = re.compile(rf"({'|'.join(_OTHER_TOOLS)})\b")
_CLIENT_LISTING = re.compile(r"KitaruClient\(\)\.artifacts\.list\(\w*\)")


def for_assistants(message: str) -> str:
    """Return a message of ours with tools where it names commands that are tools."""
    told = _COMMAND.sub(_as_tool, message)
    told = _COMPARE.sub(r"kitaru_executions_compare(a='\1', b='\2')", told)
    told = _OTHER_COMMAND.sub(lambda match: _OTHER_TOOLS[match[0]], told)
    return readable(_CLIENT_LISTING.sub("kitaru_artifacts_list", told))


def readable(text: str) -> str:
    """Return a text from outside without what a client's window would obey or hide."""
    return "\n".join(plain.block(text))


def _as_tool(match: re.Match[str]) -> str:
    name = _TOOLS[match["verb"]]
    return f"{name}(exec_id={match['id']!r})" if match["id"] else name


def _others(execution: Execution) -> str:
    count = len(execution.pending_waits) - 1
    if count < 1:
        return ""
    return f" {count} more are open, see pending_waits; answer each with wait=NAME."


def next_step(execution: Execution) -> str:
    """Return what an assistant can do with an execution as it is."""
    status, exec_id = execution.status, execution.exec_id
    if execution.pending_wait is not None:
        first = foremost(execution.pending_waits) or execution.pending_wait
        return _at_wait(execution, first)
    if status is ExecutionStatus.COMPLETED:
        results = [a for a in execution.artifacts if a.producing_call is None]
        if not results:
            return "It has completed."
        return (
            "It has completed; its result is "
            f"kitaru_artifacts_get(artifact_id={results[0].artifact_id!r})."
        )
    if status is ExecutionStatus.FAILED:
        return (
            "It failed, see failure; finished checkpoints are kept. After the cause is "
            "gone, kitaru_executions_retry goes on with it."
        )
    if status is ExecutionStatus.CANCELLED:
        return "It was cancelled; kitaru_executions_replay runs it again."
    return (
        "It runs in a process of its own; look again with "
        f"kitaru_executions_get(exec_id={exec_id!r}), see what it prints with "
        "get_execution_logs."
    )


def _at_wait(execution: Execution, wait: PendingWait) -> str:
    """Return what to do with an execution that waits."""
    call = f"kitaru_executions_input(exec_id={execution.exec_id!r}, "
    if wait.kind == "timer":
        return (
            f"It sleeps until {moment(wait.expires_at)} and goes on by itself. To wake it "
            f"now: {call}wait={wait.name!r}, value=null)."
        )
    if wait.kind == "breakpoint":
        return (
            f"It stopped at {wait.name!r}; pending_wait.metadata has the arguments of the "
            f"call. Go on with {call}value={{'action': 'continue'}}), or 'step', "
            "'override' with a 'value' that is the result, or 'stop'."
            + _others(execution)
        )
    return (
        f"It waits for {wait.name!r}, see pending_wait. Answer with "
        f"{call}value=...) what the user "
        "decided, or leave `value` out to have the user asked." + _others(execution)
    )
