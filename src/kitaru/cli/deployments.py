"""`kitaru build`, `deploy`, `invoke`, and `kitaru flow …`: deployed versions of flows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kitaru._core.settings import labels
from kitaru._core.words import paging
from kitaru._core.words.wording import short
from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import ending, filters, keyboard, render, schedules
from kitaru.cli import render_deployments as show
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
from kitaru.cli.output import Format, parse_object, show_item, show_items
from kitaru.cli.screen import say, tell

app = group("See the flows that are deployed, their versions and tags.")
versions = group("Look at deployed versions of flows one by one, or delete them.")
app.add_typer(versions, name="deployments")
app.add_typer(schedules.app, name="schedules")

_MOST_NAMED = 5

Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="The flow: FILE.py:FLOW or MODULE:FLOW, below this folder.",
    ),
]
FlowName = Annotated[str, typer.Argument(metavar="FLOW", help="Name of the flow.")]
Number = Annotated[
    int, typer.Argument(metavar="VERSION", help="Number of the version.")
]
Version = Annotated[
    int | None, typer.Option("--version", help="Number of the version.")
]
Tag = Annotated[
    str | None, typer.Option("--tag", help="A tag of the version; default by default.")
]
Inputs = Annotated[
    str | None, typer.Option("--args", help="Inputs of the flow, as JSON object.")
]
Stack = Annotated[
    str | None,
    typer.Option("--stack", help="Stack to run on; the flow's own or the active one."),
]


@exposes(Op.DEPLOYMENT_BUILD, on=CLI)
def build(target: Target, stack: Stack = None, output: Output = Format.TEXT) -> None:
    """Do all of deploy that can fail or takes long, without making a version."""
    from kitaru._ops import deployments

    made = deployments.build(target, project=Path.cwd(), stack=stack)
    show_item("build", made, output, lambda: show.built(made))


@exposes(Op.DEPLOYMENT_CREATE, on=CLI)
def deploy(
    target: Target,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", help="One more tag, which moves here; may be repeated."),
    ] = None,
    stack: Stack = None,
    every: Annotated[
        str | None,
        typer.Option(
            "--every",
            metavar="CRON",
            help="When it starts by itself: minute, hour, day of the month, month, day of "
            "the week.",
        ),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone", metavar="ZONE", help="With --every: on whose clock; UTC else."
        ),
    ] = None,
    args: Annotated[
        str | None,
        typer.Option(
            "--args", help="With --every: inputs of the flow, as JSON object."
        ),
    ] = None,
    missed: Annotated[
        str | None,
        typer.Option(
            "--missed",
            help="With --every: what becomes of times at which nobody looked: once (one "
            "execution for all) or skip.",
        ),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            "--schedule",
            metavar="NAME",
            help="With --every: name of the schedule; that of the flow else.",
        ),
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """Make the next version of a flow; it becomes the default one.

    Its code is what git does not ignore in this folder, as it is now.
    """
    from kitaru._ops import deployments

    made = deployments.deploy(
        target,
        project=Path.cwd(),
        tags=tuple(tag or ()),
        stack=stack,
        schedule=schedules.asked(
            every, timezone=timezone, args=args, missed=missed, name=schedule
        ),
    )
    show_item("deploy", made.deployment, output, lambda: show.deployed(made))


@exposes(Op.DEPLOYMENT_INVOKE, on=CLI)
def invoke(
    flow: FlowName,
    version: Version = None,
    tag: Tag = None,
    args: Inputs = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            help="What it is for, such as order-17; starts none if one has the key.",
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", help="A tag of the execution to list it by; may be repeated."
        ),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute",
            metavar="NAME=VALUE",
            help="An attribute to list it by; may be repeated.",
        ),
    ] = None,
    budget_usd: BudgetUsd = None,
    budget_tokens: BudgetTokens = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Follow it until it has ended or waits for an answer."
        ),
    ] = False,
    any_python: Annotated[
        bool,
        typer.Option(
            "--any-python", help="Run it on another Python than it was deployed with."
        ),
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Start an execution of a deployed version, with the code that was deployed."""
    from kitaru._ops import deployments, executions

    started = deployments.invoke(
        flow=flow,
        version=version,
        tag=tag,
        inputs=parse_object("--args", args),
        any_python=any_python,
        budget=filters.budget(budget_usd, budget_tokens),
        found_by={
            "key": key,
            "tags": label,
            "attributes": labels.pairs(attribute or (), option="--attribute") or None,
        },
    )
    if not wait:
        found = executions.get(started.exec_id)
        show_item("invoke", found, output, lambda: show.invoked(found, started))
        return
    if output is Format.TEXT:
        show.starting(flow, started)
        found = executions.followed(
            started.exec_id, lambda entry: say(*render.log_lines(entry))
        )
    else:
        found = executions.followed(started.exec_id, lambda entry: None)
    ending.settled("invoke", found, output)


@app.command("list")
@exposes(Op.DEPLOYMENT_LIST, on=CLI)
def list_flows(output: Output = Format.TEXT) -> None:
    """List the flows that are deployed, and which version of each is the default one."""
    from kitaru._ops import deployments

    found = deployments.flows()
    show_items("flow list", found, output, lambda: show.flows(found))


