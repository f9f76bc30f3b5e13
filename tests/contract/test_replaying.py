"""Replay: what runs, what is reused, what is refused; on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

import kitaru
from kitaru import Flow, FlowHandle, KitaruClient, checkpoint, flow
from kitaru.errors import KitaruUsageError

pytestmark = pytest.mark.usefixtures("engine")

ran: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> Iterator[None]:
    ran.clear()
    yield
    ran.clear()


class Plan(BaseModel):
    steps: list[str]


@checkpoint
def plan(topic: str) -> Plan:
    ran.append("plan")
    return Plan(steps=[f"read {topic}", "write"])


@checkpoint
def draft(steps: Plan) -> str:
    ran.append("draft")
    return " + ".join(steps.steps)


@checkpoint
def polish(text: str, style: str) -> str:
    ran.append("polish")
    return f"{text} ({style})"


def _writing() -> Flow[..., str]:
    @flow
    def writing(topic: str, style: str = "plain") -> str:
        return polish(draft(plan(topic)), style)

    return writing


@pytest.fixture
def writing() -> Flow[..., str]:
    return _writing()


@pytest.fixture
def source(writing: Flow[..., str]) -> FlowHandle[str]:
    handle = writing.run("cats")
    assert handle.wait() == "read cats + write (plain)"
    ran.clear()
    return handle


def test_replay_keeps_results_before_the_anchor_and_runs_the_rest(
    client: KitaruClient, writing: Flow[..., str], source: FlowHandle[str]
) -> None:
    again = writing.replay(source.exec_id, from_="draft")

    assert again.wait() == "read cats + write (plain)"
    assert again.exec_id != source.exec_id
    assert ran == ["draft", "polish"]
    calls = client.executions.get(again.exec_id).checkpoints
    assert [(c.invocation_id, c.reused) for c in calls] == [
        ("plan", True),
        ("draft", False),
        ("polish", False),
    ]


def test_a_replay_is_linked_to_its_source(
    client: KitaruClient, writing: Flow[..., str], source: FlowHandle[str]
) -> None:
    again = writing.replay(source.exec_id, from_="polish")

    execution = client.executions.get(again.exec_id)
    before = client.executions.get(source.exec_id).checkpoints
    assert execution.original_exec_id == source.exec_id
    assert [c.original_call_id for c in execution.checkpoints] == [
        before[0].call_id,
        before[1].call_id,
        None,
    ]
    # Linked, not copied: the reused result is the very same artifact.
    assert execution.checkpoints[0].artifacts[0] == before[0].artifacts[0]


def test_an_override_replaces_a_result_and_reruns_what_depends_on_it(
    writing: Flow[..., str], source: FlowHandle[str]
) -> None:
    again = writing.replay(
        source.exec_id,
        from_="polish",
        overrides={"checkpoint.plan": {"steps": ["dream"]}},
    )

    assert again.wait() == "dream (plain)"
    assert ran == ["draft", "polish"]


def test_an_override_of_a_value_only_the_flow_uses_is_seen_by_it() -> None:
    @checkpoint
    def count() -> int:
        return 1

    @checkpoint
    def last() -> int:
        return 5

    @flow
    def branching() -> str:
        found = count()
        end = last()
        return f"{'many' if found > 1 else 'one'} {end}"

    first = branching.run()
    again = branching.replay(
        first.exec_id,
        from_="last",
        overrides={"checkpoint.count": 9, "checkpoint.last": 6},
    )

    assert first.wait() == "one 5"
    assert again.wait() == "many 6"


def test_a_changed_input_reruns_only_the_calls_it_reaches(
    writing: Flow[..., str], source: FlowHandle[str]
) -> None:
    again = writing.replay(source.exec_id, from_="polish", style="grand")

    assert again.wait() == "read cats + write (grand)"
    assert ran == ["polish"]


def test_a_changed_input_reruns_calls_before_the_anchor_that_get_it(
    writing: Flow[..., str], source: FlowHandle[str]
) -> None:
    again = writing.replay(source.exec_id, from_="polish", topic="dogs")

    assert again.wait() == "read dogs + write (plain)"
    assert ran == ["plan", "draft", "polish"]


def test_without_changes_arguments_do_not_matter() -> None:
    clock = [0]

    @checkpoint
    def stamp(moment: int) -> int:
        ran.append("stamp")
        return moment

    @checkpoint
    def use(moment: int) -> int:
        return moment

    @flow
    def timed() -> int:
        clock[0] += 1
        return use(stamp(clock[0]))

    first = timed.run()
    again = timed.replay(first.exec_id, from_="use")

    assert again.wait() == 1
    assert ran == ["stamp"]


def test_waits_are_asked_again(client: KitaruClient) -> None:
    asking = _asking()
    first = asking.run()
    client.executions.input(first.exec_id, value=3)

    again = asking.replay(first.exec_id, from_="after")
    assert again.status == "waiting"
    client.executions.input(again.exec_id, value=4)

    assert (first.wait(), again.wait()) == (103, 104)


def test_answers_before_the_anchor_can_be_taken_over(client: KitaruClient) -> None:
    asking = _asking()
    first = asking.run()
    client.executions.input(first.exec_id, value=3)

    again = asking.replay(first.exec_id, from_="after", reuse_waits=True)

    assert again.wait() == 103


def _asking() -> Flow[..., int]:
    @checkpoint
    def before() -> int:
        return 100

    @checkpoint
    def after(n: int) -> int:
        return n

    @flow
    def asking() -> int:
        base = before()
        return after(base + kitaru.wait(schema=int, timeout=0))

    return asking


def test_a_failed_execution_can_be_replayed(client: KitaruClient) -> None:
    broken = [True]

    @checkpoint
    def good() -> int:
        ran.append("good")
        return 1

    @checkpoint
    def bad() -> int:
        if broken:
            raise RuntimeError("not yet")
        return 2

    @flow
    def failing() -> int:
        return good() + bad()

    first = failing.run()
    broken.clear()
    again = failing.replay(first.exec_id, from_="bad")

    assert again.wait() == 3
    assert ran == ["good"]
    assert client.executions.get(first.exec_id).status == "failed"


def test_a_caught_failure_before_the_anchor_takes_the_same_branch() -> None:
    @checkpoint
    def search() -> str:
        ran.append("search")
        raise LookupError("nothing")

    @checkpoint
    def fallback() -> str:
        ran.append("fallback")
        return "old"

    @checkpoint
    def end(text: str) -> str:
        return text

    @flow
    def careful() -> str:
        try:
            found = search()
        except LookupError:
            found = fallback()
        return end(found)

    first = careful.run()
    again = careful.replay(first.exec_id, from_="end")

    assert again.wait() == "old"
    assert ran == ["search", "fallback"]


def test_a_replay_can_be_replayed_and_keeps_the_first_origin(
    client: KitaruClient, writing: Flow[..., str], source: FlowHandle[str]
) -> None:
    second = writing.replay(source.exec_id, from_="draft")
    third = writing.replay(second.exec_id, from_="polish")

    (first_plan, *_) = client.executions.get(source.exec_id).checkpoints
    (third_plan, *_) = client.executions.get(third.exec_id).checkpoints
    assert third_plan.original_call_id == first_plan.call_id


def test_anchors_may_be_call_ids_and_invocation_ids(client: KitaruClient) -> None:
    @checkpoint
    def step(n: int) -> int:
        ran.append(f"step {n}")
        return n

    @flow
    def stepping() -> int:
        return sum(step(n) for n in range(3))

    first = stepping.run()
    calls = client.executions.get(first.exec_id).checkpoints
    ran.clear()
    stepping.replay(first.exec_id, from_="step_3")
    stepping.replay(first.exec_id, from_=calls[1].call_id)

    assert ran == ["step 2", "step 1", "step 2"]


@pytest.mark.shared_rule("wanted", "message")
@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"from_": "drft"}, r"no checkpoint 'drft'.*did you mean 'draft'"),
        ({"from_": "wait"}, "waits are no anchors"),
        ({"from_": "draft", "overrides": {"wait.x": 1}}, "waits cannot be overridden"),
        ({"from_": "draft", "overrides": {"plan": 1}}, r"'checkpoint\.<name>'"),
        ({"from_": "draft", "overrides": {"checkpoint.pln": 1}}, "did you mean 'plan'"),
        (
            {"from_": "draft", "overrides": {"checkpoint.plan": 1}},
            r"checkpoint\.plan must be an object, got 1",
        ),
        ({"from_": "draft", "topc": "x"}, "did you mean 'topic'"),
        ({"from_": "draft", "topic": 3}, "topic must be a string, got 3"),
    ],
    ids=[
        "anchor",
        "wait",
        "wait-override",
        "key",
        "unknown",
        "type",
        "input",
        "input-type",
    ],
)
def test_a_replay_that_cannot_be_starts_nothing(
    client: KitaruClient,
    writing: Flow[..., str],
    source: FlowHandle[str],
    wanted: dict[str, object],
    message: str,
) -> None:
    with pytest.raises(KitaruUsageError, match=message):
        writing.replay(source.exec_id, **wanted)  # type: ignore[arg-type]  # bad on purpose

    assert client.executions.latest(flow="writing").exec_id == source.exec_id
    assert ran == []


def test_an_ambiguous_anchor_lists_the_call_ids(client: KitaruClient) -> None:
    @checkpoint
    def step(n: int) -> int:
        return n

    @flow
    def stepping() -> int:
        return step(1) + step(2)

    first = stepping.run()
    calls = client.executions.get(first.exec_id).checkpoints

    with pytest.raises(KitaruUsageError, match=calls[1].call_id):
        stepping.replay(first.exec_id, from_="step")


def test_another_flow_cannot_replay_an_execution(source: FlowHandle[str]) -> None:
    @flow
    def other() -> None: ...

    with pytest.raises(KitaruUsageError, match=r"writing\.replay\("):
        other.replay(source.exec_id, from_="draft")


def test_the_client_replays_in_the_process_it_must(
    client: KitaruClient, writing: Flow[..., str], source: FlowHandle[str]
) -> None:
    started = client.executions.replay(source.exec_id, from_="polish", style="short")

    assert started.original_exec_id == source.exec_id
    assert started.status == "completed"
    assert ran == ["polish"]


def test_answers_are_taken_over_from_a_replay_that_took_them_over(
    client: KitaruClient,
) -> None:
    asking = _asking()
    first = asking.run()
    client.executions.input(first.exec_id, value=3)

    second = asking.replay(first.exec_id, from_="after", reuse_waits=True)
    third = asking.replay(second.exec_id, from_="after", reuse_waits=True)

    assert third.wait() == 103


def test_an_answer_before_a_reused_call_is_taken_over(client: KitaruClient) -> None:
    @checkpoint
    def early(n: int) -> int:
        return n

    @checkpoint
    def late(n: int) -> int:
        return n

    @flow
    def asking() -> int:
        return late(early(kitaru.wait(schema=int, timeout=0)))

    first = asking.run()
    client.executions.input(first.exec_id, value=3)
    second = asking.replay(first.exec_id, from_="late")
    client.executions.input(second.exec_id, value=4)

    third = asking.replay(second.exec_id, from_="early", reuse_waits=True)

    assert third.wait() == 4


def test_an_answer_after_the_anchor_is_asked_for_again(client: KitaruClient) -> None:
    broken = [True]

    @checkpoint
    def beside() -> int:
        if broken:
            raise RuntimeError("not yet")
        return 1

    @flow
    def asking() -> int:
        future = beside.submit()
        answer = kitaru.wait(schema=int, timeout=0)
        return future.result() + answer

    first = asking.run()
    client.executions.input(first.exec_id, value=3)
    broken.clear()
    # Its only body that counts runs after the answer, yet it was asked for before.
    client.executions.retry(first.exec_id)

    again = asking.replay(first.exec_id, from_="beside", reuse_waits=True)

    assert first.wait() == 4
    assert again.status == "waiting"


def test_the_own_name_of_a_wait_is_no_anchor_unless_a_checkpoint_has_it(
    engine: object,
) -> None:
    @checkpoint
    def both() -> int:
        return 1

    @flow
    def asking() -> int:
        value = both()
        kitaru.wait(name="approve", timeout=0)
        kitaru.wait(name="both", timeout=0)
        return value

    source = asking.run().exec_id
    with pytest.raises(KitaruUsageError, match="'approve': waits are no anchors"):
        asking.replay(source, from_="approve")

    assert asking.replay(source, from_="both").exec_id != source


@pytest.mark.shared_rule("wrong", "told")
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"from_": 3}, "replay(from_=3): from_ must be a checkpoint"),
        ({"reuse_waits": "no"}, "replay(reuse_waits='no'): reuse_waits must be True"),
        ({"overrides": ["draft"]}, "overrides must be a dict"),
    ],
)
def test_a_replay_says_what_its_options_take(
    client: KitaruClient,
    writing: Flow[..., str],
    source: FlowHandle[str],
    wrong: dict[str, object],
    told: str,
) -> None:
    given: Any = {"from_": "draft", **wrong}

    for replay in (writing.replay, client.executions.replay):
        with pytest.raises(KitaruUsageError) as caught:
            replay(source.exec_id, **given)
        assert told in str(caught.value)

    assert ran == []
    with pytest.raises(KitaruUsageError, match="7 is not an execution id"):
        client.executions.get(7)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("engine", ["local"], indirect=True)
@pytest.mark.parametrize("by", ["flow", "client"])
def test_a_replay_reminds_of_data_outside(
    client: KitaruClient,
    writing: Flow[..., str],
    source: FlowHandle[str],
    by: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    replay = writing.replay if by == "flow" else client.executions.replay

    replay(source.exec_id, from_="draft")

    said = capsys.readouterr().err
    assert f"replay of {source.exec_id[:8]} from 'draft', call 2 of 3" in said
    assert "data outside Kitaru is as it is now" in said
