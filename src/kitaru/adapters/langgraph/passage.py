"""One run of a graph on its thread: where it begins, and where it goes on.

| what the thread holds | what is run |
|---|---|
| nothing of this run | the input |
| a part of this run | what is left of it: LangGraph goes on where it stopped |
| a later part, and the caller was given the interrupts of this one | nothing: they are given again |
| what another execution did, which this one replays | the input, as a branch from where that one began |

Each checkpoint that LangGraph saves says which run it belongs to, and which part: a part
ends with interrupts or with the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables.config import var_child_runnable_config
from langgraph.pregel import Pregel
from langgraph.types import Command, Interrupt, StateSnapshot

from kitaru.adapters.langgraph.plans import Plan, Step
from kitaru.adapters.langgraph.results import PendingInterrupt
from kitaru.adapters.langgraph.tracks import Place, Tracks, path_of
from kitaru.errors import KitaruStateError

# Keys of the metadata of LangGraph's checkpoints.
RUN = "kitaru_run"
PART = "kitaru_part"
_INTERRUPTS = "__interrupt__"
# Of a stream: what is asked for beside the modes of the user.
_NEEDED = ("values", "updates")

Emit = Callable[[Any], None]


@dataclass(frozen=True)
class Outcome:
    """How a part of a run ended."""

    output: Any
    interrupts: tuple[PendingInterrupt, ...]


@dataclass(frozen=True)
class Beginning:
    """Where a run began in a thread that is older: in which execution, after what."""

    execution: str
    checkpoint: str | None


class Passage:
    """One run of a graph.

    Args:
        graph: The graph.
        config: LangGraph's configuration, with the thread.
        options: Of `invoke` or `stream`.
        key: Execution and run, as the thread's checkpoints name them; none outside a
            flow, where nothing is added.
        prefix: What names of questions begin with.
        tracks: Knows the places of the run's tasks.
        emit: Takes the events of a stream, if one is wanted.
        is_own: Whether nothing else uses the thread.
    """

    def __init__(
        self,
        graph: Pregel[Any, Any, Any, Any],
        config: dict[str, Any],
        options: dict[str, Any],
        *,
        key: str,
        prefix: str,
        tracks: Tracks,
        emit: Emit | None = None,
        is_own: bool = False,
    ) -> None:
        self._graph = graph
        self._config = config
        self._options = options
        self._key = key
        self._prefix = prefix
        self._tracks = tracks
        self._emit = emit
        self._from: str | None = None
        self.is_own = is_own
        self.part = 0

    @property
    def has_threads(self) -> bool:
        """Whether the graph has a checkpointer."""
        return has_threads(self._graph)

    @property
    def thread_id(self) -> str | None:
        """The thread it runs on."""
        return self._configurable["thread_id"] if self.has_threads else None

    @property
    def _configurable(self) -> dict[str, Any]:
        found: dict[str, Any] = self._config["configurable"]
        return found

    # -- where it begins -------------------------------------------------------

    def begin(self, execution: str, beginning: Beginning) -> Plan[None]:
        """Leave the thread of an execution that this one replays."""
        if beginning.execution == execution:
            return
        thread = self._configurable["thread_id"]
        own = f"{thread}/{execution}"
        if (yield self._look(thread_id=own)).metadata:
            # An earlier run of this execution moved to a thread of its own.
            self._configurable["thread_id"] = own
            return
        last = (yield self._look()).metadata
        if not last or str(last.get(RUN, "")).startswith(f"{execution}/"):
            return
        if beginning.checkpoint is None:
            self._configurable["thread_id"] = own
            return
        known = yield self._look(checkpoint_id=beginning.checkpoint)
        if known.metadata:
            self._from = beginning.checkpoint

    def _look(self, **where: Any) -> Step:
        """Return the step that looks at the thread."""
        config: Any = {"configurable": {**self._configurable, **where}}
        return self._alone(
            Step(
                lambda: self._graph.get_state(config),
                lambda: self._graph.aget_state(config),
            )
        )

    def newest(self) -> Step:
        """Return the step that looks at the newest state of the thread."""
        return self._look()

    # -- a part of it ------------------------------------------------------------

    def run_plainly(self, given: Any) -> Plan[Outcome]:
        """Run the graph as it is."""
        return self._ended((yield self._go(given)))

    def run(self, part: int, given: Any, *, was_told: bool) -> Plan[Outcome]:
        """Run a part, or what is left of it.

        Args:
            part: Which one.
            given: The input, or the answers to the interrupts of the part before.
            was_told: Whether the caller has been given the interrupts of each part.
        """
        self.part = part
        if not self.has_threads:
            return self._ended((yield self._go(given)))
        metadata = (yield self._look()).metadata or {}
        if metadata.get(RUN) == self._key:
            done = int(metadata.get(PART, 0))
            if done > part and was_told:
                return self._told_before((yield self._look_back(part)))
            if done >= part:
                given = None
            self.part = max(done, part)
        return self._ended((yield self._go(given)))

    def _go(self, given: Any) -> Step:
        """Return the step that runs the graph."""
        config = self._marked()
        if self._emit is None:
            return self._alone(
                Step(
                    lambda: self._graph.invoke(given, config, **self._options),
                    lambda: self._graph.ainvoke(given, config, **self._options),
                )
            )
        emit = self._emit
        return self._alone(
            Step(
                lambda: self._stream(given, config, emit),
                lambda: self._astream(given, config, emit),
                is_live=True,
            )
        )

    def _alone(self, step: Step) -> Step:
        """Return a step whose graph is no part of the graph that it is called in.

        LangGraph would give it the thread and the answers of that one.
        """
        if not self._key:
            return step

        def called() -> Any:
            with outside():
                return step.called()

        async def awaited() -> Any:
            with outside():
                return await step.awaited()

        return Step(called, awaited, step.is_live)

    def _marked(self) -> Any:
        """Return the configuration: what is saved says whose it is."""
        configurable = dict(self._configurable)
        if self._from is not None:
            configurable["checkpoint_id"] = self._from
            # Only the first step branches off; what follows is the thread's newest.
            self._from = None
        metadata = dict(self._config.get("metadata") or {})
        if self.has_threads and self._key:
            metadata |= {RUN: self._key, PART: self.part}
        return {**self._config, "configurable": configurable, "metadata": metadata}

    def _look_back(self, part: int) -> Step:
        """Return the step that finds the end of a part in the thread."""
        config: Any = {"configurable": self._configurable}
        wanted = {RUN: self._key, PART: part}

        def look() -> Any:
            return next(
                iter(self._graph.get_state_history(config, filter=wanted, limit=1)),
                None,
            )

        async def alook() -> Any:
            found = self._graph.aget_state_history(config, filter=wanted, limit=1)
            async for snapshot in found:
                return snapshot
            return None

        return self._alone(Step(look, alook))

    # -- how it ended ------------------------------------------------------------

    def _ended(self, output: Any) -> Outcome:
        if not isinstance(output, dict) or _INTERRUPTS not in output:
            return Outcome(output, ())
        asked = output[_INTERRUPTS]
        values = {name: item for name, item in output.items() if name != _INTERRUPTS}
        return Outcome(values, self._pending(asked))

    def _told_before(self, snapshot: StateSnapshot | None) -> Outcome:
        if snapshot is None:
            raise KitaruStateError(
                f"thread {self.thread_id!r} no longer has the checkpoint at which run "
                f"{self._key!r} was interrupted. Keep its history, or use "
                "interrupts='wait'"
            )
        step = int((snapshot.metadata or {}).get("step", 0)) + 1
        for task in snapshot.tasks:
            self._tracks.noted(f"{task.name}:{task.id}", step, task.path)
        asked = [item for task in snapshot.tasks for item in task.interrupts]
        return Outcome(snapshot.values, self._pending(asked))

    def _pending(self, asked: list[Interrupt]) -> tuple[PendingInterrupt, ...]:
        """Return interrupts by their places; they come in the order of stopping."""
        placed: dict[str, tuple[Place, int, Interrupt]] = {}
        for item in asked:
            placed.setdefault(item.id, (*self._tracks.question_place(item.id), item))
        # Two of one place are told apart by what they ask.
        ordered = sorted(placed.values(), key=lambda it: (it[:2], repr(it[2].value)))
        names: dict[str, int] = {}
        found = []
        for place, answered, item in ordered:
            base = f"{self._prefix}{path_of(place)}".rstrip(".") + ".interrupt"
            name = f"{base}_{answered + 1}" if answered else base
            count = names[name] = names.get(name, 0) + 1
            schema: Any = item.response_schema  # on its way out it is a JSON Schema
            found.append(
                PendingInterrupt(
                    id=item.id,
                    value=item.value,
                    name=name if count == 1 else f"{name}.{count}",
                    response_schema=schema if isinstance(schema, dict) else None,
                )
            )
        return tuple(found)

    # -- its stream ----------------------------------------------------------------

    def _stream(self, given: Any, config: Any, emit: Emit) -> Any:
        reading = _Reading(self._graph, self._options, emit)
        for event in self._graph.stream(given, config, **reading.options):
            reading.take(event)
        return reading.output

    async def _astream(self, given: Any, config: Any, emit: Emit) -> Any:
        reading = _Reading(self._graph, self._options, emit)
        async for event in self._graph.astream(given, config, **reading.options):
            reading.take(event)
        return reading.output


class _Reading:
    """Takes the output of a graph from its stream, and passes on what was asked for."""

    def __init__(
        self, graph: Pregel[Any, Any, Any, Any], options: dict[str, Any], emit: Emit
    ) -> None:
        asked = options.get("stream_mode") or graph.stream_mode
        self._is_one = isinstance(asked, str)
        self._modes = [asked] if isinstance(asked, str) else list(asked)
        self._is_deep = bool(options.get("subgraphs"))
        self._emit = emit
        self._values: Any = None
        self._interrupts: list[Interrupt] = []
        more = [mode for mode in _NEEDED if mode not in self._modes]
        self.options = {**options, "stream_mode": [*self._modes, *more]}

    def take(self, event: Any) -> None:
        """Take an event: its namespace if it has one, its mode, and what happened."""
        namespace, mode, payload = event if self._is_deep else ((), *event)
        if not namespace and mode == "values":
            self._values = payload
        if not namespace and mode == "updates" and isinstance(payload, dict):
            self._interrupts += payload.get(_INTERRUPTS, ())
        if mode not in self._modes:
            return
        if not self._is_one:
            self._emit(event)
        else:
            self._emit((namespace, payload) if self._is_deep else payload)

    @property
    def output(self) -> Any:
        """What `invoke` would have returned."""
        if not self._interrupts:
            return self._values
        values = self._values if isinstance(self._values, dict) else {}
        return {**values, _INTERRUPTS: self._interrupts}


@contextmanager
def outside() -> Iterator[None]:
    """Run a block as no part of the graph that it is called in."""
    token = var_child_runnable_config.set(None)
    try:
        yield
    finally:
        var_child_runnable_config.reset(token)


def has_threads(graph: Pregel[Any, Any, Any, Any]) -> bool:
    """Whether a graph has a checkpointer of its own."""
    return not isinstance(graph.checkpointer, bool | None.__class__)


def answers_to(answers: dict[str, Any]) -> Command[Any]:
    """Return what lets a graph go on after its interrupts."""
    return Command(resume=answers)
