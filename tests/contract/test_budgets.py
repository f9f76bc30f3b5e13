"""What an execution may spend on language models, on every engine."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.usage import RequestUsage

import kitaru
from kitaru import Budget, KitaruClient, checkpoint, flow, llm
from kitaru._core.flows import scope
from kitaru._engine.open import current_engine
from kitaru.errors import KitaruBudgetError, KitaruUsageError
from kitaru.flows import Flow
from kitaru.models import Usage

pytestmark = pytest.mark.usefixtures("engine")
asked: list[str] = []
broken = False


def said(*_: Any) -> ModelResponse:
    asked.append("model")
    usage = RequestUsage(input_tokens=90, output_tokens=10)
    return ModelResponse(parts=[TextPart("yes")], usage=usage)


MODEL = FunctionModel(said)


@pytest.fixture(autouse=True)
def nobody_asked() -> None:
    asked.clear()


@checkpoint
def work() -> None:
    if broken:
        raise ValueError("broken")


@checkpoint(retries=2)
def think() -> str:
    """Costs a dollar before it asks."""
    scope.spend(Usage(requests=1, cost=Decimal(1)))
    asked.append("think")
    return llm("more?", model=MODEL)


def talking() -> Flow[[int], str]:
    """A flow that goes on in this process: no other one could find it."""

    @flow(budget=Budget(tokens=150))
    def talking(n: int) -> str:
        try:
            for _ in range(n):
                llm("hi", model=MODEL)
        except KitaruBudgetError as error:
            return f"{error.unit}: {error.spent:.0f} of {error.limit:.0f}"
        work()
        return "done"

    return talking


def test_at_the_limit_somebody_is_asked_and_may_raise_it(client: KitaruClient) -> None:
    handle = talking().run(4)
    waiting = client.executions.get(handle.exec_id)
    calls_before = len(asked)

    client.executions.input(handle.exec_id, value=250)
    again = client.executions.get(handle.exec_id)
    client.executions.input(handle.exec_id, wait="budget_2", value=1000)

    done = client.executions.get(handle.exec_id)
    assert waiting.pending_wait is not None
    assert waiting.pending_wait.name == "budget"
    assert waiting.pending_wait.question == (
        "spent 200 of 150 tokens; raise to? (a number, or 'stop')"
    )
    assert calls_before == 2
    assert again.pending_wait is not None
    assert again.pending_wait.metadata["spent"] == 300
    assert (done.status, done.result, len(asked)) == ("completed", "done", 4)
    assert done.budget is not None
    assert (done.budget.tokens, done.budget.spent_tokens) == (1000, 400)
    assert done.settings["budget"] == {"tokens": 150}


def test_whoever_says_stop_ends_it_with_an_error(client: KitaruClient) -> None:
    handle = talking().run(3)

    client.executions.input(handle.exec_id, value="stop")

    assert client.executions.get(handle.exec_id).result == "tokens: 200 of 150"
    assert len(asked) == 2


def test_inside_a_checkpoint_the_error_comes_at_once_and_once(
    client: KitaruClient,
) -> None:
    @flow
    def thinking() -> str:
        return think()

    handle = thinking.run(budget=Budget(usd=1))

    shown = client.executions.get(handle.exec_id)
    assert asked == ["think"]
    assert shown.failure is not None
    assert "spent $1.00 of $1.00; inside a checkpoint" in shown.failure.message
    assert len(shown.checkpoints[0].attempts) == 1
    assert shown.budget is not None
    assert (shown.budget.usd, shown.budget.spent_usd) == (1, 1)


def test_reused_results_cost_nothing(client: KitaruClient) -> None:
    flow = talking()
    source = flow.run(2).exec_id

    replay = flow.replay(source, from_="work")

    shown = client.executions.get(replay.exec_id)
    assert shown.status == "completed"
    assert shown.budget is not None
    assert (shown.budget.spent_tokens, shown.budget.saved_tokens) == (0, 200)


def test_earlier_attempts_count_but_reused_calls_do_not_ask(
    client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = talking()
    with monkeypatch.context() as here:
        here.setitem(globals(), "broken", True)
        failed = flow.run(2).exec_id

    current_engine().continue_here(failed)

    shown = client.executions.get(failed)
    assert (shown.status, len(asked)) == ("completed", 2)
    assert shown.budget is not None
    assert shown.budget.spent_tokens == 200


@pytest.mark.shared_rule("given", "told")
@pytest.mark.parametrize(
    ("given", "told"),
    [
        (lambda: Budget(usd=-1), "usd must be a number of dollars, 0 or more, got -1"),
        (lambda: Budget(usd=float("nan")), "got nan"),
        (lambda: Budget(usd=True), "got True"),
        (lambda: Budget(tokens=1.5), "tokens must be a whole number"),  # type: ignore[arg-type]
        (lambda: Budget(), "a budget needs a limit"),
        (lambda: talking().run(1, budget={"usd": -1}), "run.budget=.*got -1"),
        (lambda: talking().run(1, budget=5), "must be a Budget"),
        (lambda: talking().run(1, budget={"dollars": 1}), "a budget has no 'dollars'"),
        (lambda: flow(budget=Budget(tokens=-5))(lambda: None), "got -5"),
        (lambda: kitaru.configure(budget={"tokens": "many"}), "tokens must be"),
    ],
)
def test_what_is_no_budget_is_refused(given: Callable[[], Any], told: str) -> None:
    with pytest.raises(KitaruUsageError, match=told):
        given()
