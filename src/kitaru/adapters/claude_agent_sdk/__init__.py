"""Claude Code in a flow: an invocation that has ended is never paid for again.

Example:
    >>> from claude_agent_sdk import ClaudeAgentOptions
    >>> from kitaru import flow
    >>> from kitaru.adapters.claude_agent_sdk import KitaruClaudeRunner
    >>> claude = KitaruClaudeRunner(
    ...     name="claude", options=ClaudeAgentOptions(allowed_tools=["Read"])
    ... )
    >>> @flow
    ... def review(path: str) -> str:
    ...     return claude.run_sync(f"Review {path}").output
"""

from __future__ import annotations

from kitaru.adapters._shared import extras as _extras

_extras.require(
    "claude_agent_sdk",
    # Deferred calls, errors that tell why, and sessions that are kept elsewhere.
    names=("DeferredToolUse", "ResultError", "import_session_to_store"),
    distribution="claude-agent-sdk",
    needed=">=0.2.189,<0.3",
    extra="claude-agent-sdk",
    adapter=__name__,
)

# Only after the check, whose message says what to do.
# ruff: noqa: E402
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters.claude_agent_sdk.results import (
    ClaudeRunRequest,
    ClaudeRunResult,
    PendingPermission,
)
from kitaru.adapters.claude_agent_sdk.runner import KitaruClaudeRunner

__all__ = [
    "CapturePolicy",
    "ClaudeRunRequest",
    "ClaudeRunResult",
    "KitaruClaudeRunner",
    "PendingPermission",
]
