"""A graph as one checkpoint, or as one for each part of it between interrupts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.pregel import Pregel
from pydantic_core import to_jsonable_python

from kitaru.adapters._shared import identity
from kitaru.adapters._shared.boundary import Boundary
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters.langgraph import memory
from kitaru.adapters.langgraph.given import Given
from kitaru.adapters.langgraph.passage import Outcome, Passage
from kitaru.adapters.langgraph.plans import Plan, Step, acarry_out, carry_out
from kitaru.adapters.langgraph.results import PendingInterrupt
from kitaru.adapters.langgraph.tracks import COUNTED, Tracks
from kitaru.models import Usage

GRAPH_CALL = "graph_call"
_KEYS = {"output", "interrupts", "thread", "usage", "part"}


class WholeParts:
    """Runs the parts of a graph as checkpoints.

    Args:
        graph: The graph.
        name: Its name, in the names of checkpoints.
        boundary: Where it runs.
        capture: What to keep beside the results.
    """

    def __init__(
        self,
        graph: Pregel[Any, Any, Any, Any],
        name: str,
        boundary: Boundary,
        capture: CapturePolicy,
    ) -> None:
        self._graph = graph
        self._name = name
        self._boundary = boundary
        self._capture = capture

    def run(
        self,
        passage: Passage,
        run_id: str,
        part: int,
        given: Any,
        *,
        is_input: bool,
        tracks: Tracks,
    ) -> Plan[tuple[Outcome, Usage]]:
        """Run a part, or rebuild how it ended.

        Args:
            passage: The run.
            run_id: Its id.
            part: Which part.
            given: The input, or the answers to the interrupts of the part before.
            is_input: Whether it is the input.
            tracks: Counts what the part takes.
        """
        brought = Given(given if is_input else None)

        def body() -> Plan[Any]:
            if is_input and self._capture.prompts:
                self._capture.keep("prompt", given, type="prompt")
            outcome = yield from passage.run(part, given, was_told=True)
            if self._capture.responses and not outcome.interrupts:
                shown = brought.left_out(outcome.output)
                self._capture.keep("response", shown, type="response")
            # A thread of its own is over with the run.
            is_needed = bool(outcome.interrupts) or not passage.is_own
            thread_id = passage.thread_id if is_needed else None
            thread = memory.stored_thread(self._graph, thread_id, brought)
            return {
                # As it is: the engine keeps the types.
                "output": brought.left_out(outcome.output),
                "interrupts": [vars(pending) for pending in outcome.interrupts],
                "thread": thread,
                "usage": tracks.taken().model_dump(include=set(COUNTED)),
                "part": passage.part,
            }

        call_id = identity.repeated(run_id, part + 1)
        inputs = _compared(given)
        stored = yield Step(
            lambda: self._boundary.run_sync(
                GRAPH_CALL,
                self._name,
                call_id,
                lambda: carry_out(body()),
                inputs=inputs,
            ),
            lambda: self._boundary.run(
                GRAPH_CALL,
                self._name,
                call_id,
                lambda: acarry_out(body()),
                inputs=inputs,
            ),
            is_live=True,
        )
        if not (isinstance(stored, Mapping) and stored.keys() == _KEYS):
            # Somebody overrode it with another output.
            return Outcome(stored, ()), Usage()
        if stored["thread"]:
            memory.restore(self._graph, passage.thread_id, stored["thread"], brought)
        passage.part = stored["part"]
        output = brought.put_back(stored["output"])
        interrupts = tuple(PendingInterrupt(**told) for told in stored["interrupts"])
        return Outcome(output, interrupts), Usage(**stored["usage"])


def _compared(given: Any) -> Any:
    """Return what a part depends on, without the random ids of messages."""
    plain = to_jsonable_python(given, fallback=lambda value: type(value).__qualname__)
    return _without_ids(plain)


def _without_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    dropped = {"id"} if "content" in value and "type" in value else set()
    return {
        name: _without_ids(item) for name, item in value.items() if name not in dropped
    }
