"""What language models took, as text for people."""

from __future__ import annotations

from kitaru._core.words.wording import money
from kitaru.models import ExecutionBudget, ExecutionUsage, Usage


def usage_line(usage: ExecutionUsage | None) -> str | None:
    """Return what an execution spent, in one line; `None` if it asked no model."""
    if usage is None or not (usage.requests or usage.reused.requests):
        return None
    line = _spent(usage)
    if usage.reused.requests:
        line += f"; reused: {_spent(usage.reused)}"
    return f"models: {line}"


def budget_line(budget: ExecutionBudget | None) -> str | None:
    """Return the budget of an execution in one line; `None` without one."""
    if budget is None:
        return None
    parts = []
    if budget.usd is not None:
        spent = "unknown" if budget.spent_usd is None else money(budget.spent_usd)
        parts.append(f"{spent} of {money(budget.usd)}")
    if budget.tokens is not None:
        parts.append(f"{budget.spent_tokens:,} of {budget.tokens:,} tokens")
    line = f"budget: spent {', '.join(parts)}"
    if budget.saved_tokens or budget.saved_usd:
        saved = f", {money(budget.saved_usd)}" if budget.saved_usd else ""
        line += f"; reuse saved {budget.saved_tokens:,} tokens{saved}"
    return line


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
