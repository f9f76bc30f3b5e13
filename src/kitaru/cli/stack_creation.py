"""`kitaru stack create`: from options, from a file, or from a file and options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli.options import Output
from kitaru.cli.output import Format, show_item
from kitaru.errors import KitaruUsageError
from kitaru.models import Stack

_REMOTE = "Every remote stack"
_KUBERNETES = "Kubernetes"
_VERTEX = "Vertex AI"
_SAGEMAKER = "SageMaker"
_AZUREML = "AzureML"

Text = str | None


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


def _pair(text: str) -> tuple[str, str]:
    key, is_pair, value = text.partition("=")
    if not is_pair or not key:
        raise KitaruUsageError(f"--label {text!r} is not KEY=VALUE")
    return key, value


def _say_created(made: Stack) -> None:
    from kitaru.cli.stacks import say_active

    sys.stdout.write(f"created stack {made.name}\n")
    if made.active:
        say_active(made)
    if not made.is_local:
        sys.stdout.write(
            "nothing was asked of the platform yet; do that with: kitaru stack verify "
            f"{made.name}\n"
        )
