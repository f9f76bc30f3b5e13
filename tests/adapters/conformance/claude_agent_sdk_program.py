"""The flows of the conformance suite with Claude, its CLI played.

The whole invocation is one checkpoint: the journey is three of one session, each in an
empty home, and not the calls of tools inside one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import claude_code
from claude_agent_sdk import ClaudeAgentOptions, create_sdk_mcp_server
from claude_agent_sdk import tool as sdk_tool
from work import awork

from kitaru import flow
from kitaru.adapters.claude_agent_sdk import ClaudeRunRequest, KitaruClaudeRunner

CLI = claude_code.installed(Path.cwd(), Path("claude_agent_sdk_model.py"))


def options(**more: Any) -> ClaudeAgentOptions:
    home = claude_code.environment(Path(tempfile.mkdtemp()))
    return ClaudeAgentOptions(cli_path=CLI, env={**home, **more.pop("env", {})}, **more)


async def journey() -> list[str]:
    claude = KitaruClaudeRunner(name="claude", options_factory=options)
    result = await claude.run("one")
    outputs = [result.output]
    for prompt in ("two", "three"):
        asked = ClaudeRunRequest.resume(str(result.session_id), prompt)
        result = await claude.run(asked)
        outputs.append(result.output)
    await awork("ending")
    return outputs


@sdk_tool("prepare", "Prepare", {})
async def prepare(_: Any) -> Any:
    await awork("prepare")
    return {"content": [{"type": "text", "text": "prepared"}]}


@sdk_tool("colour", "Give a colour", {})
async def colour(_: Any) -> Any:
    return {"content": [{"type": "text", "text": "red"}]}


@flow
def asking() -> str:
    def painting() -> ClaudeAgentOptions:
        own = create_sdk_mcp_server("own", tools=[prepare, colour])
        allowed = ["mcp__own__prepare"]
        return options(mcp_servers={"own": own}, allowed_tools=allowed)

    painter = KitaruClaudeRunner(
        name="painter", options_factory=painting, wait_timeout=0
    )
    return str(painter.run_sync("paint").output)


@flow
def secretive() -> str:
    key, password = "sk-" + "live4" * 8, "hunter" + "2" * 9

    def keeping() -> ClaudeAgentOptions:
        told = f"The password: {password}"
        return options(env={"ANTHROPIC_API_KEY": key}, system_prompt=told)

    keeper = KitaruClaudeRunner(
        name="keeper", options_factory=keeping, checkpoint_config={"retries": 1}
    )
    prompt = f"My password is {password}. Use Bearer {key}."
    first = keeper.run_sync(prompt)
    again = ClaudeRunRequest.resume(str(first.session_id), prompt)
    return str(keeper.run_sync(again).output)


if __name__ == "__main__":
    handle = {"asking": asking, "secretive": secretive}[sys.argv[1]].run()
    print(handle.exec_id, handle.status)
