"""Before a model is asked: may the execution spend more, and if not, who says so?"""

from __future__ import annotations

import sys
from typing import cast

from kitaru._core.calls import usage
from kitaru._core.flows import scope
from kitaru._core.flows.specs import WaitRequest
from kitaru._core.settings import budgets
from kitaru._core.settings.budgets import Answer, Reached
from kitaru._ops.speech import is_terminal
from kitaru.errors import KitaruContextError

_PATIENCE = 600.0
_INSIDE = (
    "inside a checkpoint nobody can be asked. Make the model call a checkpoint of its own, "
    "or replay with a larger budget: kitaru executions replay ID --from CHECKPOINT "
    "--budget-{unit} AMOUNT"
)
_BESIDE = "the call is made beside the flow body, where nobody can be asked"


def is_reached(invocation_id: str | None = None) -> bool:
    """Whether the next model call has to ask first."""
    here = scope.current()
    return here is not None and here.runtime.purse.reached(invocation_id) is not None


def check(invocation_id: str | None = None) -> None:
    """Return when a model may be asked: at once, or after somebody raised the limit.

    Args:
        invocation_id: The call, if that is known; a reused one costs nothing.

    Raises:
        KitaruBudgetError: If the budget is spent, and somebody has said to stop or
            nobody can be asked here.
    """
    here = scope.current()
    if here is None:
        return
    purse = here.runtime.purse
    while (limit := purse.reached(invocation_id)) is not None:
        if here.call is not None:
            raise limit.error(_INSIDE.format(unit=limit.unit))
        purse.answered(limit, _asked(here.runtime, limit))


def _asked(runtime: scope.FlowRuntime, limit: Reached) -> Answer:
    request = WaitRequest(
        schema=Answer,
        name=budgets.WAIT,
        question=limit.question,
        metadata=usage.asked_with(limit),
        # Nobody sits there: the process need not stay until somebody has decided.
        timeout=_PATIENCE if is_terminal(sys.stdin) else 0,
    )
    try:
        (answer,) = runtime.wait_all([request])
    except KitaruContextError:
        raise limit.error(_BESIDE) from None
    return cast(Answer, answer)
