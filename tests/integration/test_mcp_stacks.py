"""Stacks of a real store through the MCP server."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp.client.client import Client

from kitaru import create_secret
from tests.integration.test_remote_stacks import SAGEMAKER
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


def test_a_remote_stack_is_made_with_credentials_that_are_named(
    tmp_path: Path,
) -> None:
    create_secret("ours", SAGEMAKER["credentials"])
    settings = {
        key: value for key, value in SAGEMAKER.items() if key not in ("type", "name")
    }

    async def journey(mcp: Client) -> None:
        made = await given(
            mcp,
            "manage_stack",
            action="create",
            name="remote",
            type="sagemaker",
            settings=settings | {"credentials": {"secret": "ours"}},
            labels={"team": "nlp"},
        )
        assert made["created"]["labels"] == {"team": "nlp"}
        assert made["created"]["active"] is False
        assert "HUSH" not in str(made)
        gone = await given(
            mcp, "manage_stack", action="delete", name="remote", recursive=True
        )
        assert gone["deleted"]["connectors"] == ["remote"]

    assistant.talk(tmp_path, journey)


def test_an_assistant_gives_no_credentials_and_hears_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "HUSH")

    async def journey(mcp: Client) -> None:
        for part in (
            {"credentials": {"server": "https://x", "token": "$MY_TOKEN"}},
            {"credentials": {"secret": "ours", "token": "@/etc/hostname"}},
            {"artifact_store": {"uri": "s3://b", "credentials": {"key": "HUSH"}}},
            {
                "container_registry": {
                    "uri": "x.io",
                    "credentials": {"password": "HUSH"},
                }
            },
        ):
            said = await refused(
                mcp,
                "manage_stack",
                action="create",
                name="remote",
                type="kubernetes",
                settings=part,
            )
            assert "credentials are named here, not given" in said
            assert "HUSH" not in said
        said = await refused(
            mcp, "manage_stack", action="create", name="remote", type="vertex"
        )
        assert "artifact_store is missing" in said
        assert "location is missing" in said
        listed = await given(mcp, "kitaru_stacks_list")
        assert [stack["name"] for stack in listed["items"]] == ["default"]

    assistant.talk(tmp_path, journey)
