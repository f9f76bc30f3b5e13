"""Options of the wrappers of all frameworks; those of checkpoints are the decorator's."""

from __future__ import annotations

from collections.abc import Mapping

from kitaru._core.settings.options import (
    FLAG,
    FUNCTION,
    MAPPING,
    SECONDS,
    TEXT,
    WAIT,
    Option,
    one_of,
)
from kitaru.adapters._shared.policy import CapturePolicy

_CAPTURE = Option(
    "a CapturePolicy(...)", lambda value: isinstance(value, CapturePolicy)
).or_none()
# Read one by one, by what reads the settings of a checkpoint.
_SETTINGS = Option("a dict of settings", lambda value: True)

COMMON: Mapping[str, Option] = {
    "name": TEXT.or_none(),
    "capture": _CAPTURE,
    "model_checkpoint_config": _SETTINGS,
    "tool_checkpoint_config": _SETTINGS,
    "tool_checkpoint_config_by_name": MAPPING.or_none(),
}
AGENT: Mapping[str, Option] = {
    **COMMON,
    "mcp_checkpoint_config": _SETTINGS,
    "models": MAPPING.or_none(),
    "event_stream_handler": FUNCTION.or_none(),
}
# A question that a tool asks, the wait that it becomes.
QUESTION: Mapping[str, Option] = {
    "question": TEXT.or_none(),
    "name": TEXT.or_none(),
    "schema": WAIT["schema"],
    "timeout": WAIT["timeout"],
}
HITL_TOOL: Mapping[str, Option] = {
    **QUESTION,
    "question_arg": Option(
        "a Python name", lambda value: isinstance(value, str) and value.isidentifier()
    ),
}
WAIT_FOR_INPUT: Mapping[str, Option] = {
    **QUESTION,
    "question": WAIT["question"],
    "metadata": WAIT["metadata"],
}
GRANULARITY: Mapping[str, Option] = {
    "granular_checkpoints": FLAG,
    # Read together with that.
    "checkpoint_strategy": Option("'calls' or 'turn'", lambda value: True),
}
# Of frameworks whose runs stop for approvals.
APPROVALS: Mapping[str, Option] = {
    "approvals": one_of("wait", "return"),
    "wait_timeout": SECONDS.or_none(),
}
