"""Add up what calls of language models took.

What was spent stays spent: failed attempts count, reused results do not count again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from kitaru._core.calls.records import CallRecord
from kitaru.models import ExecutionUsage, Usage


def total(usages: Iterable[Usage]) -> Usage:
    """Return the sum; its cost is that of the requests with a known price."""
    found = tuple(usages)
    costs = [usage.cost for usage in found if usage.cost is not None]
    unpriced = sum(usage.unpriced_requests for usage in found)
    return Usage(
        requests=sum(usage.requests for usage in found),
        input_tokens=sum(usage.input_tokens for usage in found),
        output_tokens=sum(usage.output_tokens for usage in found),
        cached_tokens=sum(usage.cached_tokens for usage in found),
        cost=None if unpriced and not costs else sum(costs, Decimal(0)),
        unpriced_requests=unpriced,
    )


def of_execution(records: Sequence[CallRecord]) -> ExecutionUsage:
    """Return what an execution spent, and apart from it what its reused calls did."""
    known = [(record.reused, record.usage) for record in records if record.usage]
    own = total(usage for is_reused, usage in known if not is_reused)
    reused = total(usage for is_reused, usage in known if is_reused)
    return ExecutionUsage(**dict(own), reused=reused)
