"""Tools that look at executions and steer them."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastmcp import Context
from mcp_types import InputRequiredResult
from pydantic import Field

from kitaru._core.words import paging
from kitaru._ops import (
    breakpoints,
    comparisons,
    executions,
    flow_targets,
    replays,
    waits,
)
from kitaru._ops.capabilities import MCP, Op, exposes
from kitaru.errors import KitaruUsageError
from kitaru.mcp import answers, portions, wording
from kitaru.mcp.parameters import (
    Budget,
    ExecutionId,
    FlowTarget,
    Key,
    Limit,
    NewAttributes,
    NewTags,
    PageNumber,
    PageSize,
    Stack,
    WaitSeconds,
)
from kitaru.mcp.progress import in_thread, settled, with_progress
from kitaru.mcp.records import ExecutionResult, Listing, LogExcerpt
from kitaru.mcp.registry import READS, RUNS_CODE, Effect, project_of, tool
from kitaru.models import (
    Breakpoint,
    Comparison,
    Continuation,
    Execution,
    ExecutionStatus,
)

_LOG_ENTRIES = 100
_NO_VALUE = object()

FlowName = Annotated[str | None, Field(description="Only executions of this flow.")]
Status = Annotated[
    ExecutionStatus | None, Field(description="Only executions with this status.")
]
WithTags = Annotated[
    list[str] | None, Field(description="Only those with all of these tags.")
]
Where = Annotated[
    dict[str, str | float | bool] | None,
    Field(description='Only those with all of these attributes: {"customer": "a"}.'),
]
Since = Annotated[
    str | None,
    Field(description="Only begun since: 30m, 12h, 2d, or 2026-11-29T08:00Z."),
]
FailedIn = Annotated[
    str | None,
    Field(description="Only failed ones, and in this checkpoint or invocation id."),
]
CheckpointsPage = Annotated[
    int,
    Field(ge=1, description=f"Which {portions.CHECKPOINTS} checkpoint calls to show."),
]
Detail = Annotated[
    Literal["full", "brief"],
    Field(
        description="brief leaves out artifacts, metadata, attempts and tracebacks: for "
        "big executions, and to look again."
    ),
]
Selectors = Annotated[
    tuple[str, ...],
    Field(
        description="Checkpoints, for every call of each, and invocation ids of calls "
        "before which it is to stop."
    ),
]


@tool("kitaru_executions_list", title="List executions", effect=READS)
@exposes(Op.EXECUTION_LIST, on=MCP)
def list_executions(
    flow: FlowName = None,
    status: Status = None,
    tags: WithTags = None,
    where: Where = None,
    since: Since = None,
    failed_in: FailedIn = None,
    page: PageNumber = 1,
    size: PageSize = paging.DEFAULT_SIZE,
    limit: Limit = None,
) -> Listing[Execution]:
    """List executions of durable flows, newest first, without their checkpoint calls."""
    found = executions.find(
        flow=flow,
        status=status,
        tags=tags or (),
        where=where,
        since=since,
        failed_in=failed_in,
        page=page,
        size=size,
        limit=limit,
    )
    return portions.executions(found)


@tool("kitaru_executions_get", title="Show an execution", effect=READS, is_full=True)
@exposes(Op.EXECUTION_GET, on=MCP)
def get(
    exec_id: ExecutionId, checkpoints_page: CheckpointsPage = 1, detail: Detail = "full"
) -> ExecutionResult:
    """Show an execution: status, checkpoint calls, artifacts, failure, and its open wait.

    The open wait has the question and the JSON schema of the answer.
    """
    found = executions.get(exec_id)
    is_brief = detail == "brief"
    return portions.execution_result(found, page=checkpoints_page, is_brief=is_brief)


@tool("kitaru_executions_latest", title="Show the newest execution", effect=READS)
@exposes(Op.EXECUTION_LATEST, on=MCP)
def latest(
    flow: FlowName = None, status: Status = None, detail: Detail = "full"
) -> ExecutionResult:
    """Show the newest execution, of one flow or with one status if asked for."""
    found = executions.latest(flow=flow, status=status)
    return portions.execution_result(found, is_brief=detail == "brief")


@tool("get_execution_logs", title="Read an execution's log", effect=READS)
@exposes(Op.EXECUTION_LOGS, on=MCP)
def logs(
    exec_id: ExecutionId,
    checkpoint: Annotated[
        str | None, Field(description="Only this checkpoint or invocation id.")
    ] = None,
    source: Annotated[
        Literal["step", "runner", "all"],
        Field(description="Inside checkpoints, around them, or both."),
    ] = "all",
    limit: Annotated[
        int, Field(ge=1, le=1000, description="The last so many entries.")
    ] = _LOG_ENTRIES,
) -> LogExcerpt:
    """Read what a flow and its checkpoints printed and logged: the last entries."""
    asked = executions.logs(
        exec_id, checkpoint=checkpoint, source=source, limit=limit + 1
    )
    found = [portions.log_entry(entry) for entry in asked]
    older = ("there are older entries; ask for more with `limit`",)
    return LogExcerpt(
        items=tuple(found[-limit:]), notes=older if len(found) > limit else ()
    )


@tool("kitaru_executions_run", title="Run a flow", effect=RUNS_CODE)
@exposes(Op.EXECUTION_LAUNCH, on=MCP)
async def run(
    ctx: Context,
    target: FlowTarget,
    args: Annotated[
        dict[str, Any] | None, Field(description="Arguments of the flow by name.")
    ] = None,
    stack: Stack = None,
    key: Key = None,
    tags: NewTags = None,
    attributes: NewAttributes = None,
    budget: Budget = None,
    break_before: Selectors = (),
    wait_seconds: WaitSeconds = 0,
) -> ExecutionResult:
    """Start a new execution of a flow of the project; it runs in a process of its own.

    Returns at once with the execution, which goes on whatever becomes of this call.
    Arguments are checked before anything starts.
    """
    started = await in_thread(
        partial(
            flow_targets.start_elsewhere,
            target,
            project=project_of(ctx),
            inputs=args,
            stack=stack,
            budget=budget,
            break_before=break_before,
            found_by={"key": key, "tags": tags, "attributes": attributes},
        )
    )
    return await result_of(ctx, started.exec_id, wait_seconds, *started.notes)


@tool(
    "kitaru_executions_input",
    title="Answer a wait",
    effect=RUNS_CODE,
    result=ExecutionResult,
)
@exposes(Op.WAIT_INPUT, on=MCP)
async def provide_input(
    ctx: Context,
    exec_id: ExecutionId,
    value: Annotated[
        bool | int | float | str | list[Any] | dict[str, Any] | None,
        Field(
            default_factory=lambda: _NO_VALUE,
            description="The answer: JSON data that fits the wait's schema, null for a "
            "plain gate. Left out, the user is asked with a form.",
        ),
    ],
    wait: Annotated[
        str | None,
        Field(description="Name or id of the wait; the open one by default."),
    ] = None,
    digest: Annotated[
        str | None,
        Field(
            description="The digest of the wait that the user was shown; if something "
            "else is asked by now, the answer is refused."
        ),
    ] = None,
    wait_seconds: WaitSeconds = 0,
) -> ExecutionResult | InputRequiredResult:
    """Answer the open wait of an execution, which then goes on by itself.

    Waits are decisions of people: pass what the user decided, or leave `value` out to
    have the user asked. An answer that does not fit changes nothing.
    """
    found = await in_thread(partial(waits.find, exec_id, wait))
    if value is _NO_VALUE:
        asked = await answers.ask(ctx, found)
        if isinstance(asked, InputRequiredResult):
            return asked
        if isinstance(asked, answers.NotGiven):
            note = "the user did not answer; nothing was stored, the wait stays open"
            return await result_of(ctx, exec_id, 0, note)
        value = asked.value  # type: ignore[assignment]  # checked against the schema
    answer = answers.read_leniently(found, value)
    going_on = await in_thread(
        partial(
            waits.provide_input,
            exec_id,
            wait=found.wait_id,
            value=answer,
            digest=digest,
            surface="mcp",
        )
    )
    return await result_of(ctx, exec_id, wait_seconds, *_how(going_on))


@tool("kitaru_executions_retry", title="Retry a failed execution", effect=RUNS_CODE)
@exposes(Op.EXECUTION_RETRY, on=MCP)
async def retry(
    ctx: Context, exec_id: ExecutionId, wait_seconds: WaitSeconds = 0
) -> ExecutionResult:
    """Let a failed execution go on in a new process; finished checkpoints are kept."""
    going_on = await in_thread(partial(executions.retry, exec_id))
    return await result_of(ctx, exec_id, wait_seconds, *_how(going_on))


@tool("kitaru_executions_replay", title="Replay an execution", effect=RUNS_CODE)
@exposes(Op.EXECUTION_REPLAY, on=MCP)
async def replay(
    ctx: Context,
    exec_id: ExecutionId,
    from_: Annotated[
        str,
        Field(
            description="The first call to run again: checkpoint name, invocation id or "
            "call id. Calls before it give back their recorded results."
        ),
    ],
    args: Annotated[
        dict[str, Any] | None, Field(description="Inputs of the flow to change.")
    ] = None,
    overrides: Annotated[
        dict[str, Any] | None,
        Field(
            description="Recorded results to replace, such as "
            '{"checkpoint.draft": "a new text"}.'
        ),
    ] = None,
    reuse_waits: Annotated[
        bool, Field(description="Take over answers given before that call.")
    ] = False,
    break_before: Selectors = (),
    step: Annotated[
        bool, Field(description="Stop before every call that runs.")
    ] = False,
    budget: Budget = None,
    wait_seconds: WaitSeconds = 0,
) -> ExecutionResult:
    """Run an execution again from a chosen checkpoint, as a new execution.

    The new execution runs in a process of its own. Data outside Kitaru is as it is now.
    """
    started = await in_thread(
        partial(
            replays.start_elsewhere,
            exec_id,
            from_=from_,
            inputs=args,
            overrides=overrides,
            reuse_waits=reuse_waits,
            break_before=break_before,
            step=step,
            budget=budget,
        )
    )
    notes = (*started.notes, wording.for_assistants(started.how_to_compare))
    return await result_of(ctx, started.exec_id, wait_seconds, *notes)


@tool(
    "kitaru_executions_break",
    title="Set and remove breakpoints",
    effect=Effect(
        read_only=False, destructive=False, idempotent=True, open_world=False
    ),
)
@exposes(Op.BREAK, on=MCP)
def set_breakpoints(
    exec_id: Annotated[
        str | None,
        Field(description="Execution id, or its beginning; or give `next_of`."),
    ] = None,
    next_of: Annotated[
        str | None,
        Field(
            description="Name of a flow: stop the next start of it, whoever makes it."
        ),
    ] = None,
    before: Selectors = (),
    remove: Annotated[
        tuple[str, ...], Field(description="Breakpoints to take away.")
    ] = (),
) -> Listing[Breakpoint]:
    """Let an execution, or the next start of a flow, stop before calls to be looked at.

    It then waits at `break:CALL`; answer that with an action: continue, step, override
    with a value, or stop. Returns the breakpoints that are set.
    """
    if (exec_id is None) == (next_of is None):
        raise KitaruUsageError("give either exec_id or next_of")
    if exec_id is not None:
        found = breakpoints.change(exec_id, add=before, remove=remove)
    else:
        assert next_of is not None
        found = breakpoints.change_next(next_of, add=before, remove=remove)
    size = max(len(found), 1)
    return Listing(items=tuple(found), total=len(found), page=1, size=size)


@tool(
    "kitaru_executions_cancel",
    title="Cancel an execution",
    effect=Effect(
        read_only=False, destructive=True, idempotent=False, open_world=False
    ),
)
@exposes(Op.EXECUTION_CANCEL, on=MCP)
async def cancel(ctx: Context, exec_id: ExecutionId) -> ExecutionResult:
    """Stop an execution: a waiting one at once, a running one at its next checkpoint.

    Its process is ended by force after ten seconds.
    """
    work = partial(executions.cancel, exec_id, surface="mcp")
    return portions.execution_result(
        await with_progress(ctx, work, "asking it to stop")
    )


@tool("kitaru_executions_compare", title="Compare two executions", effect=READS)
@exposes(Op.EXECUTION_COMPARE, on=MCP)
def compare(
    a: Annotated[str, Field(description="The first: execution id, or its beginning.")],
    b: Annotated[str, Field(description="The second, such as a replay of the first.")],
) -> Comparison:
    """Show where two executions of one flow part, and what each call took.

    `first` names the first difference. Calls are aligned by invocation id; `reused` and
    `same` ones have equal results.
    """
    return portions.comparison(comparisons.compare(a, b))


async def result_of(
    ctx: Context, exec_id: str, wait_seconds: float, *notes: str
) -> ExecutionResult:
    """Return an execution as a tool tells of it, after it had time to settle."""
    execution = await settled(ctx, exec_id, within=wait_seconds)
    return portions.execution_result(execution, notes=notes)


_GOES_ON = ("runner", "process", "queue", "here", "stack", "server")


def _how(going_on: Continuation) -> tuple[str, ...]:
    """Return the reason why an execution does not go on, if it does not."""
    return () if going_on.how in _GOES_ON else (going_on.how,)
