"""An invocation of Claude is one checkpoint; what has ended is never paid for again."""

from __future__ import annotations

import asyncio
import copy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from claude_agent_sdk import (
    AssistantMessage,
    ResultError,
    ResultMessage,
    UserMessage,
    create_sdk_mcp_server,
)
from claude_agent_sdk import tool as sdk_tool

import kitaru
from kitaru import Budget, checkpoint, flow
from kitaru.adapters.claude_agent_sdk import (
    CapturePolicy,
    ClaudeRunRequest,
    KitaruClaudeRunner,
)
from kitaru.errors import KitaruUserCodeError
from kitaru.testing import FlowTester
from tests.adapters.claude_agent_sdk.claude import Claude
from tests.support import claude_code

COST = Decimal(str(claude_code.COST))


def test_outside_a_flow_it_is_the_sdk(claude: Claude) -> None:
    options = claude.options(allowed_tools=["Bash"])
    before = copy.copy(options)
    runner = KitaruClaudeRunner(name="claude", options=options)

    result = runner.run_sync("bash one")

    assert (result.output, result.status, claude.made) == (
        "1: one",
        "completed",
        ["one"],
    )
    assert result.cost == 2 * COST
    assert options == before
    # The session is where Claude Code keeps its sessions.
    again = runner.run_sync(ClaudeRunRequest.resume(str(result.session_id), "more"))
    assert again.output == "2: more"


def test_a_run_is_one_checkpoint_with_what_was_said(claude: Claude) -> None:
    runner = claude.runner(allowed_tools=["Bash"])
    found: list[Any] = []

    @flow
    def working() -> str:
        result = runner.run_sync("bash one")
        found.append(result)
        return result.output

    with FlowTester() as tester:
        run = tester.run(working)
        (call,) = run.execution.checkpoints
        kept = {artifact.name: artifact.load() for artifact in call.artifacts}

        assert run.result == "1: one"
    assert (call.invocation_id, call.checkpoint_type) == (
        "claude.r1",
        "claude_invocation",
    )
    assert [type(message) for message in found[0].messages] == [
        AssistantMessage,
        UserMessage,
        AssistantMessage,
        ResultMessage,
    ]
    assert kept["prompt"] == "bash one"
    assert kept["response"] == "1: one"
    assert kept["tool_calls"][0]["tool"] == "Bash"


def test_a_session_goes_on_where_nothing_of_it_is_and_counts_exactly(
    claude: Claude,
) -> None:
    runner = claude.runner(allowed_tools=["Bash"])
    results: list[Any] = []

    @flow
    def talking() -> list[str]:
        first = runner.run_sync("bash one")
        second = runner.run_sync(ClaudeRunRequest.resume(first.session_id, "bash two"))
        third = runner.run_sync(ClaudeRunRequest.resume(second.session_id, "three"))
        results[:] = [first, second, third]
        return [result.output for result in results]

    with FlowTester() as tester:
        run = tester.run(talking)

        assert run.result == ["1: one", "2: two", "3: three"]
        assert len({result.session_id for result in results}) == 1
        assert [result.cost for result in results] == [2 * COST, 2 * COST, COST]
        usage = run.execution.usage
        assert usage is not None
        assert (usage.requests, usage.cost) == (5, 5 * COST)
        assert usage.input_tokens == 5 * claude_code.SENT
        # Each keeps what it added, and nothing of those before.
        sizes = [
            len(call.artifacts[-1].load()["session"][0]["entries"])
            for call in run.execution.checkpoints
        ]
        assert sizes[1] <= sizes[0]
        assert sizes[2] < sizes[1]


def test_what_has_ended_is_not_made_again_and_tells_the_same(claude: Claude) -> None:
    runner = claude.runner(allowed_tools=["Bash"])
    results: list[Any] = []

    @flow
    def talking() -> str:
        first = runner.run_sync("bash one")
        results.append(first)
        if len(results) == 1:
            raise ConnectionError("later")
        second = runner.run_sync(ClaudeRunRequest.resume(first.session_id, "bash two"))
        return second.output

    with FlowTester() as tester:
        failed = tester.run(talking)
        run = tester.retry(failed)

        assert run.result == "2: two"
        run.assert_reused("claude.r1")

    assert claude.made == ["one", "two"]
    assert claude.requests == 4
    assert results[0] == results[1]


def test_runs_beside_one_another_keep_their_ids_and_sessions(claude: Claude) -> None:
    one, two = claude.runner("one"), claude.runner("two")

    @flow
    async def working() -> list[str]:
        first, second = await asyncio.gather(one.run("hello one"), two.run("hello two"))
        again = await two.run(ClaudeRunRequest.resume(second.session_id, "bye"))
        return [first.output, second.output, again.output]

    with FlowTester() as tester:
        run = tester.run(working)

        assert run.result == ["1: hello one", "1: hello two", "2: bye"]
        assert sorted(run.ran) == ["one.r1", "two.r1", "two.r2"]


