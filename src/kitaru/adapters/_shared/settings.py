"""Settings of an agent's checkpoints: for all tools, for single ones, and opt-outs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from kitaru.checkpoints import CheckpointSettings, checked_settings

# A tool with this in place of settings runs without a checkpoint.
OPTED_OUT: Literal[False] = False
ToolsByName = Mapping[str, Mapping[str, Any] | Literal[False]]


class ToolSettings:
    """Which checkpoint each tool of an agent is.

    Args:
        common: Settings of all tools.
        by_name: Those of single tools over them; `False` takes a tool out of its
            checkpoint: it runs in the flow, again each time the flow does.

    Raises:
        KitaruUsageError: For a setting that does not exist or has a wrong value.
    """

    def __init__(
        self,
        common: Mapping[str, Any] | None,
        by_name: ToolsByName | None,
    ) -> None:
        self._common = checked_settings(common, what="tool_checkpoint_config")
        self._out: set[str] = set()
        self._by_name: dict[str, CheckpointSettings] = {}
        for tool, settings in (by_name or {}).items():
            if settings is OPTED_OUT:
                self._out.add(tool)
                continue
            what = f"tool_checkpoint_config_by_name[{tool!r}]"
            self._by_name[tool] = checked_settings(settings, what=what)

    def of(
        self,
        tool: str,
        *,
        common: CheckpointSettings | None = None,
        own: Mapping[str, Any] | None = None,
    ) -> CheckpointSettings | Literal[False]:
        """Return the settings of one tool, `False` if it is no checkpoint.

        Args:
            tool: Its name.
            common: In place of those of all tools.
            own: What the tool itself says; it wins.
        """
        if tool in self._out and own is None:
            return OPTED_OUT
        base: Any = self._common if common is None else common
        combined = {**base, **self._by_name.get(tool, {}), **(own or {})}
        return checked_settings(combined, what=f"the settings of tool {tool!r}")
