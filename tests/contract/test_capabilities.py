"""Each surface offers what the table grants, and nothing else."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

import kitaru
from kitaru._ops.capabilities import CLI, CLIENT, MATRIX, SDK, Op, Surface, exposures
from kitaru.cli.app import app
from kitaru.client import KitaruClient
from kitaru.flows import Flow

# Functions that do not operate anything: they make flows, or are used inside them.
NOT_OPERATIONS = {
    "__version__", "call_key", "checkpoint", "current_execution_id", "flow", "llm",
    "load", "log", "save", "sleep", "unmapped", "wait",
}  # fmt: skip


def names_on(surface: Surface) -> set[str]:
    return {exposure.name for exposure in exposures if exposure.surface is surface}


def named(function: Any) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def commands(group: typer.Typer) -> Iterator[Any]:
    for command in group.registered_commands:
        yield command.callback
    for nested in group.registered_groups:
        assert nested.typer_instance is not None
        yield from commands(nested.typer_instance)


def methods(thing: object) -> Iterator[Any]:
    """Walk `client.executions.get` and so on, down to the methods."""
    for name, value in vars(thing).items():
        if not name.startswith("_") and type(value).__module__.startswith("kitaru"):
            yield from methods(value)
    for name, function in inspect.getmembers(type(thing), inspect.isfunction):
        if not name.startswith("_"):
            yield function


def sdk_functions() -> Iterator[Any]:
    for name in set(kitaru.__all__) - NOT_OPERATIONS:
        value = getattr(kitaru, name)
        # Classes are records and errors.
        if not isinstance(value, type):
            yield value


@pytest.mark.parametrize(
    ("surface", "faces"),
    [
        pytest.param(CLI, lambda: commands(app), id="commands"),
        pytest.param(CLIENT, lambda: methods(KitaruClient()), id="client methods"),
        pytest.param(SDK, sdk_functions, id="SDK functions"),
    ],
)
def test_each_face_is_marked_with_its_operation(surface: Surface, faces: Any) -> None:
    found = {named(face) for face in faces()}

    assert found - names_on(surface) == set()


@pytest.mark.parametrize("op", list(Op), ids=lambda op: op.name.lower())
@pytest.mark.parametrize("surface", list(Surface))
def test_a_surface_offers_what_it_is_granted(op: Op, surface: Surface) -> None:
    # Their tools and handlers register when they are imported.
    import kitaru.mcp.server
    import kitaru.ui.app  # noqa: F401

    [*commands(app), *methods(KitaruClient()), *sdk_functions(), Flow]
    offered = any(e.op is op and e.surface is surface for e in exposures)

    assert offered == (surface in MATRIX[op])


def test_an_operation_on_a_surface_that_may_not_offer_it_fails_at_import() -> None:
    program = (
        "from kitaru._ops.capabilities import CLI, Op, exposes\n"
        "@exposes(Op.WAIT_ABORT, on=CLI)\ndef abort(): ...\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "the CLI may not offer: abort a wait" in done.stderr
