"""Two executions side by side, on every engine."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru.cli.app import app
from kitaru.errors import KitaruUsageError
from kitaru.flows import Flow
from kitaru.models import Comparison

pytestmark = pytest.mark.usefixtures("engine")


@checkpoint
def collect(topic: str) -> list[dict[str, Any]]:
    return [{"title": topic, "score": n} for n in range(3)]


@checkpoint
def write(sources: list[dict[str, Any]], tone: str) -> dict[str, Any]:
    return {"text": f"{tone} report", "sources": sources}


@checkpoint
def judge(draft: dict[str, Any]) -> bool:
    if "rude" in draft["text"]:
        raise ValueError("too rude")
    return True


@checkpoint
def apologise() -> str:
    return "\x1b[2Jsorry"


def made() -> Flow[[str, str], str]:
    """A flow that goes on in this process: no other one could find it."""

    @flow
    def reporting(topic: str, tone: str) -> str:
        draft = write(collect(topic), tone)
        if tone == "sorry":
            apologise()
        judge(draft)
        approved = kitaru.wait(schema=bool, name="approve", timeout=0)
        return f"{draft['text']}: {approved}"

    return reporting


reporting = made()


@flow
def other_reporting() -> None:
    pass


def compared(client: KitaruClient, tone: str, *, answer: bool = True) -> Comparison:
    """What came of a replay in another tone."""
    source = reporting.run("whales", "calm").exec_id
    client.executions.input(source, value=True)
    replay = reporting.replay(source, from_="write", tone=tone).exec_id
    if client.executions.get(replay).pending_wait:
        client.executions.input(replay, value=answer)
    return client.executions.compare(source, replay)


def test_a_replay_with_another_input_parts_there(client: KitaruClient) -> None:
    found = compared(client, "bold")

    assert found.first is not None
    assert found.first.text == "input tone is calm in A, bold in B"
    assert [(call.invocation_id, call.outcome) for call in found.calls] == [
        ("collect", "reused"),
        ("write", "changed"),
        ("judge", "same"),
    ]
    (change,) = found.calls[1].changes
    assert (change.path, change.before, change.after) == (
        "$.text",
        "calm report",
        "bold report",
    )
    assert [(one.path, one.after) for one in found.result] == [
        ("$", "bold report: True")
    ]
    assert found.calls[0].b is not None
    assert (found.calls[0].b.seconds, found.calls[0].b.attempts) == (0.0, 0)
    assert found.b.original_exec_id == found.a.exec_id


def test_a_failure_is_another_status_and_its_wait_is_missing(
    client: KitaruClient,
) -> None:
    found = compared(client, "rude")

    assert found.calls[-1].outcome == "status"
    assert (found.calls[-1].b and found.calls[-1].b.failure) == "ValueError: too rude"
    assert [(wait.name, wait.outcome, wait.a) for wait in found.waits] == [
        ("approve", "only_in_a", "answered")
    ]
    assert (found.a.status, found.b.status) == ("completed", "failed")


def test_another_answer_is_the_first_difference(client: KitaruClient) -> None:
    found = compared(client, "calm", answer=False)

    assert found.first is not None
    assert found.first.text == (
        "wait 'approve' is answered with true in A, answered with false in B"
    )


def test_an_execution_is_the_same_as_itself(client: KitaruClient) -> None:
    one = reporting.run("whales", "calm").exec_id

    found = client.executions.compare(one, one[:12])

    assert found.first is None
    assert {call.outcome for call in found.calls} == {"same"}


def test_other_flows_are_refused(client: KitaruClient) -> None:
    one, other = reporting.run("x", "calm").exec_id, other_reporting.run().exec_id

    with pytest.raises(
        KitaruUsageError, match=r"of flow 'reporting', .* of 'other_rep"
    ):
        client.executions.compare(one, other)


def test_a_call_of_one_alone_stands_where_it_came_and_is_shown(
    client: KitaruClient,
) -> None:
    found = compared(client, "sorry")
    assert [(call.invocation_id, call.outcome) for call in found.calls] == [
        ("collect", "reused"),
        ("write", "changed"),
        ("apologise", "only_in_b"),
        ("judge", "same"),
    ]
    ids = [found.a.exec_id, found.b.exec_id]

    shown = CliRunner().invoke(app, ["executions", "compare", *ids])
    data = CliRunner().invoke(app, ["executions", "compare", *ids, "-o", "json"])

    assert "First difference: input tone is calm in A, sorry in B" in shown.output
    assert '$.text  "calm report" → "sorry report"' in shown.output
    assert "4 calls: 1 reused, 1 changed, 1 only in b, 1 same" in shown.output
    assert json.loads(data.output)["item"] == found.model_dump(mode="json")
