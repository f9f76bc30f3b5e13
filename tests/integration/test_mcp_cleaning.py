"""What cleaning would remove, as an assistant sees it; it removes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp.client.client import Client

from kitaru import KitaruClient, flow
from tests.support import assistant
from tests.support.assistant import given, refused

pytestmark = [pytest.mark.zenml, pytest.mark.usefixtures("engine")]


@flow
def mcp_cleaned() -> int:
    return 1


def test_cleaning_is_previewed_only(tmp_path: Path) -> None:
    exec_id = mcp_cleaned.run().exec_id

    async def journey(mcp: Client) -> None:
        found = await given(mcp, "kitaru_clean_preview", scope="all")
        assert [item["exec_id"] for item in found["plan"]["items"]] == [exec_id]
        assert found["executions_removed"] == 1
        said = await refused(mcp, "kitaru_clean_preview", scope="everything")
        assert "scope: Input should be 'project', 'global' or 'all'" in said

    assistant.talk(tmp_path, journey)

    assert KitaruClient().executions.get(exec_id).exec_id == exec_id
