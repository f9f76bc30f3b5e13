"""The same journey through MCP and through the client, on every engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from pydantic import BaseModel

from kitaru import KitaruClient, checkpoint, flow, log, save, wait
from kitaru.models import ArtifactRef, Execution, LogEntry
from tests.support import assistant
from tests.support.assistant import given
from tests.support.polling import DEADLINE

PROJECT = Path(__file__).parent

pytestmark = pytest.mark.usefixtures("engine")


class Verdict(BaseModel):
    good: bool
    stars: int = 3


@checkpoint
def mcp_draft(topic: str) -> str:
    print(f"drafting {topic}")
    save("notes", {"words": 3})
    log(topic=topic)
    return f"about {topic}"


@flow
def mcp_writing(topic: str) -> str:
    text = mcp_draft(topic)
    answer = wait(schema=Verdict, question="Is it good?", timeout=0)
    return f"{text}: {answer.stars}" if answer.good else "thrown away"


def execution(found: dict[str, Any]) -> Execution:
    return Execution.model_validate(found["execution"])


def test_records_are_those_of_the_client(tmp_path: Path) -> None:
    client = KitaruClient()
    exec_id = mcp_writing.run("cats").exec_id

    async def journey(mcp: Client) -> None:
        waiting = await given(mcp, "kitaru_executions_get", exec_id=exec_id)
        assert execution(waiting) == client.executions.get(exec_id)
        assert waiting["execution"]["pending_wait"]["schema"]["title"] == "Verdict"
        latest = await given(mcp, "kitaru_executions_latest", flow="mcp_writing")
        assert execution(latest) == client.executions.get(exec_id)
        await given(
            mcp,
            "kitaru_executions_input",
            exec_id=exec_id[:8],
            value={"good": True},
            wait_seconds=DEADLINE,
        )
        done = await given(mcp, "kitaru_executions_get", exec_id=exec_id)
        assert done["execution"]["status"] == "completed"
        assert execution(done) == client.executions.get(exec_id)
        listed = await given(mcp, "kitaru_executions_list", flow="mcp_writing", size=1)
        items = [Execution.model_validate(item) for item in listed["items"]]
        assert items == client.executions.list(flow="mcp_writing", size=1)
        refs = await given(mcp, "kitaru_artifacts_list", exec_id=exec_id)
        found = [ArtifactRef.model_validate(item) for item in refs["items"]]
        assert found == client.artifacts.list(exec_id)
        logs = await given(mcp, "get_execution_logs", exec_id=exec_id, source="step")
        entries = [LogEntry.model_validate(item) for item in logs["items"]]
        assert entries == list(client.executions.logs(exec_id))
        for ref in found:
            value = await given(
                mcp, "kitaru_artifacts_get", artifact_id=ref.artifact_id
            )
            artifact = client.artifacts.get(ref.artifact_id)
            assert artifact == ref
            assert ArtifactRef.model_validate(value["artifact"]) == artifact
            assert value["value"] == artifact.load()

    assistant.talk(PROJECT, journey)
