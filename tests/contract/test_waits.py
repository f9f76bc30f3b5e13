"""Waits and their answers, on every engine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import pytest
from pydantic import BaseModel, field_validator

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru._engine.port.engine import Engine
from kitaru._engine.settings import person
from kitaru.errors import (
    KitaruContextError,
    KitaruStateError,
    KitaruUsageError,
    KitaruUserCodeError,
    KitaruWaitValidationError,
)

pytestmark = pytest.mark.usefixtures("engine")


class Review(BaseModel):
    approved: bool
    score: int = 0

    @field_validator("score")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd scores are not used")
        return value


@checkpoint
def gather_sources(topic: str) -> list[str]:
    return [f"{topic} {i}" for i in range(3)]


@checkpoint
def analyze(sources: list[str]) -> str:
    return f"Analyze: {sources}"


@flow
def research_agent(topic: str) -> str:
    sources = gather_sources(topic)
    approved = kitaru.wait(
        schema=bool, question=f"Found {len(sources)} sources. Continue?", timeout=0
    )
    if not approved:
        return "Stopped by reviewer."
    return analyze(sources)


@pytest.mark.parametrize(
    ("answer", "result"),
    [(True, "Analyze: ['x 0', 'x 1', 'x 2']"), (False, "Stopped by reviewer.")],
    ids=["yes", "no"],
)
def test_the_flow_goes_on_by_itself_after_the_answer(
    client: KitaruClient, answer: bool, result: str
) -> None:
    handle = _local(research_agent).run("x")
    assert handle.status == "waiting"

    client.executions.input(handle.exec_id, value=answer)

    assert handle.wait() == result


def test_an_execution_shows_its_own_open_wait(client: KitaruClient) -> None:
    handle = _local(research_agent).run("x")

    wait = client.executions.get(handle.exec_id).pending_wait

    assert wait is not None
    assert (wait.name, wait.question) == ("wait", "Found 3 sources. Continue?")
    assert wait.schema == {"type": "boolean"}
    assert client.executions.pending_waits(handle.exec_id)[0].wait_id == wait.wait_id


@pytest.mark.shared_rule("schema", "value", "field", "expected")
@pytest.mark.parametrize(
    ("schema", "value", "field", "expected"),
    [
        (bool, 1, "answer", "boolean"),
        (int, "1", "answer", "integer"),
        (Review, {"approved": "yes"}, "approved", "boolean"),
        (Review, {}, "approved", "required"),
        (Literal["a", "b"], "c", "answer", "one of"),
        (None, True, "answer", "no value"),
    ],
    ids=["bool", "int", "nested", "missing", "enum", "gate"],
)
def test_an_answer_that_does_not_fit_changes_nothing(
    client: KitaruClient, schema: object, value: object, field: str, expected: str
) -> None:
    @flow
    def asking() -> object:
        return kitaru.wait(schema=schema, timeout=0)

    handle = asking.run()
    with pytest.raises(KitaruWaitValidationError, match="nothing was stored") as caught:
        client.executions.input(handle.exec_id, value=value)

    assert caught.value.field == field
    assert expected in caught.value.expected
    assert handle.status == "waiting"


def test_the_answer_is_an_instance_of_the_schema(client: KitaruClient) -> None:
    @flow
    def asking() -> object:
        return kitaru.wait(schema=Review, timeout=0)

    handle = asking.run()
    client.executions.input(handle.exec_id, value={"approved": True, "score": 4})

    assert handle.wait() == Review(approved=True, score=4)


def test_what_only_a_validator_refuses_is_asked_again(client: KitaruClient) -> None:
    @flow
    def asking() -> object:
        return kitaru.wait(schema=Review, name="review", timeout=0)

    handle = asking.run()
    client.executions.input(handle.exec_id, value={"approved": True, "score": 3})
    assert handle.status == "waiting"

    client.executions.input(handle.exec_id, wait="review", value={"approved": False})

    assert handle.wait() == Review(approved=False)


def test_each_refused_answer_is_asked_once_more_and_says_why(
    client: KitaruClient,
) -> None:
    @flow
    def asking() -> object:
        return kitaru.wait(schema=Review, name="review", question="Ok?", timeout=0)

    handle = asking.run()
    for score in (3, 5):
        client.executions.input(
            handle.exec_id, value={"approved": True, "score": score}
        )
        wait = client.executions.get(handle.exec_id).pending_wait
        assert wait is not None
        assert wait.name == "review"
        assert wait.question is not None
        assert wait.question.startswith("Ok?\nThe last answer was refused: ")
        assert f"odd scores are not used, got {score}" in wait.question
        assert wait.question.count("The last answer") == 1
    client.executions.input(handle.exec_id, value={"approved": True, "score": 4})

    assert handle.wait() == Review(approved=True, score=4)
    waits = client.executions.get(handle.exec_id).waits
    assert [(w.outcome, w.answer["score"]) for w in waits] == [
        ("refused", 3),
        ("refused", 5),
        ("answered", 4),
    ]


def test_an_execution_says_who_answered_what_and_when(client: KitaruClient) -> None:
    @flow
    def asking() -> object:
        kitaru.wait(name="gate", timeout=0)
        login = kitaru.wait(schema=dict[str, str], name="login", timeout=0)
        kitaru.wait(schema=bool, name="publish", question="Publish?", timeout=0)
        return login

    handle = asking.run()
    before = datetime.now(UTC)
    client.executions.input(handle.exec_id)
    client.executions.input(handle.exec_id, value={"user": "me", "password": "geheim"})
    pending = client.executions.get(handle.exec_id).pending_wait
    assert pending is not None
    client.executions.abort_wait(handle.exec_id, wait=pending.wait_id)

    found = client.executions.get(handle.exec_id)
    assert found.pending_wait is None
    assert [(w.name, w.outcome, w.answer) for w in found.waits] == [
        ("gate", "answered", None),
        ("login", "answered", {"user": "me", "password": "***"}),
        ("publish", "aborted", None),
    ]
    assert found.waits[2].wait_id == pending.wait_id
    assert found.waits[2].question == "Publish?"
    assert found.waits[2].schema == {"type": "boolean"}
    for wait in found.waits:
        assert wait.surface == "client"
        assert wait.answered_by == person.here()
        assert wait.answered_at is not None
        assert before <= wait.answered_at <= datetime.now(UTC)
    assert not any(key.startswith("kitaru_answer") for key in found.metadata)
    logged = [e.message for e in client.executions.logs(handle.exec_id, source="all")]
    assert any("publish  given up by" in line for line in logged)


def test_a_replay_says_that_an_answer_is_taken_over(client: KitaruClient) -> None:
    handle = _local(research_agent).run("x")
    client.executions.input(handle.exec_id, value=True)

    again = client.executions.replay(handle.exec_id, from_="analyze", reuse_waits=True)

    (wait,) = client.executions.get(again.exec_id).waits
    assert (wait.answer, wait.surface) == (True, "replay")
    assert wait.answered_by == person.here()


def test_a_wait_can_be_named_by_its_id(client: KitaruClient) -> None:
    handle = _local(research_agent).run("x")
    wait = client.executions.get(handle.exec_id).pending_wait
    assert wait is not None

    client.executions.input(handle.exec_id, wait=wait.wait_id, value=False)

    assert handle.wait() == "Stopped by reviewer."


def test_of_two_answers_the_first_stands_and_nothing_of_the_other_stays(
    client: KitaruClient, engine: Engine
) -> None:
    handle = _local(research_agent).run("x")
    (wait,) = client.executions.pending_waits(handle.exec_id)
    client.executions.input(handle.exec_id, value=False)

    with pytest.raises(KitaruStateError, match="by somebody else"):
        engine.answer(wait, True, surface="client")
    with pytest.raises(KitaruStateError, match="by somebody else"):
        engine.abort(wait, surface="client")

    assert handle.wait() == "Stopped by reviewer."
    (answered,) = client.executions.get(handle.exec_id).waits
    assert (answered.answer, answered.outcome) == (False, "answered")


def test_a_gate_takes_no_value_and_returns_none(client: KitaruClient) -> None:
    @flow
    def gated() -> list[object]:
        return [kitaru.wait(timeout=0), kitaru.wait(timeout=0)]

    handle = gated.run()
    client.executions.input(handle.exec_id, wait="wait")
    client.executions.input(handle.exec_id, wait="wait_2")

    assert handle.wait() == [None, None]


def test_user_code_cannot_swallow_a_pause(client: KitaruClient) -> None:
    @flow
    def swallowing() -> str:
        try:
            return "yes" if kitaru.wait(schema=bool, timeout=0) else "no"
        except BaseException:
            return "swallowed"

    handle = swallowing.run()
    assert handle.status == "waiting"

    client.executions.input(handle.exec_id, value=True)

    assert handle.wait() == "yes"


def test_a_wait_inside_a_checkpoint_is_refused() -> None:
    @checkpoint
    def asking() -> None:
        kitaru.wait()

    @flow
    def misplaced() -> None:
        asking()

    with pytest.raises(KitaruUserCodeError, match="waits belong in the flow body"):
        misplaced.run().wait()


def test_a_wait_outside_a_flow_is_refused() -> None:
    with pytest.raises(KitaruContextError, match="inside a running flow only"):
        kitaru.wait()


def test_a_type_without_json_schema_is_refused() -> None:
    @flow
    def asking() -> None:
        kitaru.wait(schema=object.__getattribute__)

    with pytest.raises(KitaruUserCodeError, match="cannot be described as JSON schema"):
        asking.run().wait()


def test_another_wait_name_lists_the_open_one(client: KitaruClient) -> None:
    handle = _local(research_agent).run("x")

    with pytest.raises(KitaruUsageError, match=r"no open wait 'approve'.*open: wait"):
        client.executions.input(handle.exec_id, wait="approve", value=True)


def test_a_wait_is_answered_once(client: KitaruClient) -> None:
    handle = _local(research_agent).run("x")
    client.executions.input(handle.exec_id, value=True)

    with pytest.raises(KitaruStateError, match="does not wait"):
        client.executions.input(handle.exec_id, value=False)

    assert handle.wait().startswith("Analyze")


def test_resume_with_an_open_wait_is_refused(client: KitaruClient) -> None:
    handle = _local(research_agent).run("x")

    with pytest.raises(KitaruStateError, match="wait 'wait' is still open"):
        client.executions.resume(handle.exec_id)


def test_retry_of_a_waiting_execution_is_refused(client: KitaruClient) -> None:
    handle = _local(research_agent).run("x")

    with pytest.raises(KitaruStateError, match="kitaru executions input"):
        client.executions.retry(handle.exec_id)


@pytest.mark.parametrize("how", ["abort", "cancel"])
def test_giving_up_a_wait_cancels_the_execution(client: KitaruClient, how: str) -> None:
    handle = _local(research_agent).run("x")

    if how == "abort":
        client.executions.abort_wait(handle.exec_id, wait="wait")
    else:
        client.executions.cancel(handle.exec_id)

    assert handle.status == "cancelled"
    assert client.executions.pending_waits(handle.exec_id) == []
    with pytest.raises(KitaruStateError, match="already cancelled"):
        client.executions.cancel(handle.exec_id)


def _local(declared: kitaru.Flow) -> kitaru.Flow:
    """Return the flow as one that continues in this process.

    A flow at the top level of a file goes on in a new process, which knows nothing of
    an engine that a test chose.
    """
    function = declared.fn

    def research_agent(topic: str) -> str:
        return function(topic)

    return flow(research_agent)
