"""Model requests of agents within a budget, by the one way that all adapters take."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from kitaru import Budget, checkpoint, flow
from kitaru._core.flows import scope
from kitaru.adapters._shared import events
from kitaru.adapters._shared.boundary import MODEL_REQUEST, TOOL_CALL, Boundary
from kitaru.models import Usage
from kitaru.testing import FlowTester

BOUNDARY = Boundary()
DOLLAR = Usage(requests=1, cost=Decimal(1))


def spend() -> str:
    scope.spend(DOLLAR)
    return "answer"


async def aspend() -> str:
    await asyncio.sleep(0)
    return spend()


def request(n: int) -> str:
    return BOUNDARY.run_sync(MODEL_REQUEST, "agent.model", f"agent.s{n}", spend)


async def arequest(n: int) -> str:
    return await BOUNDARY.run(MODEL_REQUEST, "agent.model", f"agent.s{n}", aspend)


def test_a_request_beyond_the_budget_asks_and_goes_on_when_it_is_raised() -> None:
    @flow(budget=Budget(usd=2))
    def agent() -> int:
        return len([request(n) for n in range(4)])

    with FlowTester() as tester:
        run = tester.run(agent)
        before = run.ran
        (wait,) = tester.client.executions.pending_waits(run.exec_id)
        tester.client.executions.input(run.exec_id, value=10)
        done = tester.client.executions.get(run.exec_id)

    assert before == ["agent.s0", "agent.s1"]
    assert wait.question == "spent $2.00 of $2.00; raise to? (a number, or 'stop')"
    assert done.result == 4
    assert done.budget is not None
    assert (done.budget.usd, done.budget.spent_usd) == (10, 4)


@pytest.mark.parametrize(
    ("kind", "asks"),
    [
        ("agent_turn", True),
        ("runner_call", True),
        ("graph_call", True),
        ("claude_invocation", True),
        (TOOL_CALL, False),
    ],
)
def test_a_run_that_is_one_checkpoint_asks_before_it_begins(
    kind: str, asks: bool
) -> None:
    @flow(budget=Budget(usd=1))
    def agent() -> int:
        return len(
            [BOUNDARY.run_sync(kind, "agent", f"agent.r{n}", spend) for n in range(2)]
        )

    with FlowTester(answers={"budget": 9}) as tester:
        run = tester.run(agent)

        assert run.result == 2
        assert [wait.name for wait in run.execution.waits] == ["budget"] * asks


def test_requests_side_by_side_ask_once_when_those_under_way_are_done() -> None:
    @flow(budget=Budget(usd=2))
    def team() -> int:
        async def all_at_once() -> int:
            first = await asyncio.gather(*(arequest(n) for n in range(2)))
            return len(first + await asyncio.gather(*(arequest(n) for n in (2, 3, 4))))

        return asyncio.run(all_at_once())

    with FlowTester() as tester:
        run = tester.run(team)
        ran = run.ran
        tester.client.executions.input(run.exec_id, value=10)
        done = tester.client.executions.get(run.exec_id)

    assert ran == ["agent.s0", "agent.s1"]
    assert done.result == 5
    assert [wait.name for wait in done.waits] == ["budget"]


def test_inside_a_checkpoint_the_error_comes_at_once() -> None:
    @checkpoint
    def turn() -> str:
        spend()
        with events.noted(TOOL_CALL, "tool", "t0"):
            pass
        with events.noted(MODEL_REQUEST, "model", "s1"):
            return spend()

    @flow(budget=Budget(usd=1))
    def agent() -> str:
        return turn()

    with FlowTester() as tester:
        failure = tester.run(agent).execution.failure

    assert failure is not None
    assert failure.exception_type == "kitaru.errors.KitaruBudgetError"
    assert failure.message.startswith("spent $1.00 of $1.00; inside a checkpoint")
