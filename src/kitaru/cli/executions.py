"""`kitaru executions …`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from kitaru._core.settings import labels
from kitaru._core.words import paging
from kitaru._core.words.wording import many
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import differing, ending, filters, fleet, keyboard, render, screen, tree
from kitaru.cli.filters import FailedIn, FlowName, Since, Status, Tags, Where
from kitaru.cli.groups import group
from kitaru.cli.options import (
    BudgetTokens,
    BudgetUsd,
    Limit,
    Output,
    PageNumber,
    PageSize,
    Yes,
)
from kitaru.cli.output import (
    Format,
    parse_json,
    parse_object,
    show_item,
    show_items,
)
from kitaru.cli.screen import say, tell
from kitaru.errors import KitaruUsageError, KitaruWaitValidationError

app = group("Look at executions and steer them.")


def _known_ids(incomplete: str) -> list[tuple[str, str]]:
    from kitaru._ops import completions

    return completions.execution_ids(incomplete)


Exec = Annotated[
    str,
    typer.Argument(
        metavar="EXEC",
        help="Execution id, or its beginning.",
        autocompletion=_known_ids,
    ),
]
Before = Annotated[
    list[str] | None,
    typer.Option(
        "--break-before",
        metavar="CALL",
        help="Stop before this checkpoint or call; may be given several times.",
    ),
]
MaybeExec = Annotated[
    str | None,
    typer.Argument(
        metavar="EXEC",
        help="Execution id, or its beginning; none with --all.",
        autocompletion=_known_ids,
    ),
]
All = Annotated[
    bool, typer.Option("--all", help="All executions that the filters mean.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="With --all: only say which these are.")
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Stay until it has ended or waits for an answer.")
]


@app.command("list")
@exposes(Op.EXECUTION_LIST, on=CLI)
def list_executions(
    flow: FlowName = None,
    status: Status = None,
    tag: Tags = None,
    where: Where = None,
    since: Since = None,
    failed_in: FailedIn = None,
    page: PageNumber = 1,
    size: PageSize = paging.DEFAULT_SIZE,
    limit: Limit = None,
    output: Output = Format.TEXT,
) -> None:
    """List executions, newest first."""
    from kitaru._ops import executions

    found = executions.find(
        flow=flow,
        status=status,
        tags=tag or (),
        where=labels.pairs(where or (), option="--where"),
        since=since,
        failed_in=failed_in,
        page=page,
        size=size,
        limit=limit,
    )
    show_items("executions list", found.items, output, lambda: render.executions(found))


@app.command("get")
@exposes(Op.EXECUTION_GET, on=CLI)
def get(execution: Exec, output: Output = Format.TEXT) -> None:
    """Show an execution: its checkpoints, its open wait, its failure."""
    from kitaru._ops import executions

    found = executions.get(execution)
    show_item("executions get", found, output, lambda: tree.execution(found))


@app.command("input")
@exposes(Op.WAIT_INPUT, on=CLI)
def provide_input(
    execution: Exec,
    value: Annotated[
        str | None, typer.Option("--value", help="The answer as JSON; none for a gate.")
    ] = None,
    wait: Annotated[
        str | None, typer.Option("--wait", help="Name or id of the wait.")
    ] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Ask for the answer in a form.")
    ] = False,
    go_on: Annotated[
        bool, typer.Option("--continue", help="At a breakpoint: let the call run.")
    ] = False,
    step: Annotated[
        bool,
        typer.Option(
            "--step", help="At a breakpoint: let it run, and stop before the next call."
        ),
    ] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="At a breakpoint: cancel the execution.")
    ] = False,
    digest: Annotated[
        str | None,
        typer.Option(
            help="Digest of the wait as it was shown; refused if it asks otherwise now."
        ),
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """Answer a wait; the execution goes on by itself."""
    from kitaru._ops import executions, waits

    if interactive and value is not None:
        raise KitaruUsageError("--value and -i both give the answer; use one of them")
    action = _action(
        value, interactive, {"continue": go_on, "step": step, "stop": stop}
    )
    answer = None if value is None else parse_json("--value", value)
    open_wait = waits.find(execution, wait)
    if action is not None:
        if open_wait.kind != "breakpoint":
            raise KitaruUsageError(
                f"--{action} is for a breakpoint, and {open_wait.name!r} is a question; "
                f"type: {render.ways_to_answer(open_wait)}"
            )
        value, answer = action, {"action": action}
    if interactive:
        answer = keyboard.fill_in(open_wait)
    elif value is None and open_wait.schema is not None:
        raise KitaruUsageError(
            f"wait {open_wait.name!r} needs an answer; type: "
            f"{render.ways_to_answer(open_wait)}"
        )
    try:
        going_on = waits.answer(open_wait, answer, digest=digest, surface="cli")
    except KitaruWaitValidationError as error:
        raise render.with_an_example(error, open_wait) from error
    found = executions.get(execution)
    show_item(
        "executions input", found, output, lambda: render.goes_on(found, going_on)
    )


def _action(value: str | None, interactive: bool, given: dict[str, bool]) -> str | None:
    """Return what is said at a breakpoint by an option of its own."""
    chosen = [name for name, is_given in given.items() if is_given]
    if len(chosen) + (value is not None) + interactive > 1:
        options = ", ".join(f"--{name}" for name in chosen)
        raise KitaruUsageError(f"{options}: give one answer only")
    return chosen[0] if chosen else None


@app.command("retry")
@exposes(Op.EXECUTION_MANY, on=CLI)
@exposes(Op.EXECUTION_RETRY, on=CLI)
def retry(
    execution: MaybeExec = None,
    wait: Wait = False,
    many: All = False,
    flow: FlowName = None,
    status: Status = None,
    tag: Tags = None,
    where: Where = None,
    since: Since = None,
    failed_in: FailedIn = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = Format.TEXT,
) -> None:
    """Let a failed execution go on, or all that are meant; nothing finished runs again."""
    from kitaru._ops import executions

    wanted = filters.asked(flow, status, tag, where, since, failed_in)
    execution = fleet.the_one("retry", execution, wanted, many=many, dry_run=dry_run)
    if execution is None:
        fleet.change("retry", wanted, dry_run=dry_run, yes=yes, output=output)
        return
    going_on = executions.retry(execution)
    if wait:
        _show_settled("executions retry", execution, output)
        return
    found = executions.get(execution)
    show_item(
        "executions retry", found, output, lambda: render.goes_on(found, going_on)
    )


@app.command("resume")
@exposes(Op.EXECUTION_RESUME, on=CLI)
def resume(execution: Exec, wait: Wait = False, output: Output = Format.TEXT) -> None:
    """Let an answered execution go on, if it does not by itself."""
    from kitaru._ops import executions

    going_on = executions.resume(execution)
    if wait:
        _show_settled("executions resume", execution, output)
        return
    found = executions.get(execution)
    show_item(
        "executions resume", found, output, lambda: render.goes_on(found, going_on)
    )


@app.command("replay")
@exposes(Op.EXECUTION_REPLAY, on=CLI)
def replay(
    execution: Exec,
    from_: Annotated[
        str, typer.Option("--from", help="Checkpoint name, invocation id or call id.")
    ],
    args: Annotated[
        str | None,
        typer.Option("--args", help="Flow inputs to change, as JSON object."),
    ] = None,
    overrides: Annotated[
        str | None,
        typer.Option(
            "--overrides", help='Results to replace: {"checkpoint.NAME": VALUE}.'
        ),
    ] = None,
    reuse_waits: Annotated[
        bool, typer.Option("--reuse-waits", help="Take over answers given before.")
    ] = False,
    break_before: Before = None,
    step: Annotated[
        bool, typer.Option("--step", help="Stop before every call that runs.")
    ] = False,
    budget_usd: BudgetUsd = None,
    budget_tokens: BudgetTokens = None,
    wait: Wait = False,
    output: Output = Format.TEXT,
) -> None:
    """Run an execution again from a checkpoint, as a new execution."""
    from kitaru._ops import executions, replays

    started = replays.start_elsewhere(
        execution,
        from_=from_,
        overrides=parse_object("--overrides", overrides),
        inputs=parse_object("--args", args),
        reuse_waits=reuse_waits,
        break_before=break_before or (),
        step=step,
        budget=filters.budget(budget_usd, budget_tokens),
    )
    new_id = started.exec_id
    found = executions.settled(new_id) if wait else executions.get(new_id)
    show_item(
        "executions replay", found, output, lambda: render.replayed(found, started)
    )
    if wait:
        ending.exit_if_failed(found)


@app.command("break")
@exposes(Op.BREAK, on=CLI)
def set_breakpoints(
    target: Annotated[
        str,
        typer.Argument(
            metavar="EXEC|FLOW",
            help="Execution id, or its beginning; with --next the name of a flow.",
        ),
    ],
    before: Annotated[
        list[str] | None,
        typer.Option(
            "--before",
            metavar="CALL",
            help="Checkpoint, for every call of it, or invocation id of a call; may be "
            "given several times. Without it, what is set is shown.",
        ),
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take these breakpoints away.")
    ] = False,
    next_start: Annotated[
        bool, typer.Option("--next", help="For the next start of a flow.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Let an execution stop before a call, to be looked at."""
    from kitaru._ops import breakpoints

    if remove and not before:
        raise KitaruUsageError("--remove takes away what --before names; add that")
    change = breakpoints.change_next if next_start else breakpoints.change
    if not before:
        read = breakpoints.of_next_start if next_start else breakpoints.of_execution
        found = read(target)
    elif remove:
        found = change(target, remove=before)
    else:
        found = change(target, add=before)
    whose = f"the next start of {target}" if next_start else target
    show_items(
        "executions break",
        found,
        output,
        lambda: say(*render.breakpoints(whose, found)),
    )


