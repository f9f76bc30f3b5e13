"""What an execution has spent, and when it has reached its budget."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitaru._core.calls.usage import Purse
from kitaru._core.settings import budgets
from kitaru._core.settings.budgets import Budget
from kitaru.errors import KitaruBudgetError
from kitaru.models import Usage

USAGES = st.builds(
    Usage,
    input_tokens=st.integers(0, 50),
    output_tokens=st.integers(0, 50),
    cost=st.none() | st.decimals(0, 3, places=2),
)
CALLS = st.dictionaries(st.sampled_from("abcd"), st.lists(USAGES, max_size=3))


@given(CALLS, CALLS, st.integers(0, 300))
def test_a_limit_is_reached_by_all_that_was_spent_and_by_nothing_else(
    earlier: dict[str, list[Usage]], now: dict[str, list[Usage]], limit: int
) -> None:
    before = {call: one for call, usages in earlier.items() for one in usages[:1]}
    purse = Purse(Budget(tokens=limit), before, is_reused=lambda call: call == "r")
    for call, usages in now.items():
        # What a call had spent before stands in front of what it spends now.
        purse.begin(call, [*([before[call]] if call in before else []), *usages])
    all_of_it = [*before.values(), *(one for usages in now.values() for one in usages)]
    tokens = sum(one.input_tokens + one.output_tokens for one in all_of_it)

    reached = purse.reached()

    assert purse.spent.input_tokens + purse.spent.output_tokens == tokens
    assert (reached is not None) == (tokens >= limit)
    assert purse.reached("r") is None


def test_what_is_spent_while_a_call_runs_counts_at_once() -> None:
    purse = Purse(Budget(usd=1))
    usages: list[Usage] = []
    purse.begin("think", usages)
    before = purse.reached()

    usages.append(Usage(cost=Decimal("1.5")))

    limit = purse.reached()
    assert before is None
    assert limit is not None
    assert limit.told == "spent $1.50 of $1.00"
    purse.answered(limit, 2)
    assert purse.reached() is None
    usages.append(Usage(cost=Decimal(1)))
    with pytest.raises(
        KitaruBudgetError, match=r"\$2\.50 of \$2\.00; somebody has said"
    ):
        purse.answered(purse.reached() or limit, "stop")


def test_requests_of_unknown_price_count_their_tokens_only() -> None:
    purse = Purse(Budget(usd=1, tokens=100), {"a": Usage(input_tokens=100)})

    limit = purse.reached()

    assert limit is not None
    assert limit.unit == "tokens"


def test_limits_of_several_places_merge() -> None:
    both = budgets.merge(Budget(usd=5, tokens=10), Budget(tokens=20))

    assert both == Budget(usd=5, tokens=20)


def test_without_a_budget_nothing_is_reached() -> None:
    assert Purse(None, {"a": Usage(cost=Decimal(100))}).reached() is None
