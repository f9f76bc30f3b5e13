"""What requests to language models took, on every engine."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kitaru import KitaruClient, checkpoint, flow
from kitaru._core.flows import scope
from kitaru._engine.open import current_engine
from kitaru.errors import KitaruContextError
from kitaru.models import Usage

pytestmark = pytest.mark.usefixtures("engine")

ONE = Usage(requests=1, input_tokens=100, output_tokens=10, cost=Decimal("0.10"))


@checkpoint
def ask() -> str:
    scope.spend(ONE)
    return "answer"


def test_an_execution_sums_what_its_calls_spent(client: KitaruClient) -> None:
    @flow
    def asking_twice() -> None:
        ask()
        ask()

    execution = client.executions.get(asking_twice.run().exec_id)

    assert execution.usage is not None
    assert execution.usage.requests == 2
    assert execution.usage.cost == Decimal("0.20")
    assert [call.usage for call in execution.checkpoints] == [ONE, ONE]


def test_failed_attempts_count(client: KitaruClient) -> None:
    attempts = []

    @checkpoint(retries=1)
    def unstable() -> None:
        scope.spend(ONE)
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("once")

    @flow
    def using_unstable() -> None:
        unstable()

    execution = client.executions.get(using_unstable.run().exec_id)

    assert execution.usage is not None
    assert execution.usage.requests == 2


FAILING = [True]


@checkpoint
def fail_once() -> None:
    scope.spend(ONE)
    if FAILING:
        FAILING.pop()
        raise ValueError("once")


@flow
def failing_after_asking() -> None:
    ask()
    fail_once()


def test_a_retry_keeps_what_was_spent_and_counts_nothing_twice(
    client: KitaruClient,
) -> None:
    FAILING[:] = [True]
    exec_id = failing_after_asking.run().exec_id
    before = client.executions.get(exec_id)

    # In this process, whose state says that the failure is over.
    current_engine().continue_here(exec_id)

    after = client.executions.get(exec_id)
    assert before.usage is not None
    assert after.usage is not None
    assert after.status == "completed"
    assert (before.usage.requests, after.usage.requests) == (2, 3)


def test_a_replay_tells_what_it_spent_from_what_it_reused(
    client: KitaruClient,
) -> None:
    @flow
    def asking() -> str:
        ask.with_options(id="first")()
        return ask.with_options(id="second")()

    source = asking.run().exec_id

    execution = client.executions.get(asking.replay(source, from_="second").exec_id)

    assert execution.usage is not None
    assert execution.usage.cost == Decimal("0.10")
    assert execution.usage.reused.cost == Decimal("0.10")


def test_an_isolated_checkpoint_tells_what_it_spent(client: KitaruClient) -> None:
    @flow
    def asking_elsewhere() -> str:
        return ask.with_options(runtime="isolated")()

    execution = client.executions.get(asking_elsewhere.run().exec_id)

    assert execution.usage is not None
    assert execution.usage.requests == 1


def test_an_execution_without_models_spent_nothing(client: KitaruClient) -> None:
    @checkpoint
    def plain() -> int:
        return 1

    @flow
    def plainly() -> int:
        return plain()

    execution = client.executions.get(plainly.run().exec_id)

    assert execution.usage is not None
    assert (execution.usage.requests, execution.usage.cost) == (0, 0)
    assert execution.checkpoints[0].usage is None


def test_listings_leave_the_usage_out(client: KitaruClient) -> None:
    @flow
    def asking_once() -> str:
        return ask()

    asking_once.run()

    assert client.executions.list(flow="asking_once")[0].usage is None


def test_spending_outside_a_checkpoint_is_refused() -> None:
    with pytest.raises(KitaruContextError, match="outside a flow"):
        scope.spend(ONE)