@app.command("cancel")
@exposes(Op.EXECUTION_MANY, on=CLI)
@exposes(Op.EXECUTION_CANCEL, on=CLI)
def cancel(
    execution: MaybeExec = None,
    many: All = False,
    flow: FlowName = None,
    status: Status = None,
    tag: Tags = None,
    where: Where = None,
    since: Since = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = Format.TEXT,
) -> None:
    """Stop an execution, or all meant: waiting at once, running at a checkpoint."""
    from kitaru._ops import executions

    wanted = filters.asked(flow, status, tag, where, since)
    execution = fleet.the_one("cancel", execution, wanted, many=many, dry_run=dry_run)
    if execution is None:
        fleet.change("cancel", wanted, dry_run=dry_run, yes=yes, output=output)
        return
    if output is Format.TEXT and screen.is_terminal(sys.stderr):
        tell(f"Asking it to stop; by force after {executions.CANCEL_GRACE:.0f} s")
    found = executions.cancel(execution, surface="cli")
    show_item("executions cancel", found, output, lambda: render.line(found))


@app.command("compare")
@exposes(Op.EXECUTION_COMPARE, on=CLI)
def compare(
    a: Annotated[
        str,
        typer.Argument(metavar="A", help="An execution id.", autocompletion=_known_ids),
    ],
    b: Annotated[
        str,
        typer.Argument(
            metavar="B", help="That of another one.", autocompletion=_known_ids
        ),
    ],
    output: Output = Format.TEXT,
) -> None:
    """Compare two executions of a flow: where they part, what each call took."""
    from kitaru._ops import comparisons

    found = comparisons.compare(a, b)
    show_item("executions compare", found, output, lambda: differing.comparison(found))


