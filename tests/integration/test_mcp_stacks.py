"""Stacks of a real store through the MCP server."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp.client.client import Client

from tests.support import assistant
from tests.support.assistant import given, refused

pytestmark = [pytest.mark.zenml, pytest.mark.usefixtures("engine")]


def test_a_stack_is_made_and_deleted_and_never_made_the_active_one(
    tmp_path: Path,
) -> None:
    async def journey(mcp: Client) -> None:
        made = await given(mcp, "manage_stack", action="create", name="side")
        assert made["created"]["name"] == "side"
        listed = await given(mcp, "kitaru_stacks_list")
        active = {stack["name"]: stack["active"] for stack in listed["items"]}
        assert active == {"default": True, "side": False}
        gone = await given(mcp, "manage_stack", action="delete", name="side")
        assert gone["deleted"]["active"] == "default"
        said = await refused(mcp, "manage_stack", action="use", name="default")
        assert "action: Input should be 'create' or 'delete'" in said

    assistant.talk(tmp_path, journey)
