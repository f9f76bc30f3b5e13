"""Executions stop before a call, and go on as somebody says, on every engine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru._ops import breakpoints as operations
from kitaru.errors import KitaruStateError, KitaruUsageError
from kitaru.models import Execution

pytestmark = pytest.mark.usefixtures("engine")


@checkpoint
def draft(topic: str) -> str:
    return f"draft of {topic}"


@checkpoint
def publish(text: str) -> str:
    return f"published {text}"


def _writing() -> Any:
    @flow
    def writing(topic: str) -> list[str]:
        return [publish(draft(topic)), publish(draft(f"more {topic}"))]

    return writing


def _stopped_at(execution: Execution) -> list[str]:
    return [wait.name for wait in execution.pending_waits]


def test_an_execution_stops_before_a_call_and_shows_what_it_is_given(
    client: KitaruClient,
) -> None:
    handle = _writing().with_options(break_before=["publish_2"]).run("cats")

    found = client.executions.get(handle.exec_id)
    (stop,) = found.pending_waits
    assert (found.status, stop.name, stop.kind) == (
        "waiting",
        "break:publish_2",
        "breakpoint",
    )
    assert stop.metadata == {
        "checkpoint": "publish",
        "arguments": {"text": "draft of more cats"},
    }
    assert [call.invocation_id for call in found.checkpoints] == [
        "draft",
        "publish",
        "draft_2",
    ]

    client.executions.input(handle.exec_id, value={"action": "continue"})

    assert handle.wait()[1] == "published draft of more cats"


def test_a_checkpoint_means_every_call_of_it(client: KitaruClient) -> None:
    handle = _writing().run("cats", break_before=["publish"])

    for stop in ("break:publish", "break:publish_2"):
        assert _stopped_at(client.executions.get(handle.exec_id)) == [stop]
        client.executions.input(handle.exec_id, value={"action": "continue"})

    assert handle.status == "completed"


def test_step_stops_before_each_call_until_somebody_continues(
    client: KitaruClient,
) -> None:
    handle = _writing().run("cats", break_before=["draft_1"])
    client.executions.input(handle.exec_id, value={"action": "step"})
    assert _stopped_at(client.executions.get(handle.exec_id)) == ["break:publish"]
    client.executions.input(handle.exec_id, value={"action": "step"})
    assert _stopped_at(client.executions.get(handle.exec_id)) == ["break:draft_2"]

    client.executions.input(handle.exec_id, value={"action": "continue"})

    assert handle.status == "completed"


def test_an_override_is_the_result_of_a_call_that_does_not_run(
    client: KitaruClient,
) -> None:
    handle = _writing().run("cats", break_before=["draft_2"])
    answer = {"action": "override", "value": "mine"}
    client.executions.input(handle.exec_id, value=answer)

    assert handle.wait() == ["published draft of cats", "published mine"]
    calls = client.executions.get(handle.exec_id).checkpoints
    assert [call.invocation_id for call in calls if call.overridden] == ["draft_2"]


def test_stop_cancels_the_execution(client: KitaruClient) -> None:
    handle = _writing().run("cats", break_before=["publish"])

    client.executions.input(handle.exec_id, value={"action": "stop"})

    found = client.executions.get(handle.exec_id)
    assert found.status == "cancelled"
    assert [call.invocation_id for call in found.checkpoints] == ["draft"]


def test_a_call_that_was_let_go_on_is_not_stopped_again_when_it_is_retried(
    client: KitaruClient,
) -> None:
    broken = [True]

    @checkpoint
    def fragile() -> str:
        if broken:
            raise OSError("not now")
        return "done"

    @flow
    def working() -> str:
        return fragile()

    handle = working.run(break_before=["fragile"])
    client.executions.input(handle.exec_id, value={"action": "continue"})
    assert handle.status == "failed"
    broken.clear()
    client.executions.retry(handle.exec_id)

    assert handle.wait() == "done"


def test_breakpoints_are_set_and_removed_while_an_execution_waits(
    client: KitaruClient,
) -> None:
    handle = _writing().run("cats", break_before=["draft", "publish"])

    left = client.executions.breakpoints(
        handle.exec_id, set=["publish_2"], remove=["publish"]
    )

    assert [(one.selector, one.matched) for one in left] == [
        ("draft", True),
        ("publish_2", False),
    ]
    for stop in ("break:draft", "break:draft_2", "break:publish_2"):
        assert _stopped_at(client.executions.get(handle.exec_id)) == [stop]
        client.executions.input(handle.exec_id, value={"action": "continue"})
    assert handle.status == "completed"


def test_the_next_start_of_a_flow_stops_whoever_makes_it(client: KitaruClient) -> None:
    @flow
    def nightly(topic: str) -> str:
        return draft(topic)

    operations.change_next("nightly", add=["draft", "publish"])
    operations.change_next("nightly", remove=["publish"])

    first, second = nightly.run("cats"), nightly.run("dogs")

    assert _stopped_at(client.executions.get(first.exec_id)) == ["break:draft"]
    assert second.wait() == "draft of dogs"
    assert operations.of_next_start("nightly") == []
    client.executions.cancel(first.exec_id)


def test_a_replay_stops_at_calls_that_run_again(client: KitaruClient) -> None:
    writing = _writing()
    first = writing.run("cats")

    again = writing.replay(
        first.exec_id, from_="publish_2", break_before=["draft", "publish"]
    )

    assert _stopped_at(client.executions.get(again.exec_id)) == ["break:publish_2"]
    client.executions.input(again.exec_id, value={"action": "continue"})
    assert again.wait() == first.wait()


def test_a_breakpoint_comes_before_questions_that_were_asked_beside(
    client: KitaruClient,
) -> None:
    @flow
    def asking() -> list[str]:
        asked = kitaru.wait.submit(schema=bool, name="ok", timeout=0)
        text = draft("cats")
        (first,) = kitaru.wait.first([asked])
        return [text, first.name]

    handle = asking.run(break_before=["draft"])
    with pytest.raises(KitaruStateError, match="stopped at 'break:draft'"):
        handle.wait()
    # Without a name it is the breakpoint that is meant; no step stops at bookkeeping.
    client.executions.input(handle.exec_id, value={"action": "step"})
    client.executions.input(handle.exec_id, value=True)

    assert handle.wait() == ["draft of cats", "ok"]


def test_calls_beside_the_one_that_stops_finish(client: KitaruClient) -> None:
    @checkpoint
    async def fetch(n: int) -> int:
        await asyncio.sleep(0.01)
        return n

    @flow
    async def fetching() -> list[int]:
        return await asyncio.gather(fetch(1), fetch(2), fetch(3))

    handle = fetching.run(break_before=["fetch_2"])

    found = client.executions.get(handle.exec_id)
    assert _stopped_at(found) == ["break:fetch_2"]
    assert {call.invocation_id: call.status for call in found.checkpoints} == {
        "fetch": "completed",
        "fetch_3": "completed",
    }
    client.executions.input(handle.exec_id, value={"action": "continue"})
    assert handle.wait() == [1, 2, 3]


def test_submitted_calls_stop_before_they_start(client: KitaruClient) -> None:
    @flow
    def drafting() -> list[str]:
        return draft.map(["a", "b", "c"]).results()

    handle = drafting.run(break_before=["draft_2"])

    assert _stopped_at(client.executions.get(handle.exec_id)) == ["break:draft_2"]
    client.executions.input(handle.exec_id, value={"action": "override", "value": "x"})
    assert handle.wait() == ["draft of a", "x", "draft of c"]


@pytest.mark.shared_rule("value", "why")
@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"action": "go"}, "action must be"),
        ({"action": "continue", "values": 1}, "values"),
        (True, "answer must be an object"),
    ],
    ids=["action", "field", "no-object"],
)
def test_what_is_no_action_changes_nothing(
    client: KitaruClient, value: Any, why: str
) -> None:
    handle = _writing().run("cats", break_before=["draft"])

    with pytest.raises(KitaruUsageError, match=why):
        client.executions.input(handle.exec_id, value=value)

    assert _stopped_at(client.executions.get(handle.exec_id)) == ["break:draft"]
    client.executions.cancel(handle.exec_id)


def test_breakpoints_that_make_no_sense_change_nothing(client: KitaruClient) -> None:
    writing = _writing()
    handle = writing.run("cats", break_before=["publish_2"])
    change, of = client.executions.breakpoints, operations.of_execution
    before = of(handle.exec_id)

    with pytest.raises(KitaruUsageError, match="has finished"):
        change(handle.exec_id, set=["draft_2"])
    with pytest.raises(KitaruUsageError, match="no breakpoint 'publish'"):
        change(handle.exec_id, set=["draft"], remove=["publish"])
    with pytest.raises(KitaruUsageError, match="give a list"):
        change(handle.exec_id, set="draft")
    with pytest.raises(KitaruUsageError, match="not valid"):
        change(handle.exec_id, set=[""])
    with pytest.raises(KitaruUsageError, match="give a list"):
        writing.with_options(break_before="draft")
    assert of(handle.exec_id) == before

    client.executions.input(handle.exec_id, value={"action": "continue"})
    with pytest.raises(KitaruStateError, match="comes to no call any more"):
        change(handle.exec_id, set=["draft"])
