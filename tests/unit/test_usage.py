from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from pydantic import ValidationError

from kitaru._core.calls import usage
from kitaru._core.calls.records import CallRecord
from kitaru.models import ExecutionUsage, Usage

PRICED = Usage(requests=1, input_tokens=10, output_tokens=2, cost=Decimal("0.1"))
CHEAP = Usage(requests=1, input_tokens=5, cached_tokens=3, cost=Decimal("0.2"))
UNPRICED = Usage(requests=1, input_tokens=1, unpriced_requests=1)


def test_costs_add_up_exactly() -> None:
    found = usage.total([PRICED, CHEAP])

    assert found == Usage(
        requests=2,
        input_tokens=15,
        output_tokens=2,
        cached_tokens=3,
        cost=Decimal("0.3"),
    )


def test_nothing_spent_costs_nothing() -> None:
    assert usage.total([]).cost == 0


def test_the_cost_is_unknown_when_no_price_is_known() -> None:
    assert usage.total([UNPRICED, UNPRICED]).cost is None


def test_requests_without_a_price_are_counted_beside_the_cost() -> None:
    found = usage.total([PRICED, UNPRICED])

    assert (found.cost, found.unpriced_requests) == (Decimal("0.1"), 1)


def test_a_sum_of_sums_is_the_sum() -> None:
    parts = usage.total([usage.total([PRICED, UNPRICED]), usage.total([]), CHEAP])

    assert parts == usage.total([PRICED, UNPRICED, CHEAP])


def test_reused_calls_are_not_spent_again(call: Callable[..., CallRecord]) -> None:
    records = [
        call("draft", usage=PRICED, reused=True),
        call("polish", usage=CHEAP),
        call("send"),
    ]

    found = usage.of_execution(records)

    assert (found.cost, found.reused.cost) == (CHEAP.cost, PRICED.cost)


def test_json_keeps_every_digit_of_the_cost() -> None:
    spent = ExecutionUsage(cost=Decimal("0.10"), reused=UNPRICED)

    text = spent.model_dump_json()

    assert '"cost":"0.10"' in text
    assert ExecutionUsage.model_validate_json(text) == spent


@pytest.mark.parametrize("field", ["requests", "input_tokens", "cost"])
def test_less_than_nothing_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        Usage.model_validate({field: -1})
