"""What a run of a graph leaves behind while it goes: its tasks, and what it spent."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import LLMResult
from langgraph.types import Interrupt

from kitaru import models
from kitaru._core.flows import scope
from kitaru.adapters._shared import identity
from kitaru.adapters._shared.spending import spend
from kitaru.checkpoints import handled, unhandled

# Tasks of a graph are named `node:random` in its namespaces, one in another by this.
_SEPARATOR = "|"
# A task that asked more often than this is named by the order of its questions.
_MOST_QUESTIONS = 100

# What is counted of a run; prices are those of its checkpoints.
COUNTED = ("requests", "input_tokens", "output_tokens", "cached_tokens")

Part = tuple[int, str, int]
Place = tuple[Part, ...]


class Tracks(BaseCallbackHandler):
    """Knows the place of each task of a run, and counts tokens.

    LangGraph tells a call the step of its own graph only, and names the tasks around it
    by random ids; where these stand is noted when they begin.

    Args:
        counts_answers: Whether every answer of a model belongs to the usage of the run;
            otherwise those that are handed to `answered`.
        is_spent: Whether tokens are noted on the checkpoint that runs.
    """

    # In the context of the call itself, before it goes on.
    run_inline = True

    def __init__(self, *, counts_answers: bool, is_spent: bool) -> None:
        self._counts_answers = counts_answers
        self._is_spent = is_spent
        self._lock = threading.Lock()
        self._parts: dict[str, Part] = {}
        self._tasks: dict[UUID, str] = {}
        self._failed: dict[str, Exception] = {}
        self._usage = models.Usage()

    # -- where calls stand -----------------------------------------------------

    def on_chain_start(
        self, *_: Any, run_id: UUID, parent_run_id: UUID | None = None, **told: Any
    ) -> None:
        """Note where a task stands in its graph."""
        metadata = told.get("metadata") or {}
        namespace = metadata.get("langgraph_checkpoint_ns")
        if not namespace:
            return
        self.noted(namespace, metadata["langgraph_step"], metadata["langgraph_path"])
        with self._lock:
            # What runs inside a task is told under the name of the task, too.
            around = self._tasks.get(parent_run_id) if parent_run_id else None
            if around != namespace:
                self._tasks[run_id] = namespace

    # -- what became of failures -------------------------------------------------

    def failed(self, namespace: str, error: Exception) -> None:
        """Note that a call failed in a task, which may make something of it."""
        with self._lock:
            self._failed[namespace] = error

    def on_chain_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Tell the flow that a task went on after a failure, which is then final."""
        error = self._failure_before(run_id)
        if error is not None:
            handled(error)

    def on_chain_error(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Tell the flow that a failure ended its task: the call is made again."""
        error = self._failure_before(run_id)
        if error is not None:
            unhandled(error)

    def _failure_before(self, run_id: UUID) -> Exception | None:
        with self._lock:
            return self._failed.pop(self._tasks.pop(run_id, ""), None)

    def noted(self, namespace: str, step: int, path: Sequence[Any]) -> None:
        """Note where a task stands: in which step, and the how-manieth sent to a node."""
        with self._lock:
            # The graph inside a task begins under the task's own name once more.
            self._parts.setdefault(namespace, part_of(namespace, step, path))

    def place(self, namespace: str, *, within: str = "") -> Place:
        """Return the place of a task: its own part, after those of the tasks around."""
        inner = namespace.removeprefix(within).lstrip(_SEPARATOR)
        if not namespace.startswith(within):
            inner, within = namespace, ""
        found, around = [], within
        for name in filter(None, inner.split(_SEPARATOR)):
            around = f"{around}{_SEPARATOR}{name}" if around else name
            # A number tells the graphs apart that one task runs.
            known = self._parts.get(around, (0, name.rpartition(":")[0] or name, -1))
            found.append(known)
        return tuple(found)

    def question_place(self, interrupt_id: str) -> tuple[Place, int]:
        """Return which task asked, and how many questions of it were answered before.

        LangGraph makes the id of both.
        """
        with self._lock:
            known = list(self._parts)
        for answered in range(_MOST_QUESTIONS):
            for namespace in known:
                text = f"{namespace}{_SEPARATOR}{answered}" if answered else namespace
                if Interrupt.from_ns(None, text).id == interrupt_id:
                    return self.place(namespace), answered
        return (), 0

    # -- what they took --------------------------------------------------------

    def taken(self) -> models.Usage:
        """Return what the run took since this was asked last."""
        with self._lock:
            found, self._usage = self._usage, models.Usage()
            return found

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        """Note the tokens of an answer."""
        messages = [
            generation.message
            for generations in response.generations
            for generation in generations[:1]
            if hasattr(generation, "message")
        ]
        here = scope.current()
        for answer in _answers(messages):
            if self._is_spent and here is not None and here.call is not None:
                spend(provider=None, model=_model_of(answer), **_counts(answer))
        if self._counts_answers:
            self.answered(messages)

    def answered(self, messages: Sequence[BaseMessage]) -> None:
        """Count the answers of a model to the usage of the run."""
        for answer in _answers(messages):
            counts: dict[str, Any] = {"requests": 1, **_counts(answer)}
            took = models.Usage(**counts)
            with self._lock:
                self._usage = added(self._usage, took)


def added(one: models.Usage, other: models.Usage) -> models.Usage:
    """Return the tokens of both."""
    return models.Usage(
        **{name: getattr(one, name) + getattr(other, name) for name in COUNTED}
    )


def part_of(namespace: str, step: int, path: Sequence[Any]) -> Part:
    """Return step, node, and the how-manieth that was sent there; -1 for none."""
    node = namespace.rpartition(_SEPARATOR)[2].rpartition(":")[0]
    sent = path[1] if len(path) > 1 and isinstance(path[1], int) else -1
    return step, node, sent


def path_of(place: Place) -> str:
    """Return a place as it stands in ids: `s2.model`, `s1.research/s2.tools[1]`."""
    return "/".join(
        (f"s{step}.{identity.clean(node)}" if step else identity.clean(node))
        + (f"[{sent}]" if sent >= 0 else "")
        for step, node, sent in place
    )


def _answers(messages: Sequence[BaseMessage]) -> Iterator[AIMessage]:
    for message in messages:
        if isinstance(message, AIMessage):
            yield message


def _counts(answer: AIMessage) -> dict[str, int]:
    told: Any = answer.usage_metadata or {}
    return {
        "input_tokens": told.get("input_tokens", 0),
        "output_tokens": told.get("output_tokens", 0),
        "cached_tokens": (told.get("input_token_details") or {}).get("cache_read") or 0,
    }


def _model_of(answer: AIMessage) -> str | None:
    told = answer.response_metadata
    found = told.get("model_name") or told.get("model")
    return str(found) if found else None
