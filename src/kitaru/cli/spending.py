"""What language models took, as text for people."""

from __future__ import annotations

from decimal import Decimal

from kitaru.models import ExecutionUsage, Usage


def usage_line(usage: ExecutionUsage | None) -> str | None:
    """Return what an execution spent, in one line; `None` if it asked no model."""
    if usage is None or not (usage.requests or usage.reused.requests):
        return None
    line = _spent(usage)
    if usage.reused.requests:
        line += f"; reused: {_spent(usage.reused)}"
    return f"models: {line}"


def money(amount: Decimal) -> str:
    """Return an amount in dollars: cents, or as many digits as a small one needs."""
    if amount == 0 or amount >= 1:
        return f"${amount:.2f}"
    # The first digits that tell something, never 1e-05.
    return f"${amount:.{max(2, 1 - amount.adjusted())}f}"


def _spent(usage: Usage) -> str:
    plural = "" if usage.requests == 1 else "s"
    cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
    return (
        f"{usage.requests} request{plural}, {usage.input_tokens:,} tokens in{cached}, "
        f"{usage.output_tokens:,} out, {_cost(usage)}"
    )


def _cost(usage: Usage) -> str:
    if usage.cost is None:
        return "cost unknown"
    text = f"about {money(usage.cost)}" if usage.cost else money(usage.cost)
    if usage.unpriced_requests:
        return f"{text} without {usage.unpriced_requests} of unknown price"
    return text