@app.command("show")
@exposes(Op.DEPLOYMENT_GET, on=CLI)
def show_flow(flow: FlowName, output: Output = Format.TEXT) -> None:
    """Show a deployed flow: its versions and tags, and its inputs."""
    from kitaru._ops import deployments

    (found,) = deployments.flows(flow=flow)
    show_item("flow show", found, output, lambda: show.flow(found))


@app.command("tag")
@exposes(Op.DEPLOYMENT_TAG, on=CLI)
def tag_version(
    flow: FlowName,
    version: Number,
    tag: Annotated[
        str, typer.Argument(metavar="TAG", help="default, or one of yours.")
    ],
    exclusive: Annotated[
        bool,
        typer.Option(
            "--exclusive", help="Take it from all other versions of the flow."
        ),
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Give a version a tag; `default` moves, which is how a rollback is done."""
    from kitaru._ops import deployments

    found = deployments.tag(flow=flow, version=version, tag=tag, exclusive=exclusive)
    show_item("flow tag", found, output, lambda: show.tagged(found))


@app.command("untag")
@exposes(Op.DEPLOYMENT_TAG, on=CLI)
def untag_version(
    flow: FlowName,
    version: Number,
    tag: Annotated[str, typer.Argument(metavar="TAG", help="The tag.")],
    output: Output = Format.TEXT,
) -> None:
    """Take a tag from a version."""
    from kitaru._ops import deployments

    found = deployments.untag(flow=flow, version=version, tag=tag)
    show_item("flow untag", found, output, lambda: show.tagged(found))


@versions.command("list")
@exposes(Op.DEPLOYMENT_LIST, on=CLI)
def list_versions(
    flow: Annotated[str | None, typer.Option("--flow", help="Only this flow.")] = None,
    page: PageNumber = 1,
    size: PageSize = paging.DEFAULT_SIZE,
    limit: Limit = None,
    output: Output = Format.TEXT,
) -> None:
    """List deployed versions: by flow, the newest first."""
    from kitaru._ops import deployments

    found = deployments.pages(flow=flow, page=page, size=size, limit=limit)
    show_items(
        "flow deployments list", found.items, output, lambda: show.versions(found)
    )


@versions.command("show")
@exposes(Op.DEPLOYMENT_GET, on=CLI)
def show_version(
    flow: FlowName,
    version: Version = None,
    tag: Tag = None,
    output: Output = Format.TEXT,
) -> None:
    """Show a version: who deployed what from where, its inputs, where it runs."""
    from kitaru._ops import deployments

    found = deployments.get(flow=flow, version=version, tag=tag)
    show_item("flow deployments show", found, output, lambda: show.version(found))


@versions.command("logs")
@exposes(Op.DEPLOYMENT_LOGS, on=CLI)
def logs(
    flow: FlowName,
    version: Version = None,
    tag: Tag = None,
    execution: Annotated[
        str | None,
        typer.Option("--execution", help="Whose log; the newest one's by default."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until it ends.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Show the executions of a version, newest first, and the log of one of them."""
    from kitaru._ops import deployments

    found, chosen, entries = deployments.logs(
        flow=flow, version=version, tag=tag, execution=execution, follow=follow
    )
    if output is Format.TEXT:
        render.executions(found)
        if chosen is not None:
            say("", f"Log of {chosen}:")
    ending.log("flow deployments logs", entries, output, follow=follow)


@versions.command("curl")
@exposes(Op.DEPLOYMENT_CURL, on=CLI)
def curl(
    flow: FlowName,
    version: Version = None,
    tag: Tag = None,
    args: Annotated[
        str | None,
        typer.Option(
            "--args", help="Inputs of the flow, as JSON object; an example by default."
        ),
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """Print a curl command that invokes a version over HTTP, and nothing else."""
    from kitaru._ops import curl as requests

    inputs = None if args is None else parse_object("--args", args)
    made = requests.command(flow=flow, version=version, tag=tag, inputs=inputs)
    if version is None and made.is_bound:
        tell(f"It starts version {made.version}, also when a later one is deployed")
    show_item(
        "flow deployments curl", made, output, lambda: say(*made.command.splitlines())
    )


@versions.command("delete")
@exposes(Op.DEPLOYMENT_DELETE, on=CLI)
def delete(
    flow: FlowName, version: Number, yes: Yes = False, output: Output = Format.TEXT
) -> None:
    """Delete a version; executions of it go on, and its number is not used again."""
    from kitaru._ops import deployments

    living = deployments.living_executions(flow=flow, version=version)
    named = ", ".join(short(one.exec_id) for one in living[:_MOST_NAMED])
    if len(living) > _MOST_NAMED:
        named += f" and {len(living) - _MOST_NAMED} more"
    go_on = f" Its executions go on: {named}." if living else ""
    keyboard.confirm(f"Delete version {version} of flow {flow}?{go_on}", yes=yes)
    gone = deployments.delete(flow=flow, version=version)
    show_item(
        "flow deployments delete", gone, output, lambda: show.deleted(gone, named)
    )
