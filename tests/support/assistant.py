"""An assistant: the official MCP client, in this process or over a real pipe."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TextIO

import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult, ElicitResult

from kitaru.mcp.server import build
from tests.support.polling import DEADLINE
from tests.support.store import kitaru_command
from tests.support.workspace import Workspace

# Asked while a call is under way, and asked by the result of a call.
ERAS = ("legacy", "auto")

Talk = Callable[[Client], Awaitable[None]]


class Person:
    """Who fills in the forms that the client shows."""

    def __init__(self, *contents: dict[str, Any] | None) -> None:
        self._contents = list(contents)
        self.asked: list[Any] = []

    async def __call__(self, _context: Any, params: Any) -> ElicitResult:
        self.asked.append(params)
        content = self._contents.pop(0)
        if content is None:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content=content)


def talk(project: Path, conversation: Talk, **options: Any) -> None:
    """Talk to a server in this process."""
    options.setdefault("mode", "legacy")
    server = build(project)

    async def main() -> None:
        with anyio.fail_after(DEADLINE):
            async with Client(server._mcp_server, **options) as client:
                await conversation(client)

    anyio.run(main)


def talk_over_pipe(
    workspace: Workspace,
    conversation: Talk,
    *,
    errors: TextIO,
    within: float = DEADLINE,
    **options: Any,
) -> None:
    """Talk to `kitaru-mcp`, a process of its own in the project folder."""
    options.setdefault("mode", "legacy")

    async def main() -> None:
        with anyio.fail_after(within):
            pipe = stdio_client(parameters(workspace), errlog=errors)
            async with Client(pipe, **options) as client:
                await conversation(client)

    anyio.run(main)


def parameters(workspace: Workspace) -> StdioServerParameters:
    """Return how the server of a workspace is started."""
    return StdioServerParameters(
        command=str(command()),
        args=["--project", str(workspace.project)],
        env=workspace.environment,
        cwd=workspace.project,
    )


def command() -> Path:
    """Return the installed `kitaru-mcp` command."""
    return kitaru_command().with_name("kitaru-mcp")


async def given(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Return the structured result of a tool; the call must succeed."""
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """Return the error of a tool; the call must fail."""
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    assert result.is_error, result.structured_content
    (content,) = result.content
    return str(content.text)  # type: ignore[union-attr]  # errors are texts
