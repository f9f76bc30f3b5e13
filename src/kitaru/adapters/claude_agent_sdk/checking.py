"""What a runner can be told, and which options of the SDK a flow cannot keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions

from kitaru._core.settings.options import FUNCTION, SECONDS, TEXT, Option, one_of
from kitaru.adapters._shared.options import COMMON
from kitaru.errors import KitaruUsageError

OptionsFactory = Callable[[], ClaudeAgentOptions]

OPTIONS: Mapping[str, Option] = {
    "name": TEXT,
    "options": Option(
        "a ClaudeAgentOptions(...)", lambda value: isinstance(value, ClaudeAgentOptions)
    ).or_none(),
    "options_factory": FUNCTION.or_none(),
    "checkpoint_strategy": one_of("invocation"),
    "capture": COMMON["capture"],
    "checkpoint_config": Option("a dict of settings", lambda value: True),
    "permissions": one_of("wait", "deny", "sdk"),
    "wait_timeout": SECONDS.or_none(),
}

_ASK_FOR_IT = "use ClaudeRunRequest.resume(session_id, prompt)"
# Of a session's own, which each attempt of a flow makes anew.
_OF_SESSIONS: Mapping[str, str] = {
    "resume": _ASK_FOR_IT,
    "continue_conversation": _ASK_FOR_IT,
    "session_id": "each attempt has a session of its own; the result names it",
    "fork_session": "replay the execution to go another way",
    "resume_session_at": "replay the execution to go another way",
    "resume_drops_turn": "replay the execution to go another way",
    "session_store": "Kitaru keeps the session with each checkpoint",
    "enable_file_checkpointing": "Claude Code cannot keep files and sessions elsewhere "
    "at once",
}
_OF_PERMISSIONS = ("can_use_tool", "permission_prompt_tool_name")
_DEFAULTS = {
    field.name: field.default
    for field in fields(ClaudeAgentOptions)
    if field.default is not MISSING
}


def check_source(options: object, factory: object) -> None:
    """Refuse both ways to give options at once.

    Raises:
        KitaruUsageError: Says what to do.
    """
    if options is not None and factory is not None:
        raise KitaruUsageError(
            "KitaruClaudeRunner takes options or options_factory, not both: the factory "
            "makes new ones for each invocation"
        )


def check_permissions(options: ClaudeAgentOptions, permissions: str) -> None:
    """Refuse a decider of the user's beside that of the runner.

    Raises:
        KitaruUsageError: Says what to do.
    """
    if permissions == "sdk":
        return
    for name in _OF_PERMISSIONS:
        if getattr(options, name):
            raise KitaruUsageError(
                f"ClaudeAgentOptions({name}=...) decides about permissions, and so does "
                f"permissions={permissions!r}; leave it out, or use permissions='sdk'"
            )


def check_for_flow(options: ClaudeAgentOptions) -> None:
    """Refuse what a flow cannot keep.

    Raises:
        KitaruUsageError: Names the option, and what to do.
    """
    for name, instead in _OF_SESSIONS.items():
        if getattr(options, name) != _DEFAULTS[name]:
            raise KitaruUsageError(
                f"ClaudeAgentOptions({name}=...) cannot be used in a flow: {instead}"
            )


def made_by(factory: OptionsFactory) -> ClaudeAgentOptions:
    """Return what a factory makes.

    Raises:
        KitaruUsageError: If it makes something else.
    """
    made: Any = factory()
    if not isinstance(made, ClaudeAgentOptions):
        raise KitaruUsageError(
            "options_factory must return a ClaudeAgentOptions(...), got "
            f"{type(made).__name__}"
        )
    return made
