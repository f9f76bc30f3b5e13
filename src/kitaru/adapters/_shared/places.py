"""Where the calls of a run stand in it, for frameworks that do not say.

The step counts *answers*. A request that the framework makes again belongs to the same
step, so one that failed before and succeeds on a rerun shifts no later id.
"""

from __future__ import annotations

from collections.abc import Sequence

from kitaru.adapters._shared import identity
from kitaru.adapters._shared.runs import Run


class Places:
    """The steps of one run, and the place of each tool call in the model's answers."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._answers = 0
        self._places: dict[str, tuple[int, int]] = {}

    @property
    def next_step(self) -> int:
        """The step that the next answer belongs to."""
        return self._answers + 1

    def model_request(self) -> str:
        """Return the id of a request that is about to be made."""
        return identity.step(self.run.id, self.next_step, "model")

    def answered(self, step: int, call_ids: Sequence[str]) -> None:
        """Note the model's answer of a step: the tool calls it asks for, in order."""
        self._answers = max(self._answers, step)
        self._places.update(
            {call_id: (step, index) for index, call_id in enumerate(call_ids)}
        )

    def tool_call(self, call_id: str, tool: str) -> str:
        """Return the id of a tool call; `call_id` is the framework's own."""
        step, index = self._places.get(call_id, (self._answers, None))
        return identity.tool_call(self.run.id, step, index=index, tool=tool)
