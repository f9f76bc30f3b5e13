"""What requests took, from the counts a framework gives."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kitaru import flow
from kitaru.adapters._shared.boundary import Boundary
from kitaru.adapters._shared.spending import spend
from kitaru.models import Usage
from kitaru.testing import FlowTester


def spent(**counts: Any) -> Usage:
    @flow
    def working() -> None:
        Boundary().run_sync("model_request", "a", "a", lambda: spend(**counts))

    with FlowTester() as tester:
        usage = tester.run(working).execution.usage
    assert usage is not None
    return usage


def test_a_known_model_has_a_price() -> None:
    usage = spent(
        provider="openai", model="gpt-4o", input_tokens=1000, output_tokens=100
    )

    assert (usage.requests, usage.input_tokens, usage.output_tokens) == (1, 1000, 100)
    assert usage.cost is not None
    assert usage.cost > Decimal(0)
    assert usage.unpriced_requests == 0


@pytest.mark.parametrize("model", [None, "no-such-model"])
def test_an_unknown_model_is_counted_without_a_price(model: str | None) -> None:
    usage = spent(provider=None, model=model, requests=2, input_tokens=10)

    assert (usage.requests, usage.cost, usage.unpriced_requests) == (2, None, 2)
