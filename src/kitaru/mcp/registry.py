"""`@tool`: name, annotations and errors of each tool, in one place."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import anyio
from fastmcp import Context
from fastmcp.exceptions import FastMCPError, ToolError
from fastmcp.tools import Tool
from mcp_types import ToolAnnotations

from kitaru._ops import documentation, flow_targets
from kitaru.errors import KitaruError
from kitaru.mcp import wording
from kitaru.mcp.output_schemas import output_schema

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Effect:
    """What a call of a tool does to the world: the four hints of MCP, all of them."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


READS = Effect(read_only=True, destructive=False, idempotent=True, open_world=False)
# Lets code of the user go on, which may do anything once, and cannot be taken back.
RUNS_CODE = Effect(read_only=False, destructive=True, idempotent=False, open_world=True)

tools: list[Tool] = []


def tool(
    name: str,
    *,
    title: str,
    effect: Effect,
    result: type | None = None,
    is_full: bool = False,
) -> Callable[[F], F]:
    """Make a function a tool; its docstring tells the assistant what it is for.

    Args:
        name: Name of the tool.
        title: What people see.
        effect: Its hints.
        result: Type of the structured output; the return annotation by default.
        is_full: Describe executions, or versions, in its output schema; one tool has to.
    """

    def register(function: F) -> F:
        face = _inside_the_project(function) if effect is RUNS_CODE else function
        given = result or get_type_hints(function, include_extras=True)["return"]
        annotations = ToolAnnotations(
            title=title,
            read_only_hint=effect.read_only,
            destructive_hint=effect.destructive,
            idempotent_hint=effect.idempotent,
            open_world_hint=effect.open_world,
        )
        tools.append(
            Tool.from_function(
                with_our_errors(face, ToolError),
                name=name,
                title=title,
                description=inspect.getdoc(function),
                annotations=annotations,
                output_schema=output_schema(given, is_full=is_full),
            )
        )
        return function

    return register


def _inside_the_project(function: F) -> F:
    """Let a tool run code of an execution only if its flow belongs to the project."""
    if "exec_id" not in inspect.signature(function).parameters:
        return function  # It starts what its target names, and checks that.

    @functools.wraps(function)
    async def checked(*args: Any, **kwargs: Any) -> Any:
        call = inspect.signature(function).bind(*args, **kwargs).arguments
        check = functools.partial(
            flow_targets.check_execution,
            call["exec_id"],
            project=project_of(call["ctx"]),
        )
        await anyio.to_thread.run_sync(check)
        return await function(*args, **kwargs)

    checked.__dict__["is_guarded"] = True
    return checked  # type: ignore[return-value]  # same signature, by functools.wraps


def is_guarded(function: Callable[..., Any] | None) -> bool:
    """Whether a tool refuses executions of other projects."""
    while function is not None:
        if vars(function).get("is_guarded"):
            return True
        function = getattr(function, "__wrapped__", None)
    return False


def project_of(ctx: Context) -> Path:
    """Return the folder of the flows that a server may run."""
    project: Path = ctx.lifespan_context["project"]
    return project


def with_our_errors(function: F, kind: type[FastMCPError]) -> F:
    """Return the function with our errors as errors of MCP, told in its words."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def told(*args: Any, **kwargs: Any) -> Any:
            with _translated(kind):
                return await function(*args, **kwargs)

        return told  # type: ignore[return-value]  # same signature, by functools.wraps

    @functools.wraps(function)
    def told_here(*args: Any, **kwargs: Any) -> Any:
        with _translated(kind):
            return function(*args, **kwargs)

    return told_here  # type: ignore[return-value]  # same signature, by functools.wraps


@contextmanager
def _translated(kind: type[FastMCPError]) -> Iterator[None]:
    try:
        yield
    except KitaruError as error:
        text = f"{type(error).__name__}: {wording.for_assistants(str(error))}"
        if page := documentation.explaining(error):
            text += f"\ncauses, and ways out: kitaru_docs_find(page={page!r})"
        raise kind(text) from error
