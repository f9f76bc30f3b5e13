"""`@tool`: name, annotations and errors of each tool, in one place."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from fastmcp.exceptions import FastMCPError, ToolError
from fastmcp.tools import Tool
from mcp_types import ToolAnnotations
from pydantic import TypeAdapter

from kitaru.errors import KitaruError
from kitaru.mcp import wording

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
    name: str, *, title: str, effect: Effect, result: type | None = None
) -> Callable[[F], F]:
    """Make a function a tool; its docstring tells the assistant what it is for.

    Args:
        name: Name of the tool.
        title: What people see.
        effect: Its hints.
        result: Type of the structured output; the return annotation by default.
    """

    def register(function: F) -> F:
        output: dict[str, Any] = {}
        if result is not None:
            schema = TypeAdapter(result).json_schema(mode="serialization")
            output["output_schema"] = schema
        annotations = ToolAnnotations(
            title=title,
            read_only_hint=effect.read_only,
            destructive_hint=effect.destructive,
            idempotent_hint=effect.idempotent,
            open_world_hint=effect.open_world,
        )
        tools.append(
            Tool.from_function(
                with_our_errors(function, ToolError),
                name=name,
                title=title,
                description=inspect.getdoc(function),
                annotations=annotations,
                **output,
            )
        )
        return function

    return register


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
        raise kind(text) from error
