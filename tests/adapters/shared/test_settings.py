"""Which checkpoint each tool is."""

from __future__ import annotations

from typing import Any

import pytest

from kitaru.adapters._shared.settings import ToolSettings
from kitaru.errors import KitaruUsageError

TOOLS = ToolSettings({"retries": 1}, {"pay": {"timeout": 5}, "ask": False})


@pytest.mark.parametrize(
    ("tool", "own", "expected"),
    [
        pytest.param("look", None, {"retries": 1}, id="those of all"),
        pytest.param("pay", None, {"retries": 1, "timeout": 5}, id="by name over them"),
        pytest.param("pay", {"timeout": 9}, {"retries": 1, "timeout": 9}, id="its own"),
        pytest.param("ask", None, False, id="opted out"),
        pytest.param("ask", {"retries": 3}, {"retries": 3}, id="its own word wins"),
    ],
)
def test_the_nearest_word_counts(tool: str, own: Any, expected: Any) -> None:
    assert TOOLS.of(tool, own=own) == (
        expected if expected is False else {"retries": 1, **expected}
    )


@pytest.mark.parametrize("settings", [{"retries": -1}, {"tries": 1}, True, "no"])
def test_wrong_settings_name_the_tool(settings: Any) -> None:
    with pytest.raises(KitaruUsageError, match=r"by_name\['pay'\]"):
        ToolSettings(None, {"pay": settings})
