"""`kitaru stack`: where flows run and where their values go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import keyboard, tables
from kitaru.cli.groups import group
from kitaru.cli.options import Limit, Output, PageNumber, PageSize, Yes
from kitaru.cli.output import Format, show_item, show_items
from kitaru.cli.screen import say
from kitaru.errors import KitaruUsageError
from kitaru.models import DeletedStack, Page, Stack, StackReport

app = group("See, choose, create and check stacks.")

Name = Annotated[str, typer.Argument(help="Name of the stack.")]


@app.command("list")
@exposes(Op.STACK_LIST, on=CLI)
def list_(
    page: PageNumber = 1,
    size: PageSize = 20,
    limit: Limit = None,
    output: Output = Format.TEXT,
) -> None:
    """List stacks by name."""
    from kitaru._ops import stacks

    found = stacks.find(page=page, size=size, limit=limit)
    show_items("stack list", found.items, output, lambda: _print_page(found))


@app.command("current")
@exposes(Op.STACK_SHOW, on=CLI)
def current(output: Output = Format.TEXT) -> None:
    """Show the active stack and what makes it that."""
    from kitaru._ops import stacks

    found = stacks.current()
    show_item("stack current", found, output, lambda: say_active(found))


@app.command("show")
@exposes(Op.STACK_SHOW, on=CLI)
def show(name: Name, output: Output = Format.TEXT) -> None:
    """Show a stack and its components."""
    from kitaru._ops import stacks

    found = stacks.get(name)
    show_item("stack show", found, output, lambda: _print(found))


@app.command("use")
@exposes(Op.STACK_USE, on=CLI)
def use(name: Name, output: Output = Format.TEXT) -> None:
    """Make a stack the active one, for this project folder or for you."""
    from kitaru._ops import stacks

    found = stacks.use(name)
    show_item("stack use", found, output, lambda: say_active(found))


@app.command("create")
@exposes(Op.STACK_CREATE, on=CLI)
@exposes(Op.STACK_CREATE_REMOTE, on=CLI)
def create(
    name: Annotated[
        Text, typer.Argument(help="Name of the stack, unless the file says it.")
    ] = None,
    kind: Annotated[
        Text,
        typer.Option(
            "--type",
            help="local, kubernetes, vertex, sagemaker or azureml.",
            show_default="local",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", help="YAML with all settings; options replace some."
        ),
    ] = None,
    activate: Annotated[
        bool, typer.Option("--activate/--no-activate", help="Also use it.")
    ] = True,
    label: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE; may be repeated.")
    ] = None,
    output: Output = Format.TEXT,
    artifact_store: Annotated[
        Text, typer.Option(help="s3://, gs:// or az://…", rich_help_panel=_REMOTE)
    ] = None,
    container_registry: Annotated[
        Text, typer.Option(help="HOST or HOST/PATH", rich_help_panel=_REMOTE)
    ] = None,
    secret: Annotated[
        Text,
        typer.Option(
            help="A secret with the credentials (kitaru secrets set).",
            rich_help_panel=_REMOTE,
        ),
    ] = None,
    connector: Annotated[
        Text,
        typer.Option(
            help="A service connector of ZenML with them.", rich_help_panel=_REMOTE
        ),
    ] = None,
    cluster: Annotated[Text, typer.Option(rich_help_panel=_KUBERNETES)] = None,
    namespace: Annotated[Text, typer.Option(rich_help_panel=_KUBERNETES)] = None,
    context: Annotated[
        Text,
        typer.Option(
            help="Of your kubeconfig, in place of credentials.",
            rich_help_panel=_KUBERNETES,
        ),
    ] = None,
    project: Annotated[Text, typer.Option(rich_help_panel=_VERTEX)] = None,
    location: Annotated[Text, typer.Option(rich_help_panel=_VERTEX)] = None,
    region: Annotated[Text, typer.Option(rich_help_panel=_SAGEMAKER)] = None,
    execution_role: Annotated[
        Text, typer.Option(help="ARN", rich_help_panel=_SAGEMAKER)
    ] = None,
    subscription_id: Annotated[Text, typer.Option(rich_help_panel=_AZUREML)] = None,
    resource_group: Annotated[Text, typer.Option(rich_help_panel=_AZUREML)] = None,
    workspace: Annotated[Text, typer.Option(rich_help_panel=_AZUREML)] = None,
) -> None:
    """Create a stack: local, or on Kubernetes, Vertex AI, SageMaker or AzureML.

    All of it or nothing. Then check it with `kitaru stack verify NAME`.
    """
    from kitaru._ops import stacks

    references = {"secret": secret, "connector": connector}
    credentials = {key: named for key, named in references.items() if named is not None}
    settings, place = stacks.settings_of(
        file,
        {
            "name": name,
            "type": kind,
            "labels": dict(_pair(text) for text in label) if label else None,
            "artifact_store": artifact_store,
            "container_registry": container_registry,
            "credentials": credentials or None,
            "cluster": cluster,
            "namespace": namespace,
            "context": context,
            "project": project,
            "location": location,
            "region": region,
            "execution_role": execution_role,
            "subscription_id": subscription_id,
            "resource_group": resource_group,
            "workspace": workspace,
        },
        "the options",
    )
    made = stacks.create_from(settings, place=place, activate=activate)
    show_item("stack create", made, output, lambda: _say_created(made))


@app.command("verify")
@exposes(Op.STACK_VERIFY, on=CLI)
def verify(
    name: Name,
    timeout: Annotated[
        float, typer.Option(help="Seconds until a silent component counts as failed.")
    ] = 30,
    output: Output = Format.TEXT,
) -> None:
    """Check credentials and reachability of a stack; exit code 1 if something failed."""
    from kitaru._ops import stacks

    found = stacks.verify(name, seconds=timeout)
    show_item("stack verify", found, output, lambda: _say_found(found))
    if not found.ok:
        raise typer.Exit(1)


@app.command("delete")
@exposes(Op.STACK_DELETE, on=CLI)
def delete(
    name: Name,
    recursive: Annotated[
        bool,
        typer.Option("--recursive", help="Also components no other stack uses."),
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Even if active, or if executions ran on it."),
    ] = False,
    yes: Yes = False,
    output: Output = Format.TEXT,
) -> None:
    """Delete a stack."""
    from kitaru._ops import stacks

    keyboard.confirm(f"Delete stack {name}?", yes=yes)
    gone = stacks.delete(name, recursive=recursive, force=force)
    show_item("stack delete", gone, output, lambda: _say_deleted(gone))


def say_active(stack: Stack) -> None:
    """Print why a stack is the active one."""
    where = {
        "execution": "for the execution that runs here",
        "environment": f"the variable {stack.active_place} says so",
        "project": f"for the project {stack.active_place}",
        "configuration": f"for all folders without one of their own, {stack.active_place}",
    }[stack.active_from or "configuration"]
    say(f"{stack.name} is the active stack ({where})")


def _say_deleted(gone: DeletedStack) -> None:
    say(f"deleted stack {gone.name}; {gone.active} is active")
    for component in gone.components:
        say(f"  and its {component}")
    for connector in gone.connectors:
        say(f"  and its service connector {connector}")


def _say_found(report: StackReport) -> None:
    for check in report.checks:
        say(f"{check.kind} {check.name} ({check.flavor}): {check.status}")
        say(f"  {check.reason}")
    say(f"stack {report.stack} {_verdict(report)}")


def _verdict(report: StackReport) -> str:
    if not report.ok:
        return "cannot be used as it is"
    open_ = [check.kind for check in report.checks if check.status == "not checked"]
    if open_:
        return f"can be used, as far as was checked; not checked: {', '.join(open_)}"
    return "can be used"


def _print(stack: Stack) -> None:
    say(f"{stack.name}{' (active)' if stack.active else ''}")
    say(f"  id: {stack.stack_id}")
    for kind, components in stack.components.items():
        for item in components:
            say(f"  {kind}: {item.name} ({item.flavor})")
            for key, value in item.settings.items():
                say(f"    {key}: {value}")
            if item.connector is not None:
                say(f"    service connector: {item.connector}")
    for key, value in stack.labels.items():
        say(f"  {key}={value}")


def _print_page(page: Page[Stack]) -> None:
    tables.listing(
        page,
        ("", "NAME", "ORCHESTRATOR", "ARTIFACT STORE"),
        lambda item: (
            "*" if item.active else "",
            item.name,
            _flavors(item, "orchestrator"),
            _flavors(item, "artifact_store"),
        ),
        nothing="No stacks.",
    )


def _flavors(stack: Stack, kind: str) -> str:
    return ", ".join(part.flavor for part in stack.components.get(kind, ()))


_REMOTE = "Every remote stack"
_KUBERNETES = "Kubernetes"
_VERTEX = "Vertex AI"
_SAGEMAKER = "SageMaker"
_AZUREML = "AzureML"

Text = str | None


def _pair(text: str) -> tuple[str, str]:
    key, is_pair, value = text.partition("=")
    if not is_pair or not key:
        raise KitaruUsageError(f"--label {text!r} is not KEY=VALUE")
    return key, value


def _say_created(made: Stack) -> None:
    say(f"created stack {made.name}")
    if made.active:
        say_active(made)
    if not made.is_local:
        say(
            "nothing was asked of the platform yet; do that with: kitaru stack verify "
            f"{made.name}"
        )
