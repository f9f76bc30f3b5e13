"""Calls that need a person's permission become waits of the flow."""

from __future__ import annotations

from typing import Any

import pytest
from claude_agent_sdk import (
    HookMatcher,
    PermissionResultAllow,
    create_sdk_mcp_server,
)
from claude_agent_sdk import tool as sdk_tool

from kitaru import checkpoint, flow
from kitaru.adapters.claude_agent_sdk import CapturePolicy
from kitaru.adapters.claude_agent_sdk.permissions import asks
from kitaru.errors import KitaruContextError, KitaruUserCodeError
from kitaru.testing import FlowTester
from tests.adapters.claude_agent_sdk.claude import Claude


def said(
    claude: Claude, prompt: str, *answers: bool, name: str = "Bash", **settings: Any
) -> tuple[str, list[str]]:
    """Return what a flow answers, and the ids of its checkpoints."""
    runner = claude.runner(**settings)

    @flow
    def working() -> str:
        return runner.run_sync(prompt).output

    with FlowTester(answers={f"approve_{name}": list(answers)}) as tester:
        run = tester.run(working)
        return run.result, run.ran


def test_a_call_waits_for_a_person_and_runs_once(claude: Claude) -> None:
    output, ran = said(claude, "bash one", True)

    assert (output, claude.made) == ("1: one", ["one"])
    assert ran == ["claude.r1", "claude.r1.2"]
    # One request for the call, and one for what came of it.
    assert claude.requests == 2


def test_a_call_that_is_not_allowed_does_not_run(claude: Claude) -> None:
    output, _ = said(claude, "bash one", False)

    assert output == "1: A person was asked, and did not allow this call."
    assert claude.made == []


def test_the_question_names_the_tool_and_its_arguments(claude: Claude) -> None:
    runner = claude.runner(capture=CapturePolicy(redact=lambda value: "hidden"))

    @flow
    def working() -> str:
        return runner.run_sync("bash one").output

    with FlowTester() as tester:
        run = tester.run(working)
        wait = run.execution.pending_wait

    assert wait is not None
    assert (wait.name, wait.question) == ("approve_Bash", "Allow Claude to use 'Bash'?")
    assert wait.answer_schema == {"type": "boolean"}
    assert wait.metadata == {"tool": "Bash", "arguments": "hidden"}


def test_each_of_several_calls_is_asked_about(claude: Claude) -> None:
    output, ran = said(claude, "bash one two three", True, False, True)

    refused = "A person was asked, and did not allow this call."
    assert output == f"1: one and {refused} and three"
    assert claude.made == ["one", "three"]
    assert ran == ["claude.r1", "claude.r1.2", "claude.r1.3", "claude.r1.4"]


def test_calls_of_one_answer_are_asked_about_one_after_the_other(
    claude: Claude,
) -> None:
    output, _ = said(claude, "both one two", True, True)

    assert claude.made == ["one", "two"]
    assert output.endswith("one and two")


def test_what_no_rule_covers_is_asked_about_when_claude_calls_again(
    claude: Claude,
) -> None:
    output, _ = said(claude, "bash one", True, allowed_tools=["Bash(git log *)"])

    assert claude.made == ["one"]
    assert "Make it once more" in output


@pytest.mark.parametrize(
    "options",
    [
        {"allowed_tools": ["Bash"]},
        {"permission_mode": "bypassPermissions"},
    ],
    ids=str,
)
def test_what_the_options_allow_asks_nobody(claude: Claude, options: Any) -> None:
    _, ran = said(claude, "bash one", **options)

    assert (claude.made, ran) == (["one"], ["claude.r1"])


def test_a_sub_agent_cannot_wait_and_says_so(claude: Claude) -> None:
    output, ran = said(claude, "call Bash command=true sub_agent=yes")

    assert "a sub-agent cannot wait" in output
    assert ran == ["claude.r1"]


def test_with_deny_nobody_is_asked(claude: Claude) -> None:
    output, ran = said(claude, "bash one", permissions="deny")

    assert output == "1: Nobody can be asked here, and this call is not allowed."
    assert (claude.made, ran) == ([], ["claude.r1"])


