"""Add up what calls of language models took, and compare it with a budget.

What was spent stays spent: failed attempts count, reused results do not count again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from kitaru._core.calls.records import CallRecord
from kitaru._core.settings import budgets
from kitaru._core.settings.budgets import Answer, Budget, Reached, Unit
from kitaru.models import AnsweredWait, ExecutionBudget, ExecutionUsage, Usage

# What is said with the question whether to raise a limit.
_UNIT = "unit"


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


class Purse:
    """The budget of an execution, and what all its attempts have spent.

    Args:
        budget: What may be spent before somebody is asked; `None` for no limit.
        earlier: What was spent before, by call.
        is_reused: Whether a call takes over a result, and so costs nothing.
    """

    def __init__(
        self,
        budget: Budget | None = None,
        earlier: Mapping[str, Usage] | None = None,
        is_reused: Callable[[str], bool] = lambda invocation_id: False,
    ) -> None:
        self.budget = budget
        self._spent: dict[str, Sequence[Usage]] = {
            call: (one,) for call, one in (earlier or {}).items()
        }
        self._is_reused = is_reused
        self._lock = threading.Lock()

    def begin(self, invocation_id: str, usages: Sequence[Usage]) -> None:
        """Count from now on what a call spends: `usages` grows, and holds what it had."""
        with self._lock:
            self._spent[invocation_id] = usages

    @property
    def spent(self) -> Usage:
        """What is spent by now."""
        with self._lock:
            return total(one for many in self._spent.values() for one in many)

    def reached(self, invocation_id: str | None = None) -> Reached | None:
        """Return the limit that is reached, `None` if a call may spend something.

        Args:
            invocation_id: The call, if that is known; one that is reused may always.
        """
        if self.budget is None:
            return None
        if invocation_id is not None and self._is_reused(invocation_id):
            return None
        return budgets.reached(self.budget, self.spent)

    def answered(self, limit: Reached, answer: Answer) -> None:
        """Raise a limit.

        Raises:
            KitaruBudgetError: If the answer is to stop.
        """
        assert self.budget is not None  # it was reached
        self.budget = budgets.raised(self.budget, limit, answer)


def asked_with(limit: Reached) -> dict[str, object]:
    """Return what is shown with the question."""
    return {
        _UNIT: limit.unit,
        "limit": float(limit.limit),
        "spent": float(limit.spent),
    }


def budget_shown(
    budget: Budget | None, waits: Sequence[AnsweredWait], spent: ExecutionUsage
) -> ExecutionBudget | None:
    """Return the budget of an execution as people see it, with what answers raised."""
    if budget is None:
        return None
    for wait in waits:
        if _UNIT not in wait.metadata or not _is_ours(wait.name):
            continue
        unit: Unit = "tokens" if wait.metadata[_UNIT] == "tokens" else "usd"
        if wait.outcome == "answered" and isinstance(wait.answer, int | float):
            budget = budgets.with_limit(budget, unit, wait.answer)
    return ExecutionBudget(
        usd=None if budget.usd is None else Decimal(budget.usd),
        tokens=budget.tokens,
        spent_usd=spent.cost,
        spent_tokens=spent.input_tokens + spent.output_tokens,
        saved_usd=spent.reused.cost,
        saved_tokens=spent.reused.input_tokens + spent.reused.output_tokens,
    )


def _is_ours(name: str) -> bool:
    return name == budgets.WAIT or name.startswith(f"{budgets.WAIT}_")
