"""Versions through MCP: made, invoked, tagged and deleted, with the client's records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp.client.client import Client

from kitaru import KitaruClient
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from kitaru.models import Deployment, Execution
from tests.support import assistant
from tests.support.assistant import given, refused


@pytest.fixture
def client() -> Iterator[KitaruClient]:
    # What engines share has tests of its own; here it is about the tools.
    with use_engine(MemoryEngine()):
        yield KitaruClient()


def test_versions_are_deployed_invoked_tagged_and_deleted(
    tmp_path: Path, client: KitaruClient
) -> None:
    source = (
        "import kitaru\n\n\n@kitaru.flow\ndef {}(topic: str) -> str:\n    return topic"
    )
    name = "mcp_deployed"
    (tmp_path / "flows.py").write_text(source.format(name))
    target, named = f"flows.py:{name}", {"flow": name}

    async def journey(mcp: Client) -> None:
        deploy = "kitaru_deployments_deploy"
        made = await given(mcp, deploy, target=target, tags=["first"])
        assert Deployment.model_validate(made["deployment"]).version == 1
        again = await given(mcp, deploy, target=target)
        assert again["notes"] == ["same code as version 1"]
        wrong = await refused(mcp, "kitaru_deployments_invoke", **named, inputs={})
        assert "topic is missing; nothing was started" in wrong
        wanted = {"inputs": {"topic": "tides"}, "tag": "first", "wait_seconds": 30}
        done = await given(mcp, "kitaru_deployments_invoke", **named, **wanted)
        run = Execution.model_validate(done["execution"])
        assert (run.result, run.version) == ("tides", 1)
        back = {"version": 1, "tag": "default"}
        await given(mcp, "kitaru_deployments_tag", **named, **back)
        first = {"version": 1, "tag": "first"}
        await given(mcp, "kitaru_deployments_untag", **named, **first)
        shown = await given(mcp, "kitaru_deployments_get", **named)
        assert Deployment.model_validate(shown["deployment"]) == client.deployments.get(
            flow=name
        )
        await given(mcp, "kitaru_deployments_delete", **named, version=2)
        listed = await given(mcp, "kitaru_deployments_list", **named)
        items = [Deployment.model_validate(item) for item in listed["items"]]
        assert items == client.deployments.list(flow=name)
        assert [(item.version, item.tags) for item in items] == [(1, ("default",))]

    assistant.talk(tmp_path, journey)