def test_a_tool_of_the_sdk_has_the_key_of_its_invocation(claude: Claude) -> None:
    keys: list[str] = []

    @sdk_tool("pay", "Pay", {})
    async def pay(_: Any) -> Any:
        keys.append(kitaru.call_key())
        return {"content": [{"type": "text", "text": "paid"}]}

    runner = claude.runner(
        mcp_servers={"own": create_sdk_mcp_server("own", tools=[pay])},
        allowed_tools=["mcp__own__pay"],
    )

    @flow
    def working() -> str:
        return runner.run_sync("call mcp__own__pay").output

    with FlowTester() as tester:
        run = tester.run(working)

        assert run.result == "1: paid"
        assert keys == [f"{run.exec_id}/claude.r1"]


def test_an_error_of_a_run_has_its_type_and_its_cost(claude: Claude) -> None:
    runner = claude.runner(max_turns=1, allowed_tools=["Bash"])

    @flow
    def working() -> str:
        try:
            return runner.run_sync("bash one").output
        except ResultError as error:
            return str(error.subtype)

    with FlowTester() as tester:
        run = tester.run(working)

        assert run.result == "error_max_turns"
        usage = run.execution.usage
        assert usage is not None
        assert (usage.requests, usage.cost) == (1, COST)


def test_a_failed_invocation_is_tried_again_from_the_session_before_it(
    claude: Claude,
) -> None:
    runner = claude.runner(checkpoint_config={"retries": 1})

    @flow
    def talking() -> str:
        first = runner.run_sync("hello there")
        asked = ClaudeRunRequest.resume(first.session_id, "fail for good")
        return runner.run_sync(asked).output

    with FlowTester() as tester:
        run = tester.run(talking)

        with pytest.raises(KitaruUserCodeError, match="for good") as raised:
            _ = run.result
        assert isinstance(raised.value.__cause__, ResultError)
        assert [len(call.attempts) for call in run.execution.checkpoints] == [1, 2]


def test_a_replay_takes_another_output_in_place_of_an_invocation(
    claude: Claude,
) -> None:
    runner = claude.runner()

    @flow
    def working() -> list[Any]:
        first = runner.run_sync("hello one")
        second = runner.run_sync("hello two")
        return [first.output, first.session_id, second.output]

    with FlowTester() as tester:
        run = tester.run(working)
        again = tester.replay(
            run, from_="claude.r2", overrides={"checkpoint.claude.r1": "other words"}
        )

        assert again.result == ["other words", None, "1: hello two"]


def test_in_a_checkpoint_it_runs_as_part_of_it(claude: Claude) -> None:
    runner = claude.runner(allowed_tools=["Bash"])

    @checkpoint
    def review() -> str:
        return runner.run_sync("bash one").output

    @flow
    def working() -> str:
        return review()

    with FlowTester() as tester:
        run = tester.run(working)

        assert run.result == "1: one"
        (call,) = run.execution.checkpoints
        assert call.metadata["agent_calls"]["claude"]["outcome"] == "completed"
        usage = run.execution.usage
        assert usage is not None
        assert usage.cost == 2 * COST


def test_a_session_of_this_machine_goes_on_elsewhere(
    claude: Claude, tmp_path: Path
) -> None:
    options = claude.options()
    begun = KitaruClaudeRunner(name="before", options=options).run_sync("hello there")
    homes = iter([options, claude.options()])
    runner = KitaruClaudeRunner(name="claude", options_factory=lambda: next(homes))

    @flow
    def going_on() -> list[str]:
        first = runner.run_sync(ClaudeRunRequest.resume(str(begun.session_id), "two"))
        second = runner.run_sync(ClaudeRunRequest.resume(first.session_id, "three"))
        return [first.output, second.output]

    with FlowTester() as tester, pytest.MonkeyPatch.context() as patch:
        # Where the SDK looks for the sessions of this machine.
        patch.setenv("CLAUDE_CONFIG_DIR", options.env["CLAUDE_CONFIG_DIR"])

        assert tester.run(going_on).result == ["2: two", "3: three"]


def test_an_invocation_beyond_the_budget_asks_first(claude: Claude) -> None:
    runner = claude.runner()

    @flow(budget=Budget(usd=claude_code.COST))
    def working() -> str:
        runner.run_sync("hello one")
        return runner.run_sync("hello two").output

    with FlowTester(answers={"budget": 1}) as tester:
        run = tester.run(working)

        assert run.result == "1: hello two"
        assert [wait.name for wait in run.execution.waits] == ["budget"]


def test_what_is_not_to_be_captured_is_not_kept(claude: Claude) -> None:
    nothing = CapturePolicy(
        prompts=False, responses=False, tool_arguments=False, usage=False
    )
    runner = claude.runner(capture=nothing, allowed_tools=["Bash"])

    @flow
    def working() -> str:
        return runner.run_sync("bash one").output

    with FlowTester() as tester:
        run = tester.run(working)
        (call,) = run.execution.checkpoints

        assert [artifact.name for artifact in call.artifacts] == ["claude.r1"]
        usage = run.execution.usage
        assert usage is not None
        assert (usage.requests, usage.cost) == (0, 0)
