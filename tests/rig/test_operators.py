"""Those who steer an execution on a remote stack: an assistant, and two at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from anyio import to_thread
from mcp.client.client import Client

from tests.rig.doorbell import doorbell
from tests.rig.laptop import Laptop
from tests.rig.rig import Rig
from tests.support import assistant
from tests.support.assistant import given

_POD_SECONDS = 170


def test_assistant_operates_an_execution_from_start_to_replay(
    laptop: Laptop, tmp_path: Path
) -> None:
    laptop.add_flows()
    seen: dict[str, Any] = {}

    async def journey(mcp: Client) -> None:
        async def ask(name: str, tool: str, **arguments: Any) -> dict[str, Any]:
            seen[name] = await given(mcp, tool, **arguments)
            found: dict[str, Any] = seen[name].get("execution", {})
            return found

        patience = {"wait_seconds": _POD_SECONDS}
        inputs = {"topic": "tools", "port": bell.port, "seconds": 120}
        started = await ask(
            "run",
            "kitaru_executions_run",
            target="agent.py:agent",
            args=inputs,
            **patience,
        )
        execution = {"exec_id": started["exec_id"]}
        await ask("waiting", "kitaru_executions_get", **execution)
        await ask(
            "answered", "kitaru_executions_input", value=True, **execution, **patience
        )
        bell.let_in("work on plan of tools")
        await ask("retried", "kitaru_executions_retry", **execution, **patience)
        await ask("log", "get_execution_logs", **execution)
        replayed = await ask(
            "replayed",
            "kitaru_executions_replay",
            **execution,
            from_="work",
            overrides={"checkpoint.plan": "another plan"},
            reuse_waits=True,
        )
        # The answer is taken over, so it comes to its work without anybody.
        await to_thread.run_sync(bell.rings, "work on another plan")
        await ask("cancelled", "kitaru_executions_cancel", exec_id=replayed["exec_id"])
        await ask("found", "kitaru_executions_list", status="cancelled")

    with (
        doorbell(refuse="work on plan of tools", hold="work on another plan") as bell,
        (tmp_path / "errors").open("w+") as errors,
    ):
        assistant.talk_over_pipe(laptop, journey, errors=errors, within=280)
        replayed = str(seen["replayed"]["execution"]["exec_id"])
        laptop.reaches(replayed, "cancelled")
        laptop.pods_end(replayed, 1)

    wait = seen["waiting"]["execution"]["pending_wait"]
    assert (wait["question"], wait["schema"]) == ("Publish?", {"type": "boolean"})
    assert "was sent away" in seen["answered"]["execution"]["failure"]["message"]
    assert seen["retried"]["execution"]["status"] == "completed"
    assert bell.heard.count("work on plan of tools") == 2
    printed = {entry["message"].partition(" on ")[0] for entry in seen["log"]["items"]}
    assert {"planning", "working"} <= printed
    assert (
        seen["replayed"]["execution"]["original_exec_id"]
        == (seen["run"]["execution"]["exec_id"])
    )
    assert bell.heard.count("work on another plan") == 1


@pytest.fixture
def deployer(rig: Rig, laptop: Laptop, tmp_path: Path) -> Laptop:
    """Another laptop, logged in with the key of a service account."""
    name = f"deployer-{uuid4().hex[:8]}"
    laptop.kitaru("auth", "service-accounts", "create", name)
    key = laptop.kitaru("auth", "api-keys", "create", name, "rig").stdout.strip()
    place = Laptop(rig, tmp_path / "deployer")
    for variable in [name for name in place.environment if name.startswith("ZENML_")]:
        del place.environment[variable]
    place.kitaru("login", rig.at.server_url, environment={"KITARU_AUTH_TOKEN": key})
    return place


def test_two_operators_at_once_do_not_get_in_each_others_way(
    laptop: Laptop, deployer: Laptop
) -> None:
    both = (laptop, deployer)
    with doorbell(hold="work on plan of two") as bell:
        execution_id = laptop.agent(topic="two", port=bell.port, seconds=120)
        laptop.reaches(execution_id, "waiting")
        following = [
            place.start_kitaru("executions", "logs", execution_id, "--follow")
            for place in both
        ]
        for follower in following:
            follower.says("planning on")

        answers = [
            place.start_kitaru("executions", "input", execution_id, "--value", value)
            for place, value in zip(both, ("true", "false"), strict=True)
        ]
        ended = [answer.finish() for answer in answers]
        bell.rings("work on plan of two")
        cancels = [
            place.start_kitaru("executions", "cancel", execution_id) for place in both
        ]
        cancelled = [cancel.finish() for cancel in cancels]
        laptop.reaches(execution_id, "cancelled")
        laptop.pods_end(execution_id, 1)
        followed = [follower.finish() for follower in following]

    won, lost = sorted(ended, key=lambda one: one.code)
    assert (won.code, lost.code) == (0, 1), (won.both, lost.both)
    assert "its runner (in its pod) goes on" in won.stdout
    # Which of them depends on how far the other was.
    assert re.search("answered by somebody else|that answer stands", lost.stderr)
    assert [one.code for one in cancelled] == [0, 0], [one.both for one in cancelled]
    assert [one.code for one in followed] == [0, 0], [one.both for one in followed]
    assert followed[0].stdout == followed[1].stdout
    assert "working on" in followed[0].stdout
    assert [place.execution(execution_id)["status"] for place in both] == [
        "cancelled",
        "cancelled",
    ]
    assert bell.heard == ["work on plan of two"]
