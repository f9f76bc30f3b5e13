"""Who decides whether Claude may call a tool.

A call that needs a person's word is deferred: the invocation ends, and its checkpoint is
complete. The next invocation of the session begins with the decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from claude_agent_sdk import (
    CanUseTool,
    ClaudeAgentOptions,
    HookMatcher,
    PermissionResultAllow,
    PermissionResultDeny,
    ToolPermissionContext,
)

from kitaru.adapters.claude_agent_sdk.asking import ASK_USER, Decision

Permissions = Literal["wait", "deny", "sdk"]
# By the ids of calls.
Decisions = Mapping[str, Decision]

# What asks unless it is allowed. About the rest Claude Code decides first.
_ASKING = frozenset(
    {
        "Bash",
        "PowerShell",
        "Write",
        "Edit",
        "MultiEdit",
        "NotebookEdit",
        "WebFetch",
        "WebSearch",
        "ExitPlanMode",
    }
)
_MCP = "mcp__"
_EDITS = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})
# Modes in which Claude Code asks nobody.
_SILENT = frozenset({"bypassPermissions", "dontAsk", "auto"})

_NOBODY = "Nobody can be asked here, and this call is not allowed."
_REFUSED = "A person was asked, and did not allow this call."
_AFTERWARDS = (
    "Not decided yet: another call waits for a person's word. Once that one is decided, "
    "make this call again, and the person is asked."
)
_ONCE_MORE = (
    "Not decided yet: a person has to allow this call. Make it once more, alone, with "
    "the same input, and the person is asked."
)
_SUB_AGENT = (
    "A person would have to allow this call, and a sub-agent cannot wait for one. Say "
    "so in your answer; the main agent can make the call."
)


class Gatekeeper:
    """Decides about the calls of one invocation.

    Args:
        allowed: `ClaudeAgentOptions.allowed_tools`.
        decisions: What people have decided.
        expected: Tools whose next call is asked about: one was refused so far because
            nobody had been asked.
    """

    def __init__(
        self, allowed: list[str], decisions: Decisions, expected: set[str]
    ) -> None:
        self._allowed = allowed
        self._decisions = decisions
        self.expected = set(expected)
        self._deferred: str | None = None

    def guarded(self, options: ClaudeAgentOptions) -> ClaudeAgentOptions:
        """Return options with this in charge of permissions."""
        return in_charge(hooked(options, self._before), self._asked)

    async def _before(self, given: Any, tool_use_id: str | None, _: Any) -> Any:
        """Decide before Claude Code's own rules do; with `{}` they decide."""
        call_id = tool_use_id or given["tool_use_id"]
        if call_id in self._decisions:
            return _decided(self._decisions[call_id], given["tool_input"])
        tool = given["tool_name"]
        if tool not in self.expected and not asks(
            tool, self._allowed, given.get("permission_mode")
        ):
            return {}
        if given.get("agent_id"):
            return _hooked("deny", _SUB_AGENT)
        if self._deferred is not None:
            # Of several deferred calls of one answer only one would be left.
            return _hooked("deny", _AFTERWARDS)
        self._deferred = call_id
        self.expected.discard(tool)
        return _hooked("defer")

    async def _asked(
        self, tool: str, given: dict[str, Any], context: ToolPermissionContext
    ) -> PermissionResultAllow | PermissionResultDeny:
        """Decide about what Claude Code would ask a person."""
        call_id = context.tool_use_id or ""
        if call_id in self._decisions:
            # It runs a deferred call before hooks are there, and asks here.
            decision = self._decisions[call_id]
            if decision is False:
                return PermissionResultDeny(message=_REFUSED)
            return PermissionResultAllow(updated_input=_changed(given, decision))
        if context.agent_id:
            return PermissionResultDeny(message=_SUB_AGENT)
        if call_id == self._deferred:
            # Claude Code does not defer one of several calls of a message.
            self._deferred = None
        self.expected.add(tool)
        return PermissionResultDeny(message=_ONCE_MORE)


def hooked(options: ClaudeAgentOptions, before: Any) -> ClaudeAgentOptions:
    """Return options with a hook before each call of a tool.

    The CLI outlives a process that is killed. Without an answer of the hook it calls no
    tool any more, so that it does nothing beside the attempt that comes next.
    """
    hooks = dict(options.hooks or {})
    own = HookMatcher(hooks=[before], on_failure="block")
    hooks["PreToolUse"] = [*hooks.get("PreToolUse", []), own]
    return replace(options, hooks=hooks)


async def no_opinion(*_: Any) -> Any:
    """Answer that this process lives, and let others decide."""
    return {}


def in_charge(options: ClaudeAgentOptions, decide: CanUseTool) -> ClaudeAgentOptions:
    """Return options in which a callback decides what is not allowed already.

    The SDK warns of tools that are allowed past a callback. Here that is what was asked
    for, so those go to the CLI as arguments of their own.
    """
    arguments: dict[str, str | None] = {}
    if options.allowed_tools:
        arguments["allowedTools"] = ",".join(options.allowed_tools)
    if options.permission_mode:
        arguments["permission-mode"] = options.permission_mode
    return replace(
        options,
        can_use_tool=decide,
        allowed_tools=[],
        permission_mode=None,
        extra_args={**arguments, **options.extra_args},
    )


async def deny(
    tool: str, given: dict[str, Any], context: ToolPermissionContext
) -> PermissionResultDeny:
    """Refuse what Claude Code would ask a person."""
    return PermissionResultDeny(message=_NOBODY)


def asks(tool: str, allowed: list[str], mode: str | None) -> bool:
    """Whether a person is asked before a tool is called.

    Where a rule of `allowed_tools` speaks of the tool, or the mode allows it, Claude
    Code's own rules decide first.
    """
    if tool == ASK_USER:
        return True
    if mode in _SILENT or (mode == "acceptEdits" and tool in _EDITS):
        return False
    if tool not in _ASKING and not tool.startswith(_MCP):
        return False
    return not any(_speaks_of(rule, tool) for rule in allowed)


def _speaks_of(rule: str, tool: str) -> bool:
    # Such as `Bash`, `Bash(git log *)`, `mcp__server`, `mcp__server__*`.
    named = rule.partition("(")[0].strip().removesuffix("*").removesuffix("__")
    return tool == named or (named.startswith(_MCP) and tool.startswith(f"{named}__"))


def _decided(decision: Decision, given: dict[str, Any]) -> dict[str, Any]:
    if decision is False:
        return _hooked("deny", _REFUSED)
    changed = _changed(given, decision)
    return _hooked("allow", changed=None if changed == given else changed)


def _changed(given: dict[str, Any], decision: Decision) -> dict[str, Any]:
    """Return the arguments of a call that is made."""
    return {**given, **decision} if isinstance(decision, dict) else given


def _hooked(
    decision: str, reason: str = "", *, changed: dict[str, Any] | None = None
) -> dict[str, Any]:
    said: dict[str, Any] = {
        "hookEventName": "PreToolUse",
        "permissionDecision": decision,
    }
    if reason:
        said["permissionDecisionReason"] = reason
    if changed is not None:
        said["updatedInput"] = changed
    return {"hookSpecificOutput": said}
