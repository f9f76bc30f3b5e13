"""Tools of an MCP server that is a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset

from kitaru import flow
from kitaru.adapters.pydantic_ai import KitaruAgent
from kitaru.testing import FlowTester
from tests.adapters.pydantic_ai.agents import scripted
from tests.support.polling import DEADLINE

SERVER = """
import sys

from fastmcp import FastMCP

server = FastMCP("calculator")


@server.tool
def add(a: int, b: int) -> int:
    with open(sys.argv[1], "a") as file:
        file.write("asked\\n")
    return a + b


server.run(show_banner=False)
"""


def test_a_server_over_stdio_is_not_asked_again_after_a_kill(tmp_path: Path) -> None:
    program, asked = tmp_path / "calculator.py", tmp_path / "asked"
    program.write_text(SERVER)
    server = StdioTransport(sys.executable, [str(program), str(asked)])
    agent = Agent(
        scripted([("add", {"a": 1, "b": 2})]),
        name="agent",
        toolsets=[MCPToolset(server, id="calculator", init_timeout=DEADLINE)],
    )
    durable = KitaruAgent(agent)

    @flow
    def working() -> str:
        return durable.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(working, kill_after="agent.r1.s1.t0.add")
        tester.retry(run)
        result, reused = run.result, run.reused

    assert result == "[3]"
    assert "agent.r1.s1.t0.add" in reused
    assert asked.read_text() == "asked\n"
