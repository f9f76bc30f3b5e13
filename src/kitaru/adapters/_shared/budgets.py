"""Before an agent's model may be asked: the budget of the execution."""

from __future__ import annotations

from kitaru._ops.language_models import budgets
from kitaru.adapters._shared import runs

MODEL_REQUEST = "model_request"
# Runs of agents that are one checkpoint ask models inside, where no person can be asked.
_SPENDING = frozenset(
    {MODEL_REQUEST, "agent_turn", "runner_call", "graph_call", "claude_invocation"}
)


def check(kind: str, identity: str | None = None) -> None:
    """Return when a call may be made; calls of other kinds always may.

    Raises:
        KitaruBudgetError: If the budget is spent, and nobody raises it.
    """
    if kind in _SPENDING:
        budgets.check(identity)


async def check_from_loop(kind: str, identity: str) -> None:
    """Do the same on an event loop: calls beside this one finish before people are asked."""
    if kind not in _SPENDING or not budgets.is_reached(identity):
        return
    activity = runs.activity()
    assert activity is not None  # there is a flow here
    await activity.gate().ask(lambda: budgets.check(identity))
