from __future__ import annotations

from decimal import Decimal

import pytest

from kitaru.cli.spending import money, usage_line
from kitaru.models import ExecutionUsage, Usage


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0.00"),
        ("12.346", "$12.35"),
        ("0.25", "$0.25"),
        ("0.0123", "$0.012"),
        ("0.00001234", "$0.000012"),
        ("1E-7", "$0.00000010"),
    ],
)
def test_money_keeps_the_digits_that_tell_something(amount: str, text: str) -> None:
    assert money(Decimal(amount)) == text


def test_an_execution_without_models_has_no_line() -> None:
    assert usage_line(None) is None
    assert usage_line(ExecutionUsage(cost=Decimal(0))) is None


def test_the_line_tells_tokens_and_cost() -> None:
    usage = ExecutionUsage(
        requests=2,
        input_tokens=1000,
        cached_tokens=400,
        output_tokens=20,
        cost=Decimal("0.5"),
    )

    assert usage_line(usage) == (
        "models: 2 requests, 1,000 tokens in (400 cached), 20 out, about $0.50"
    )


def test_an_unknown_cost_is_not_zero() -> None:
    none = ExecutionUsage(requests=1, unpriced_requests=1)
    some = ExecutionUsage(requests=3, cost=Decimal("0.1"), unpriced_requests=1)

    assert str(usage_line(none)).endswith("cost unknown")
    assert str(usage_line(some)).endswith("about $0.10 without 1 of unknown price")


def test_what_was_reused_is_told_apart() -> None:
    reused = Usage(requests=1, input_tokens=5, output_tokens=1, cost=Decimal("0.2"))

    line = usage_line(ExecutionUsage(cost=Decimal(0), reused=reused))

    assert line == (
        "models: 0 requests, 0 tokens in, 0 out, $0.00; reused: 1 request, 5 tokens in, "
        "1 out, about $0.20"
    )