def test_with_sdk_the_callback_of_the_options_decides(claude: Claude) -> None:
    async def allow(*_: Any) -> PermissionResultAllow:
        return PermissionResultAllow()

    output, _ = said(claude, "bash one", permissions="sdk", can_use_tool=allow)

    assert (output, claude.made) == ("1: one", ["one"])


def test_with_sdk_a_call_that_a_hook_deferred_is_the_result(claude: Claude) -> None:
    async def defer(*_: Any) -> Any:
        said = {"hookEventName": "PreToolUse", "permissionDecision": "defer"}
        return {"hookSpecificOutput": said}

    hooks = {"PreToolUse": [HookMatcher(hooks=[defer])]}
    runner = claude.runner(permissions="sdk", hooks=hooks)

    @flow
    def working() -> list[Any]:
        result = runner.run_sync("bash one")
        assert result.deferred is not None
        return [result.status, result.deferred.tool, result.deferred.call_id]

    with FlowTester() as tester:
        assert tester.run(working).result == ["deferred", "Bash", "toolu_0-0-0"]


def test_a_tool_of_the_sdk_asks_like_any_other(claude: Claude) -> None:
    @sdk_tool("greet", "Greet", {"name": str})
    async def greet(given: Any) -> Any:
        return {"content": [{"type": "text", "text": f"hello {given['name']}"}]}

    servers = {"own": create_sdk_mcp_server("own", tools=[greet])}

    output, ran = said(
        claude,
        "call mcp__own__greet name=Ada",
        True,
        name="mcp__own__greet",
        mcp_servers=servers,
    )

    assert output == "1: hello Ada"
    assert len(ran) == 2


def test_questions_of_claude_are_waits_that_are_open_together(claude: Claude) -> None:
    runner = claude.runner()

    @flow
    def working() -> str:
        return runner.run_sync("ask Colour Sizes+").output

    with FlowTester() as tester:
        run = tester.run(working)
        run.input(["small", "large"], wait="answer_Sizes_")
        run.input("teal", wait="answer_Colour")

        assert run.result == "1: Colour: teal; Sizes+: small, large"
        waits = {wait.name: wait for wait in run.execution.waits}

    assert waits["answer_Colour"].question == "Which Colour?"
    assert waits["answer_Colour"].metadata == {"options": {"one": "the first"}}
    assert waits["answer_Sizes_"].answer_schema["type"] == "array"


def test_in_a_checkpoint_nobody_can_be_asked(claude: Claude) -> None:
    runner = claude.runner()

    @checkpoint
    def review() -> str:
        return runner.run_sync("bash one").output

    @flow
    def working() -> str:
        return review()

    with FlowTester() as tester:
        run = tester.run(working)
        with pytest.raises(KitaruUserCodeError, match="'approve_Bash'") as raised:
            _ = run.result
    cause = raised.value.__cause__
    assert isinstance(cause, KitaruContextError)
    assert "allowed_tools" in str(cause)
    assert claude.made == []


@pytest.mark.parametrize(
    ("tool", "allowed", "mode", "expected"),
    [
        ("Bash", [], "default", True),
        ("Bash", [], None, True),
        ("Bash", ["Bash"], "default", False),
        ("Bash", ["Bash(git log *)"], "default", False),
        ("Bash", ["BashOutput"], "default", True),
        ("Bash", [], "bypassPermissions", False),
        ("Bash", [], "dontAsk", False),
        ("Bash", [], "acceptEdits", True),
        ("AskUserQuestion", [], "bypassPermissions", True),
        ("Edit", [], "acceptEdits", False),
        ("Write", [], "default", True),
        ("Read", [], "default", False),
        ("mcp__files__write", [], "default", True),
        ("mcp__files__write", ["mcp__files"], "default", False),
        ("mcp__files__write", ["mcp__files__*"], "default", False),
        ("mcp__files__write", ["mcp__files__read"], "default", True),
        ("mcp__files2__write", ["mcp__files"], "default", True),
        ("mcp__files__write", ["mcp__files__write"], "default", False),
    ],
)
def test_who_is_asked(
    tool: str, allowed: list[str], mode: str | None, expected: bool
) -> None:
    assert asks(tool, allowed, mode) is expected
