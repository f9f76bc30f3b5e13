"""What requests took, from the counts that a framework gives, and their price."""

from __future__ import annotations

from decimal import Decimal

from kitaru.models import Usage


def of_counts(
    *,
    provider: str | None,
    model: str | None,
    requests: int,
    input_tokens: int,
    output_tokens: int,
    cached_tokens: int,
    cost: Decimal | None = None,
) -> Usage:
    """Return the usage of requests that a framework only gives counts of.

    `provider` and `model` are names as providers use them; without a known model, or
    without `genai-prices`, the requests have no price. A `cost` that is known is taken.
    """
    if cost is None:
        cost = _price(provider, model, input_tokens, output_tokens, cached_tokens)
    return Usage(
        requests=requests,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_tokens=cached_tokens,
        cost=cost,
        unpriced_requests=requests if cost is None else 0,
    )


def _price(
    provider: str | None, model: str | None, sent: int, received: int, cached: int
) -> Decimal | None:
    if not model or not (sent or received):
        return None
    try:
        import genai_prices
    except ImportError:
        return None
    counts = genai_prices.Usage(
        input_tokens=sent, output_tokens=received, cache_read_tokens=cached
    )
    try:
        found = genai_prices.calc_price(counts, model, provider_id=provider)
    # No price for this model or provider, or counts that contradict one another.
    except (LookupError, ValueError):
        return None
    return found.total_price
