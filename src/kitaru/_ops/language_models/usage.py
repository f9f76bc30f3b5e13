"""What a response of pydantic-ai's model layer took: tokens, and the price of them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from kitaru.models import Usage

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse


def of_response(response: ModelResponse) -> Usage:
    """Return the usage of one response; its cost as reported, or by public prices."""
    cost = _cost(response)
    return Usage(
        requests=1,
        input_tokens=response.usage.input_tokens,
        output_tokens=response.usage.output_tokens,
        cached_tokens=response.usage.cache_read_tokens,
        cost=cost,
        unpriced_requests=int(cost is None),
    )


def _cost(response: ModelResponse) -> Decimal | None:
    if response.usage.cost is not None:
        return response.usage.cost
    if not response.model_name:
        return None
    try:
        return response.cost().total_price
    # No price for this model or provider, or no token counts to price.
    except (LookupError, ValueError):
        return None
