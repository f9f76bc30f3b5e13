"""A master agent over MCP: it watches five scouts, answers one, retries two, compares two.

    python fleet.py

The scouts are executions of their own. The master steers them with the tools that any
assistant has, and is a flow itself: kill it, and it goes on. Needs no key, no network.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

import kitaru
from kitaru import checkpoint, flow

METALS = ("copper", "gold", "iron", "lead", "tin")
UNCLEAR, OUTAGE = "lead", ("gold", "iron")
BUDGET = {"tokens": 5_000}  # of each scout
Meaning = Literal["the metal", "the pencil"]
Tool = Callable[..., Awaitable[Any]]
T = TypeVar("T")


@checkpoint
def prices(metal: str) -> list[int]:
    """Fetch prices; the first time, two of the servers are down."""
    up = Path(f".{metal}.up")
    if metal in OUTAGE and not up.exists():
        up.touch()
        raise ConnectionError(f"the prices of {metal} are not there yet")
    return [len(metal) * n for n in (1, 2, 3)]


@flow
def scout(metal: str) -> str:
    """Report on a metal; ask back if its name means two things."""
    meaning = metal
    outlook = kitaru.llm(f"What moves the price of {metal}?", model="test")
    if metal == UNCLEAR:
        meaning = kitaru.wait(schema=Meaning, name="meaning", timeout=0)
    return f"{meaning}: {prices(metal)[-1]} ({len(outlook)} characters of outlook)"


def with_tools(talk: Callable[[Tool], Awaitable[T]]) -> T:
    """Talk to an MCP server, which is a process in this folder."""
    server = StdioServerParameters(
        command=str(Path(sys.executable).with_name("kitaru-mcp")),
        args=["--project", "."],
        env=dict(os.environ),
    )

    async def main() -> T:
        async with Client(stdio_client(server)) as client:

            async def tool(name: str, **arguments: Any) -> Any:
                done = await client.call_tool(f"kitaru_executions_{name}", arguments)
                if done.is_error:
                    raise RuntimeError(f"{name} {arguments}: {done.content}")
                return done.structured_content

            return await talk(tool)

    return anyio.run(main)


@checkpoint
def start(run: str) -> dict[str, str]:
    """Start the scouts; begun twice, the keys find those that are there."""

    async def talk(tool: Tool) -> dict[str, str]:
        print("starting five scouts")
        found = {}
        for metal in METALS:
            wanted = {"target": "fleet.py:scout", "args": {"metal": metal}}
            began = await tool("run", key=f"{run}-{metal}", budget=BUDGET, **wanted)
            found[metal] = began["execution"]["exec_id"]
        return found

    return with_tools(talk)


async def status(tool: Tool, exec_id: str) -> str:
    """Return where a scout stands."""
    return str((await tool("get", exec_id=exec_id))["execution"]["status"])


@checkpoint
def watch(scouts: dict[str, str]) -> dict[str, str]:
    """Look at the scouts until each has ended or waits."""

    async def talk(tool: Tool) -> dict[str, str]:
        states = dict.fromkeys(scouts, "running")
        while "running" in states.values():
            states = {metal: await status(tool, one) for metal, one in scouts.items()}
            await anyio.sleep(0.5)
        return states

    return with_tools(talk)


@checkpoint
def steer(scouts: dict[str, str], meaning: str) -> None:
    """Answer the scouts that wait, and retry those that failed."""

    async def talk(tool: Tool) -> None:
        for exec_id in scouts.values():
            # Begun twice, this does not repeat what was done the first time.
            now = await status(tool, exec_id)
            if now == "waiting":
                await tool("input", exec_id=exec_id, value=meaning, wait_seconds=300)
            elif now == "failed":
                await tool("retry", exec_id=exec_id, wait_seconds=300)

    with_tools(talk)


@checkpoint
def compare(scouts: dict[str, str]) -> dict[str, Any]:
    """Say where two scouts part, and what all have spent."""

    async def talk(tool: Tool) -> dict[str, Any]:
        found = await tool("compare", a=scouts["gold"], b=scouts["iron"])
        seen = [await tool("get", exec_id=one) for one in scouts.values()]
        spent = sum(one["execution"]["budget"]["spent_tokens"] for one in seen)
        return {"they part at": found["first"], "tokens": spent}

    return with_tools(talk)


@flow
def master(run: str) -> dict[str, Any]:
    """Let five scouts report, with a person's word where one of them asks."""
    scouts = start(run)
    before = watch(scouts)
    meaning = kitaru.wait(schema=Meaning, name="meaning", question="Which lead?")
    steer(scouts, meaning)
    return {"before": before, "after": watch(scouts), **compare(scouts)}


if __name__ == "__main__":
    print(master.run(f"fleet-{os.getpid()}").wait())
