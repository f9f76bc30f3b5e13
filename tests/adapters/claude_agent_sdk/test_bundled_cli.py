"""The CLI that comes with the SDK, against an API on this machine."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from claude_agent_sdk import ClaudeAgentOptions, ResultError, create_sdk_mcp_server
from claude_agent_sdk import tool as sdk_tool

import kitaru
from kitaru import flow
from kitaru.adapters.claude_agent_sdk import ClaudeRunRequest, KitaruClaudeRunner
from kitaru.testing import FlowTester
from tests.support import messages_api
from tests.support.messages_api import Api, text, tool

COLOUR = {
    "question": "Which one?",
    "header": "Colour",
    "multiSelect": False,
    "options": [
        {"label": "red", "description": "warm"},
        {"label": "blue", "description": "cold"},
    ],
}


def bash(call_id: str, label: str) -> dict[str, Any]:
    return tool(call_id, "Bash", command=f"echo {label} >> ran", description="note")


def script(body: dict[str, Any]) -> messages_api.Blocks:
    """Answer by what was asked last; what tools returned is said."""
    prompts = json.dumps([m for m in body["messages"] if m["role"] == "user"])
    told = messages_api.results(body)
    if "ask somebody" in prompts and "ask" not in told:
        return [tool("ask", "mcp__own__ask")]
    if "two at once" in prompts:
        if "one" not in told and "two" not in told:
            return [bash("one", "one"), bash("two", "two")]
        if "again" not in told:
            return [bash("again", "two")]
    if "colour" in prompts and "asked" not in told:
        return [tool("asked", "AskUserQuestion", questions=[COLOUR])]
    if "only one" in prompts and "refused" not in told:
        return [bash("refused", "refused")]
    said = " and ".join(part.partition("\n")[0] for part in told.values())
    return [text(f"Done: {said}")]


@pytest.fixture
def runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Any:
    """Makes runners of the bundled CLI; each invocation has another, empty home."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    homes = itertools.count(1)

    def made(api: Api, **more: Any) -> KitaruClaudeRunner:
        def options() -> ClaudeAgentOptions:
            home = tmp_path / f"home{next(homes)}"
            home.mkdir()
            return ClaudeAgentOptions(
                env=api.environment(home), cwd=project, setting_sources=[], **more
            )

        return KitaruClaudeRunner(name="claude", options_factory=options)

    return made


def test_calls_are_asked_about_and_a_session_goes_on_at_its_exact_cost(
    runner: Any,
) -> None:
    results: list[Any] = []
    with messages_api.serving(script) as api:
        claude = runner(api)

        @flow
        def talking() -> list[Any]:
            first = claude.run_sync("Do two at once, please")
            asked = ClaudeRunRequest.resume(first.session_id, "And only one, please")
            second = claude.run_sync(asked)
            results[:] = [first, second]
            return [result.output for result in results]

        with FlowTester(answers={"approve_Bash": [True, True, False]}) as tester:
            run = tester.run(talking)
            usage = run.execution.usage
            outputs = run.result

    assert Path("ran").read_text().split() == ["one", "two"]
    assert "was asked, and did not allow" in outputs[1]
    assert run.ran == [
        "claude.r1",
        "claude.r1.2",
        "claude.r1.3",
        "claude.r2",
        "claude.r2.2",
    ]
    # Every answer costs the same, and none was made twice.
    assert usage is not None
    assert usage.requests == len(api.bodies) == 5
    each = usage.cost / 5
    assert each > 0
    assert [result.cost for result in results] == [3 * each, 2 * each]


def test_an_error_of_a_run_keeps_its_cost_and_a_wait_in_a_tool_is_an_error(
    runner: Any,
) -> None:
    @sdk_tool("ask", "Ask", {})
    async def ask(_: Any) -> Any:
        kitaru.wait(schema=bool, name="ok")

    servers = {"own": create_sdk_mcp_server("own", tools=[ask])}
    with messages_api.serving(script) as api:
        short = runner(api, max_turns=1, allowed_tools=["Bash"])
        asking = runner(api, mcp_servers=servers, allowed_tools=["mcp__own"])

        @flow
        def working() -> list[str]:
            said = []
            for claude, prompt in ((short, "only one"), (asking, "ask somebody")):
                try:
                    claude.run_sync(prompt)
                except (ResultError, kitaru.KitaruContextError) as error:
                    said.append(f"{type(error).__name__}: {error}")
            return said

        with FlowTester() as tester:
            run = tester.run(working)
            usage = run.execution.usage
            failed, refused = run.result

    assert failed.startswith("ResultError")
    assert refused.startswith("KitaruContextError: wait() was called inside checkpoint")
    assert usage is not None
    assert usage.requests == len(api.bodies) == 3
    assert usage.cost is not None
    assert usage.cost > Decimal(0)


def test_a_question_of_claude_is_answered_from_the_flow(runner: Any) -> None:
    with messages_api.serving(script) as api:
        claude = runner(api)

        @flow
        def asking() -> str:
            return claude.run_sync("Choose a colour, please").output

        with FlowTester(answers={"answer_Colour": "teal"}) as tester:
            output = tester.run(asking).result

    assert '"Which one?"="teal"' in output
    assert len(api.bodies) == 2