@app.command("export")
@exposes(Op.EXECUTION_EXPORT, on=CLI)
def export(
    execution: Exec,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="The file to write; json prints it as an item."
        ),
    ] = "-",
) -> None:
    """Write an execution to a file that tests replay; secrets are masked."""
    from kitaru._ops import recordings

    found = recordings.export(execution)
    if output == Format.JSON:
        show_item("executions export", found, Format.JSON, lambda: None)
    elif output in ("-", Format.TEXT):
        screen.json_out(found.model_dump(mode="json"))
    else:
        recordings.write(found, Path(output))
        say(f"{output}: {many(len(found.calls), 'call')} of {found.flow_name}")


@app.command("logs")
@exposes(Op.EXECUTION_LOGS, on=CLI)
def logs(
    execution: Exec,
    checkpoint: Annotated[
        str | None, typer.Option(help="Only this checkpoint or invocation id.")
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            help="step (inside checkpoints), runner (around them) or all.",
            autocompletion=lambda: ["step", "runner", "all"],
        ),
    ] = "all",
    limit: Annotated[
        int | None, typer.Option(help="Only the last so many lines.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until it ends.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Show what flow and checkpoints printed and logged."""
    from kitaru._ops import executions

    entries = executions.logs(
        execution, checkpoint=checkpoint, source=source, limit=limit, follow=follow
    )
    ending.log("executions logs", entries, output, follow=follow)


def _show_settled(command: str, execution: str, output: Format) -> None:
    from kitaru._ops import executions

    ending.settled(command, executions.settled(execution), output)
