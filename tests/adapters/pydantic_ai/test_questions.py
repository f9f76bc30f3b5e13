"""Questions of tools become waits of the flow."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults
from pydantic_ai.exceptions import CallDeferred

from kitaru import KitaruContextError, KitaruUsageError, flow, wait
from kitaru.adapters.pydantic_ai import KitaruAgent, hitl_tool, wait_for_input
from kitaru.testing import FlowTester
from tests.adapters.pydantic_ai.agents import scripted

Either: Any = str | DeferredToolRequests


class Budget(BaseModel):
    amount: int


def test_the_model_asks_and_gets_the_answer() -> None:
    tool = hitl_tool(question="How much?", name="budget", schema=Budget)
    agent = Agent(
        scripted([("budget", {"question": "How much for ads?"})]), tools=[tool]
    )

    @flow
    def asking() -> str:
        return KitaruAgent(agent, name="planner").run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(asking)
        question = run.execution.pending_wait
        run.input({"amount": 5})
        result, calls = run.result, run.ran

    assert question is not None
    assert (question.name, question.question) == ("budget", "How much for ads?")
    assert question.metadata["agent"] == "planner"
    assert result == "[{'amount': 5}]"
    assert calls == ["planner.r1.s1.model", "planner.r1.s2.model"]


def test_questions_of_the_harness_are_open_together() -> None:
    # What `AskUser(answerer=None)` of pydantic-ai-harness does with this tool.
    def ask_user_question(questions: list[dict[str, Any]]) -> Any:
        raise CallDeferred

    options = [{"label": "red", "description": "warm"}, {"label": "blue"}]
    asked = [
        {"header": "Colour", "question": "Which?", "options": options},
        {"header": "Sizes", "question": "How big?", "multi_select": True},
    ]
    agent = Agent(
        scripted([("ask_user_question", {"questions": asked})]),
        tools=[ask_user_question],
    )

    @flow
    def asking() -> str:
        return KitaruAgent(agent, name="planner").run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(asking)
        run.input(["s", "l"], wait="Sizes")
        run.input("teal", wait="Colour")
        colour = next(wait for wait in run.execution.waits if wait.name == "Colour")

        assert run.result == "[{'Colour': ['teal'], 'Sizes': ['s', 'l']}]"
    assert colour.question == "Which?"
    assert colour.metadata["options"] == {"red": "warm", "blue": ""}


def test_a_wrong_answer_is_refused_and_a_default_question_is_asked() -> None:
    tool = hitl_tool(
        question="Which?", name="colour", schema=Literal["red"], question_arg="text"
    )
    agent = Agent(scripted([("colour", {})]), tools=[tool], name="agent")

    @flow
    def asking() -> str:
        return KitaruAgent(agent).run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(asking)
        question = run.execution.pending_wait
        with pytest.raises(KitaruUsageError, match="red"):
            run.input("blue")
        result = run.input("red").result

    assert question is not None
    assert question.question == "Which?"
    assert result == "['red']"


def test_a_function_says_what_a_tool_asks_with() -> None:
    @hitl_tool
    def approve(path: str, *, question: str = "") -> bool:
        """Delete the file?"""
        raise NotImplementedError

    @hitl_tool(question="How much?", name="budget", question_arg="reason")
    async def spend(reason: str) -> Budget:
        raise NotImplementedError

    calls: list[tuple[str, dict[str, Any]]] = [
        ("approve", {"path": "/x"}),
        ("budget", {"reason": "For ads?"}),
    ]
    agent = Agent(scripted(*([call] for call in calls)), tools=[approve, spend])

    @flow
    def asking() -> str:
        return KitaruAgent(agent, name="planner").run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(asking)
        first = run.execution.pending_wait
        run.input(True)
        second = run.execution.pending_wait
        result = run.input({"amount": 5}).result

    assert first is not None
    assert (first.name, first.question) == ("approve", "Delete the file?")
    assert first.schema == {"type": "boolean"}
    assert "/x" in str(first.metadata)
    assert second is not None
    assert (second.name, second.question) == ("budget", "For ads?")
    assert "amount" in result


@pytest.mark.parametrize(("agreed", "done"), [(True, ["deleted"]), (False, [])])
def test_approvals_become_waits(agreed: bool, done: list[str]) -> None:
    made: list[str] = []
    agent = Agent(scripted([("delete", {"path": "/x"})]), name="agent")

    @agent.tool_plain(requires_approval=True)
    def delete(path: str) -> str:
        made.append("deleted")
        return path

    @flow
    def asking() -> str:
        return KitaruAgent(agent).run_sync("hi").output

    with FlowTester(answers={"approve_delete": agreed}) as tester:
        run = tester.run(asking)
        status, answered = run.status, run.answered

    assert status == "completed"
    assert answered == ["approve_delete"]
    assert made == done


@pytest.mark.parametrize(
    "output_type", [[str, DeferredToolRequests], Either], ids=["list", "union"]
)
@pytest.mark.parametrize("of_the_run", [False, True], ids=["of agent", "of run"])
def test_an_agent_that_returns_its_requests_still_does(
    output_type: Any, of_the_run: bool
) -> None:
    agent = Agent(
        scripted([("delete", {})]),
        name="agent",
        output_type=str if of_the_run else output_type,
    )
    options = {"output_type": output_type} if of_the_run else {}
    agent.tool_plain(name="delete", requires_approval=True)(lambda: "deleted")
    durable = KitaruAgent(agent)

    @flow
    def asking() -> Any:
        first = durable.run_sync("hi", **options)
        assert isinstance(first.output, DeferredToolRequests)
        approved = wait(schema=bool, name="mine")
        results = DeferredToolResults(
            approvals={call.tool_call_id: approved for call in first.output.approvals}
        )
        return durable.run_sync(
            message_history=first.all_messages(), deferred_tool_results=results
        ).output

    with FlowTester(answers={"mine": True}) as tester:
        result = tester.run(asking).result

    assert result == "['deleted']"


def asker(question: str) -> Agent[None, str]:
    agent = Agent(scripted([("ask", {}), ("work", {})]), name="agent")
    agent.tool_plain(name="work")(lambda: "worked")

    @agent.tool_plain(metadata={"kitaru": False})
    def ask() -> int:
        return 1 + int(wait_for_input(question=question, schema=int, name="number"))

    return agent


def test_a_tool_asks_from_its_body_and_the_others_finish_first() -> None:
    durable = KitaruAgent(asker("Which number? The password is hunter2"))

    @flow
    def asking() -> str:
        return durable.run_sync("hi").output

    with FlowTester() as tester:
        run = tester.run(asking)
        question, before = run.execution.pending_wait, list(run.ran)
        result = run.input(4).result

    assert question is not None
    assert question.question == "Which number? The password is ***"
    assert "agent.r1.s1.t1.work" in before
    assert result == "[5, 'worked']"


def test_runs_beside_one_another_are_answered_each_for_itself() -> None:
    tool = hitl_tool(question="Name?", name="ask", schema=str)
    first = KitaruAgent(Agent(scripted([("ask", {})]), name="one", tools=[tool]))
    second = KitaruAgent(Agent(scripted([("ask", {})]), name="two", tools=[tool]))

    @flow
    async def asking() -> list[str]:
        results = await asyncio.gather(first.run("hi"), second.run("hi"))
        return [result.output for result in results]

    answers = {"ask": "for one", "two.r1.ask": "for two"}
    with FlowTester(answers=answers) as tester:
        run = tester.run(asking)
        result, answered = run.result, set(run.answered)

    assert answered == set(answers)
    assert result == ["['for one']", "['for two']"]


def test_questions_of_one_run_after_another_are_numbered() -> None:
    tool = hitl_tool(question="Go on?", name="ok", schema=bool)
    agent = KitaruAgent(
        Agent(scripted([("ok", {})], [("ok", {})]), name="agent", tools=[tool])
    )

    @flow
    def asking() -> list[str]:
        return [agent.run_sync("hi").output for _ in range(2)]

    with FlowTester(answers={"ok": [True, False, True, True]}) as tester:
        run = tester.run(asking)
        result, answered = run.result, run.answered

    assert answered == ["ok", "ok_2", "ok_3", "ok_4"]
    assert result == ["[True, False]", "[True, True]"]


def test_outside_a_flow_a_question_is_a_deferred_call() -> None:
    tool = hitl_tool(question="Go on?", name="ok", schema=bool)
    agent = Agent(
        scripted([("ok", {})]), output_type=[str, DeferredToolRequests], tools=[tool]
    )

    output = KitaruAgent(agent, name="agent").run_sync("hi").output

    assert isinstance(output, DeferredToolRequests)
    assert [call.tool_name for call in output.calls] == ["ok"]


def test_a_question_in_a_checkpointed_tool_says_what_to_do() -> None:
    agent = Agent(scripted([("ask", {})]), name="agent")
    agent.tool_plain(name="ask")(lambda: wait_for_input(question="Go on?", name="ok"))

    @flow
    def asking() -> str:
        return KitaruAgent(agent).run_sync("hi").output

    with FlowTester() as tester:
        failure = tester.run(asking).execution.failure

    assert failure is not None
    assert "asked inside a checkpoint" in failure.message
    assert "metadata={'kitaru': False}" in failure.message


def test_a_question_of_an_agent_that_is_one_turn_says_what_to_do() -> None:
    tool = hitl_tool(question="Go on?", name="ok", schema=bool)
    agent = KitaruAgent(
        Agent(scripted([("ok", {})]), name="agent", tools=[tool]),
        checkpoint_strategy="turn",
    )

    @flow
    def asking() -> str:
        return agent.run_sync("hi").output

    with FlowTester() as tester:
        failure = tester.run(asking).execution.failure

    assert failure is not None
    assert "inside a checkpoint: the agent runs as one turn" in failure.message


def test_asking_outside_a_flow_is_refused() -> None:
    with pytest.raises(KitaruContextError, match="outside a flow"):
        wait_for_input(question="Go on?", name="ok")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"name": ""}, id="no name"),
        pytest.param({"name": "ok", "question_arg": "a b"}, id="no Python name"),
        pytest.param({"name": "ok", "schema": print}, id="no schema"),
        pytest.param({"name": "ok", "timeout": "5"}, id="no seconds"),
        pytest.param({"name": "ok", "schem": bool}, id="no option"),
    ],
)
def test_a_tool_that_cannot_ask_is_refused_when_it_is_made(
    options: dict[str, Any],
) -> None:
    with pytest.raises(KitaruUsageError):
        hitl_tool(question="Go on?", **options)
