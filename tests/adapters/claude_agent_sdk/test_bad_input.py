"""What cannot be kept is refused before anything runs, and says what to do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from claude_agent_sdk import (
    ClaudeAgentOptions,
    HookMatcher,
    InMemorySessionStore,
    PermissionResultAllow,
    create_sdk_mcp_server,
)
from claude_agent_sdk import tool as sdk_tool

import kitaru
from kitaru import checkpoint, flow
from kitaru.adapters.claude_agent_sdk import ClaudeRunRequest, KitaruClaudeRunner
from kitaru.errors import KitaruContextError, KitaruUsageError, KitaruUserCodeError
from kitaru.testing import FlowTester
from tests.adapters import installed
from tests.adapters.claude_agent_sdk.claude import Claude


def cause(runner: KitaruClaudeRunner, request: Any = "hello there") -> Exception:
    """Return what a flow fails with."""

    @flow
    def working() -> str:
        return runner.run_sync(request).output

    with FlowTester() as tester:
        run = tester.run(working)
        with pytest.raises(KitaruUserCodeError) as raised:
            _ = run.result
    found = raised.value.__cause__
    assert isinstance(found, Exception)
    return found


async def allow(*_: Any) -> PermissionResultAllow:
    return PermissionResultAllow()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"checkpoint_strategy": "calls"}, "checkpoint_strategy must be 'invocation'"),
        ({"permissions": "ask"}, "'wait' or 'deny' or 'sdk'"),
        ({"options": {}}, r"options must be a ClaudeAgentOptions\(\.\.\.\)"),
        ({"options_factory": 3}, "options_factory must be a function"),
        ({"wait_timeout": -1}, "wait_timeout must be seconds"),
        ({"capture": True}, "capture must be a CapturePolicy"),
        ({"name": " "}, "name must be a text"),
        ({"permission": "wait"}, "'permission'; did you mean 'permissions'"),
        ({"checkpoint_config": {"tries": 2}}, "unknown option 'tries'"),
        (
            {"options": ClaudeAgentOptions(), "options_factory": ClaudeAgentOptions},
            "not both",
        ),
        (
            {"options": ClaudeAgentOptions(can_use_tool=allow)},
            r"can_use_tool.*permissions='wait'.*permissions='sdk'",
        ),
        (
            {
                "options": ClaudeAgentOptions(permission_prompt_tool_name="t"),
                "permissions": "deny",
            },
            "permission_prompt_tool_name",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_options_are_refused(options: Any, said: str) -> None:
    with pytest.raises(KitaruUsageError, match=said):
        KitaruClaudeRunner(**{"name": "claude", **options})


@pytest.mark.parametrize(
    ("option", "value", "instead"),
    [
        ("resume", "s", "ClaudeRunRequest.resume"),
        ("continue_conversation", True, "ClaudeRunRequest.resume"),
        ("session_id", "s", "a session of its own"),
        ("fork_session", True, "replay the execution"),
        ("resume_session_at", "u", "replay the execution"),
        ("session_store", InMemorySessionStore(), "Kitaru keeps the session"),
        ("enable_file_checkpointing", True, "cannot keep files and sessions"),
    ],
)
def test_what_a_flow_cannot_keep_is_refused(
    claude: Claude, option: str, value: Any, instead: str
) -> None:
    runner = claude.runner(**{option: value})

    error = cause(runner)

    assert isinstance(error, KitaruUsageError)
    assert f"{option}=" in str(error)
    assert instead in str(error)
    assert claude.requests == 0


def test_a_factory_has_to_make_options() -> None:
    wrong: Any = dict
    runner = KitaruClaudeRunner(name="claude", options_factory=wrong)

    error = cause(runner)

    assert "must return a ClaudeAgentOptions(...), got dict" in str(error)


def test_a_callback_that_a_factory_brings_along_is_refused(claude: Claude) -> None:
    error = cause(claude.runner(can_use_tool=allow))

    assert "decides about permissions" in str(error)


@pytest.mark.parametrize("request_", ["", "  ", 3, ["hello"]], ids=repr)
def test_what_is_no_prompt_is_refused(claude: Claude, request_: Any) -> None:
    with pytest.raises(KitaruUsageError, match="prompt"):
        claude.runner().run_sync(request_)


def test_a_resume_needs_a_session() -> None:
    nothing: Any = None
    with pytest.raises(KitaruUsageError, match="session_id of an earlier result"):
        ClaudeRunRequest.resume(nothing, "hello")


def test_an_unknown_session_is_an_error_of_claude(claude: Claude) -> None:
    unknown = "8ad2cd40-7d39-4a86-9f1c-0b7a4c3f8d11"

    error = cause(claude.runner(), ClaudeRunRequest.resume(unknown, "hello"))

    assert "No conversation found" in str(error)


def test_run_sync_on_a_loop_says_what_to_use(claude: Claude) -> None:
    async def running() -> None:
        claude.runner().run_sync("hello")

    with pytest.raises(KitaruUsageError, match=r"await runner\.run\(\)"):
        asyncio.run(running())


@checkpoint
def look() -> str:
    return "seen"


async def waiting(*_: Any) -> Any:
    kitaru.wait(schema=bool, name="ok")


async def looking(*_: Any) -> Any:
    return look()


@pytest.mark.parametrize(
    ("tried", "said"), [(waiting, "wait()"), (looking, "checkpoint 'look'")]
)
@pytest.mark.parametrize("place", ["hook", "callback", "tool"])
def test_what_no_checkpoint_can_do_fails_the_invocation_wherever_it_is_tried(
    claude: Claude, tried: Any, said: str, place: str
) -> None:
    if place == "hook":
        hooks = {"PreToolUse": [HookMatcher(hooks=[tried])]}
        runner, prompt = claude.runner(hooks=hooks), "bash one"
    elif place == "callback":
        runner = claude.runner(permissions="sdk", can_use_tool=tried)
        prompt = "bash one"
    else:
        servers = {
            "own": create_sdk_mcp_server(
                "own", tools=[sdk_tool("ask", "Ask", {})(tried)]
            )
        }
        runner = claude.runner(mcp_servers=servers, allowed_tools=["mcp__own__ask"])
        prompt = "call mcp__own__ask"

    error = cause(runner, prompt)

    assert isinstance(error, KitaruContextError)
    assert f"{said} was called inside checkpoint 'claude.r1'" in str(error)
    assert "do it in the flow" in str(error)
    assert claude.made == []


def test_without_the_sdk_the_adapter_says_what_to_install(tmp_path: Path) -> None:
    said = installed.refusal(
        "claude_agent_sdk", None, "kitaru.adapters.claude_agent_sdk", tmp_path
    )

    assert "not installed: pip install 'kitaru[claude-agent-sdk]'" in said


def test_with_an_old_sdk_the_adapter_says_what_it_needs(tmp_path: Path) -> None:
    source = "class ClaudeAgentOptions: ..."

    said = installed.refusal(
        "claude_agent_sdk", source, "kitaru.adapters.claude_agent_sdk", tmp_path
    )

    assert "needs claude-agent-sdk >=0.2.189,<0.3" in said
    assert "pip install --upgrade 'kitaru[claude-agent-sdk]'" in said
