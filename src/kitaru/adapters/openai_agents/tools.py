"""Tools whose calls are checkpoints."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any

from agents import FunctionTool
from agents.exceptions import ToolTimeoutError
from agents.tool import (
    ApplyPatchTool,
    ComputerTool,
    CustomTool,
    LocalShellTool,
    ShellTool,
    ToolOriginType,
    # Policies of approval trust arguments only of a tool whose invoker is of this class.
    _FailureHandlingFunctionToolInvoker,
    default_tool_timeout_error_message,
    get_function_tool_origin,
    invoke_function_tool,
)
from agents.tool_context import ToolContext

from kitaru._core.calls.failures import causes
from kitaru.adapters._shared import identity, runs
from kitaru.adapters._shared.boundary import MCP_CALL, TOOL_CALL
from kitaru.adapters.openai_agents.context import Frame, frame
from kitaru.checkpoints import handled
from kitaru.errors import KitaruContextError, KitaruUsageError

Invoke = Callable[[ToolContext[Any], str], Awaitable[Any]]

# Run on this machine by the SDK itself, past anything that could record them.
_UNRECORDED = (ApplyPatchTool, ComputerTool, CustomTool, LocalShellTool, ShellTool)


class Refused(KitaruUsageError):
    """What cannot be kept; the SDK makes no text for the model of it."""


# A question from a checkpoint, for one: the model would go on as if nothing was wrong.
_NOT_FOR_MODELS = (KitaruContextError, Refused)


def durable(tool: Any, agent: str) -> Any:
    """Return a tool whose calls are checkpoints; the user's own stays as it is.

    Hosted tools run at the provider and are part of the model's answer.

    Raises:
        KitaruUsageError: For a tool that the SDK runs where nothing can record it.
    """
    if isinstance(tool, _UNRECORDED):
        raise Refused(
            f"agent {agent!r} has a {type(tool).__name__}, whose calls cannot be "
            "checkpoints of their own; use KitaruRunner(..., "
            "checkpoint_strategy='runner_call'), or a function tool"
        )
    if not isinstance(tool, FunctionTool):
        return tool
    return _wrapped(tool, agent)


def _wrapped(tool: FunctionTool, agent: str) -> FunctionTool:
    new = copy.copy(tool)
    if not _is_checkpoint(tool):
        new.on_invoke_tool = _inside(tool)
        return new
    # Within the checkpoint instead, so that a call that took too long is an outcome.
    new.timeout_seconds = None
    call, invoke = _Call(tool, agent), tool.on_invoke_tool
    if isinstance(invoke, _FailureHandlingFunctionToolInvoker):
        new.on_invoke_tool = _Recorded(invoke, call, new)
    else:
        new.on_invoke_tool = call.run
    return new


def _is_checkpoint(tool: FunctionTool) -> bool:
    """Whether calls are checkpoints: not of agents, nor of what was taken out."""
    here = frame()
    opted_out = here is not None and here.tools.of(tool.name) is False
    return not (opted_out or getattr(tool, "_is_agent_tool", False))


def _inside(tool: FunctionTool) -> Invoke:
    """Return what runs a tool in the flow; what it starts belongs to its call."""
    call = _Call(tool, "")

    async def invoke(context: ToolContext[Any], arguments: str) -> Any:
        here = frame()
        if here is None:
            return await tool.on_invoke_tool(context, arguments)
        place = here.places.tool_call(context.tool_call_id, tool.name)
        made = runs.ToolCall(place, here.places.run, asyncio.get_running_loop())
        with runs.inside_tool_call(made):
            try:
                return await call.bare(context, arguments)
            except Exception as error:  # noqa: BLE001  the SDK makes texts of all
                told = await call.told(context, arguments, error)
                handled(error)
                return told

    return invoke


class _Call:
    """Runs the calls of one tool of one agent."""

    def __init__(self, tool: FunctionTool, agent: str) -> None:
        self._tool = tool
        self._agent = agent
        origin = get_function_tool_origin(tool)
        is_mcp = origin is not None and origin.type is ToolOriginType.MCP
        self._kind = MCP_CALL if is_mcp else TOOL_CALL
        # The tool's own code: what becomes a text of its failures is asked afterwards.
        self.bare: Invoke = tool.on_invoke_tool
        if isinstance(tool.on_invoke_tool, _FailureHandlingFunctionToolInvoker):
            self.bare = tool.on_invoke_tool._invoke_tool_impl
        self._timed = copy.copy(tool)
        self._timed.on_invoke_tool = self.bare
        self._timed.timeout_behavior = "raise_exception"

    async def run(self, context: ToolContext[Any], arguments: str) -> Any:
        """Run a call as a checkpoint, or take its recorded result."""
        here = frame()
        if here is None:
            return await invoke_function_tool(
                function_tool=self._tool, context=context, arguments=arguments
            )
        place = here.places.tool_call(context.tool_call_id, self._tool.name)

        async def work() -> Any:
            _keep_arguments(here, arguments)
            result = await invoke_function_tool(
                function_tool=self._timed, context=context, arguments=arguments
            )
            if here.capture.tool_results:
                here.capture.keep("result", result, type="output")
            return result

        async def recover(error: Exception) -> Any:
            return await self.told(context, arguments, error)

        activity = runs.activity()
        assert activity is not None  # there is a flow here
        return await here.boundary.run(
            self._kind,
            f"{self._agent}.{identity.clean(self._tool.name)}",
            activity.unique(place),
            work,
            inputs={"tool": self._tool.name, "arguments": arguments},
            settings=here.tools.of(self._tool.name) or {},
            recover=recover,
        )

    async def told(
        self, context: ToolContext[Any], arguments: str, error: Exception
    ) -> Any:
        """Return what the SDK tells the model of a failure.

        Raises:
            Exception: The failure, if the tool lets it end the run, or if it is the
                program's own and no model can do anything about it.
        """
        if any(isinstance(cause, _NOT_FOR_MODELS) for cause in causes(error)):
            raise error
        if isinstance(error, ToolTimeoutError):
            return await self._told_of_timeout(context, error)
        invoke = self._tool.on_invoke_tool
        if not isinstance(invoke, _FailureHandlingFunctionToolInvoker):
            raise error

        async def failing(context: ToolContext[Any], arguments: str) -> Any:
            raise error

        handling = _FailureHandlingFunctionToolInvoker(
            failing, invoke._on_handled_error, function_tool=self._tool
        )
        return await handling(context, arguments)

    async def _told_of_timeout(
        self, context: ToolContext[Any], error: ToolTimeoutError
    ) -> Any:
        if self._tool.timeout_behavior == "raise_exception":
            raise error
        if self._tool.timeout_error_function is None:
            return default_tool_timeout_error_message(
                tool_name=error.tool_name, timeout_seconds=error.timeout_seconds
            )
        told = self._tool.timeout_error_function(context, error)
        return await told if inspect.isawaitable(told) else told


class _Recorded(_FailureHandlingFunctionToolInvoker):
    """An invoker by which the SDK still knows the tool, and what it trusts of it."""

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
        return await self._call.run(ctx, input)


def _keep_arguments(here: Frame, arguments: str) -> None:
    if here.capture.tool_arguments:
        here.capture.keep("arguments", shown(arguments), type="input")


def shown(arguments: str | None) -> Any:
    """Return a call's arguments for people to read."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments
