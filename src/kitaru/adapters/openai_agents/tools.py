"""Tools whose calls are checkpoints."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable
from typing import Any

from agents import FunctionTool
from agents.tool import (
    ApplyPatchTool,
    ComputerTool,
    CustomTool,
    LocalShellTool,
    ShellTool,
    # Policies of approval trust arguments only of a tool whose invoker is of this class.
    _FailureHandlingFunctionToolInvoker,
)
from agents.tool_context import ToolContext

from kitaru.adapters._shared import boundary, identity, runs
from kitaru.adapters._shared.boundary import Place
from kitaru.adapters.openai_agents.context import Frame, frame
from kitaru.adapters.openai_agents.translate import TOOL_CALL
from kitaru.errors import KitaruUsageError

Invoke = Callable[[ToolContext[Any], str], Awaitable[Any]]

# Run on this machine by the SDK itself, past anything that could record them.
_UNRECORDED = (ApplyPatchTool, ComputerTool, CustomTool, LocalShellTool, ShellTool)


def durable(tool: Any, agent: str) -> Any:
    """Return a tool whose calls are checkpoints; the user's own stays as it is.

    Hosted tools run at the provider and are part of the model's answer.

    Raises:
        KitaruUsageError: For a tool that the SDK runs where nothing can record it.
    """
    if isinstance(tool, _UNRECORDED):
        raise KitaruUsageError(
            f"agent {agent!r} has a {type(tool).__name__}, whose calls cannot be "
            "checkpoints of their own; use KitaruRunner(..., "
            "checkpoint_strategy='runner_call'), or a function tool"
        )
    if not isinstance(tool, FunctionTool):
        return tool
    return _wrapped(tool, agent)


def _wrapped(tool: FunctionTool, agent: str) -> FunctionTool:
    invoke = tool.on_invoke_tool
    if isinstance(invoke, _Recorded):
        return tool
    new = copy.copy(tool)
    if isinstance(invoke, _FailureHandlingFunctionToolInvoker):
        new.on_invoke_tool = _Recorded(invoke, _Call(tool, agent), new)
        return new
    call = _Call(tool, agent)

    async def recorded(context: ToolContext[Any], arguments: str) -> Any:
        return await call.run(context, arguments, invoke)

    new.on_invoke_tool = recorded
    return new


class _Call:
    """Runs the calls of one tool of one agent."""

    def __init__(self, tool: FunctionTool, agent: str) -> None:
        self._tool = tool
        self._agent = agent

    async def run(
        self, context: ToolContext[Any], arguments: str, invoke: Invoke
    ) -> Any:
        """Run a call as a checkpoint, or take its recorded result."""
        here = frame()
        if here is None or boundary.place() is not Place.FLOW:
            return await invoke(context, arguments)
        place = here.places.tool_call(context.tool_call_id, self._tool.name)
        settings = here.tools.of(self._tool.name)
        if settings is False or self._is_agent:
            # What runs inside belongs to this call, and has checkpoints of its own.
            call = runs.ToolCall(place, here.places.run, asyncio.get_running_loop())
            with runs.inside_tool_call(call):
                return await invoke(context, arguments)

        async def work() -> Any:
            _keep_arguments(here, arguments)
            result = await invoke(context, arguments)
            if here.capture.tool_results:
                here.capture.keep("result", result, type="output")
            return result

        activity = runs.activity()
        assert activity is not None  # there is a flow here
        return await here.boundary.run(
            TOOL_CALL,
            f"{self._agent}.{identity.clean(self._tool.name)}",
            activity.unique(place),
            work,
            inputs={"tool": self._tool.name, "arguments": arguments},
            settings=settings,
        )

    @property
    def _is_agent(self) -> bool:
        return bool(getattr(self._tool, "_is_agent_tool", False))


class _Recorded(_FailureHandlingFunctionToolInvoker):
    """The tool's own code is the checkpoint; making a text of its error is not.

    So retries of the checkpoint see the error. A failure that became a text is an
    outcome, which a rerun takes as it was.
    """

    def __init__(
        self,
        inner: _FailureHandlingFunctionToolInvoker,
        call: _Call,
        tool: FunctionTool,
    ) -> None:
        super().__init__(
            inner._invoke_tool_impl, inner._on_handled_error, function_tool=tool
        )
        self._inner = inner
        self._call = call
        # The SDK marks plain functions, which it runs in threads.
        for name, value in vars(inner).items():
            if name.startswith("__agents_"):
                setattr(self, name, value)

    def __agents_bind_function_tool__(self, function_tool: FunctionTool) -> _Recorded:
        if self._function_tool is function_tool:
            return self
        return _Recorded(self._inner, self._call, function_tool)

    async def __call__(self, ctx: ToolContext[Any], input: str) -> Any:
        async def recorded(context: ToolContext[Any], arguments: str) -> Any:
            return await self._call.run(
                context, arguments, self._inner._invoke_tool_impl
            )

        handling = _FailureHandlingFunctionToolInvoker(
            recorded, self._on_handled_error, function_tool=self._function_tool
        )
        return await handling(ctx, input)


def _keep_arguments(here: Frame, arguments: str) -> None:
    if here.capture.tool_arguments:
        here.capture.keep("arguments", shown(arguments), type="input")


def shown(arguments: str | None) -> Any:
    """Return a call's arguments for people to read."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments
