"""`KitaruGraphRunner`: a graph of LangGraph that is durable in a flow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Never

from langchain_core.runnables.config import merge_configs
from langgraph.pregel import Pregel

from kitaru._core.calls.names import check_name
from kitaru._core.flows import scope
from kitaru._core.settings import options as known_options
from kitaru.adapters._shared import boundary, events, identity, questions, runs
from kitaru.adapters._shared.boundary import Boundary, Place
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters._shared.settings import ToolsByName, ToolSettings
from kitaru.adapters.langgraph import checking, marks, whole
from kitaru.adapters.langgraph import interrupts as asking
from kitaru.adapters.langgraph.context import Frame, entered
from kitaru.adapters.langgraph.passage import (
    Beginning,
    Emit,
    Outcome,
    Passage,
    answers_to,
    has_threads,
    outside,
)
from kitaru.adapters.langgraph.plans import Plan, Step, acarry_out, carry_out
from kitaru.adapters.langgraph.results import (
    LangGraphRunRequest,
    LangGraphRunResult,
    PendingInterrupt,
    Standing,
)
from kitaru.adapters.langgraph.streams import astreamed, streamed
from kitaru.adapters.langgraph.tracks import Tracks, added
from kitaru.adapters.langgraph.whole import GRAPH_CALL
from kitaru.checkpoints import checked_settings
from kitaru.errors import KitaruUsageError
from kitaru.models import Usage

CheckpointStrategy = Literal["graph_call", "calls"]
Interrupts = Literal["wait", "return"]

GRAPH_THREAD = "graph_thread"


class KitaruGraphRunner:
    """Runs a graph of LangGraph whose finished work is never done again.

    In a flow the whole graph is one checkpoint, or one for each part between
    interrupts; with `"calls"` every model request and tool call is, for which agents
    need `KitaruLangGraphMiddleware`. Interrupts become waits of the flow. Outside a
    flow the graph runs as it is. The graph given is never changed.

    Args:
        graph: A compiled graph, such as `create_agent(...)` makes.
        name: First part of the run's ids; the graph's own name by default.
        checkpoint_strategy: `"graph_call"` (default), or `"calls"`.
        capture: What to keep beside the results.
        interrupts: `"wait"` (default): an interrupt becomes a wait of the flow.
            `"return"`: the result is `"interrupted"`, see `wait_for_interrupt`.
        wait_timeout: Seconds that a process stays and polls while it waits.
        graph_checkpoint_config: Settings of the graph as a checkpoint, such as
            `{"retries": 2}`.
        model_checkpoint_config: Settings of model requests.
        tool_checkpoint_config: Settings of tool calls.
        tool_checkpoint_config_by_name: Settings of single tools, over those; `False`
            takes a tool out of its checkpoint.
        **unknown: Refused.

    Raises:
        KitaruUsageError: If the graph cannot be run by this strategy, or an option is
            unknown or wrong.

    Example:
        >>> from langgraph.graph import END, START, MessagesState, StateGraph
        >>> building = StateGraph(MessagesState)
        >>> _ = building.add_node("answer", lambda state: {"messages": ["hello"]})
        >>> _ = building.add_edge(START, "answer")
        >>> runner = KitaruGraphRunner(building.compile(), name="greeter")
        >>> runner.invoke({"messages": ["hi"]}).output["messages"][-1].content
        'hello'
    """

    def __init__(
        self,
        graph: Pregel[Any, Any, Any, Any],
        *,
        name: str | None = None,
        checkpoint_strategy: CheckpointStrategy = "graph_call",
        capture: CapturePolicy | None = None,
        interrupts: Interrupts = "wait",
        wait_timeout: float | None = None,
        graph_checkpoint_config: Mapping[str, Any] | None = None,
        model_checkpoint_config: Mapping[str, Any] | None = None,
        tool_checkpoint_config: Mapping[str, Any] | None = None,
        tool_checkpoint_config_by_name: ToolsByName | None = None,
        **unknown: Never,
    ) -> None:
        given = {
            "name": name,
            "checkpoint_strategy": checkpoint_strategy,
            "capture": capture,
            "interrupts": interrupts,
            "wait_timeout": wait_timeout,
            "tool_checkpoint_config_by_name": tool_checkpoint_config_by_name,
            **unknown,
        }
        known_options.check(given, checking.OPTIONS, "KitaruGraphRunner")
        checking.check_graph(graph, checkpoint_strategy)
        self._graph = graph
        self._name = identity.clean(check_name("graph", name or graph.get_name()))
        self._is_granular = checkpoint_strategy == "calls"
        self._returns = interrupts == "return"
        self._wait_timeout = wait_timeout
        self._capture = capture or CapturePolicy()
        self._tools = ToolSettings(
            tool_checkpoint_config, tool_checkpoint_config_by_name
        )
        self._boundary = Boundary(
            {
                GRAPH_CALL: checked_settings(
                    graph_checkpoint_config, what="graph_checkpoint_config"
                ),
                marks.MODEL_REQUEST: checked_settings(
                    model_checkpoint_config, what="model_checkpoint_config"
                ),
            }
        )
        self._whole = whole.WholeParts(graph, self._name, self._boundary, self._capture)

    # -- ways to run -----------------------------------------------------------

    def invoke(
        self, request: Any, config: Mapping[str, Any] | None = None, **options: Any
    ) -> LangGraphRunResult:
        """Run the graph to its end.

        Args:
            request: What the graph's `invoke` takes as its input, or a
                `LangGraphRunRequest`.
            config: LangGraph's configuration.
            **options: `context` and `durability`, as the graph takes them.

        Raises:
            KitaruUsageError: For an option that is unknown or cannot be used in a flow,
                or on an event loop that runs an asynchronous flow.
        """
        known_options.check(options, checking.RUN_OPTIONS, "KitaruGraphRunner.invoke")
        self._check_loop("invoke", "ainvoke")
        with self._running(request, config, options) as plan_of:
            return carry_out(plan_of(None))

    async def ainvoke(
        self, request: Any, config: Mapping[str, Any] | None = None, **options: Any
    ) -> LangGraphRunResult:
        """Do what `invoke` does, awaited."""
        known_options.check(options, checking.RUN_OPTIONS, "KitaruGraphRunner.ainvoke")
        with self._running(request, config, options) as plan_of:
            return await acarry_out(plan_of(None))

    def stream(
        self, request: Any, config: Mapping[str, Any] | None = None, **options: Any
    ) -> Iterator[Any]:
        """Run the graph, and give LangGraph's events as they come; the result is last.

        In `"calls"` recorded calls give their events at once, without deltas; a graph
        that is one checkpoint gives none when it is recorded. The last thing is the
        `LangGraphRunResult`.

        Args:
            request: As `invoke` takes it.
            config: LangGraph's configuration.
            **options: Also `stream_mode` and `subgraphs`, as the graph takes them.
        """
        known_options.check(
            options, checking.STREAM_OPTIONS, "KitaruGraphRunner.stream"
        )
        self._check_loop("stream", "astream")
        return self._streamed(request, config, options)

    def _streamed(
        self, request: Any, config: Mapping[str, Any] | None, options: dict[str, Any]
    ) -> Iterator[Any]:
        with self._running(request, config, options) as plan_of:
            yield from streamed(plan_of)

    async def astream(
        self, request: Any, config: Mapping[str, Any] | None = None, **options: Any
    ) -> AsyncIterator[Any]:
        """Do what `stream` does, awaited."""
        known_options.check(
            options, checking.STREAM_OPTIONS, "KitaruGraphRunner.astream"
        )
        with self._running(request, config, options) as plan_of:
            found = astreamed(plan_of)
            async with contextlib.aclosing(found):  # type: ignore[type-var]  # a generator
                async for event in found:
                    yield event

    # -- a run -------------------------------------------------------------------

    @contextmanager
    def _running(
        self,
        request: Any,
        config: Mapping[str, Any] | None,
        options: dict[str, Any],
    ) -> Iterator[Callable[[Emit | None], Plan[LangGraphRunResult]]]:
        """Begin a run; what is given makes its plan, with what takes events."""
        asked = _asked(request)
        if asked.answers is not None and not has_threads(self._graph):
            raise KitaruUsageError(
                f"graph {self._name!r} has no checkpointer, so there is nothing to "
                "resume; give it one, such as checkpointer=InMemorySaver()"
            )
        if boundary.place() is not Place.FLOW:
            yield lambda emit: self._plainly(asked, config, options, emit)
            return
        activity = runs.activity()
        here = scope.current()
        assert activity is not None  # there is a flow here
        assert here is not None
        execution = here.runtime.execution_id
        standing = asked.standing
        begun = (
            activity.run(self._name)
            if standing is None
            else activity.begun(standing.run_id, standing.agent)
        )
        with begun as run:
            if standing is not None:
                run = runs.Run(standing.run_id, standing.agent, run.alone)
            yield lambda emit: self._durably(
                asked, config, options, emit, run, execution
            )

    def _plainly(
        self,
        asked: LangGraphRunRequest,
        config: Mapping[str, Any] | None,
        options: dict[str, Any],
        emit: Emit | None,
    ) -> Plan[LangGraphRunResult]:
        """Run the graph as it is; inside a checkpoint with a note of it there."""
        is_inside = boundary.place() is Place.CHECKPOINT
        tracks = Tracks(counts_answers=True, is_spent=is_inside and self._capture.usage)
        full = _config(config, tracks, asked.thread_id)
        passage = Passage(
            self._graph,
            full,
            options,
            key="",
            prefix=f"{self._name}.",
            tracks=tracks,
            emit=emit,
        )
        with (
            events.noted(GRAPH_CALL, self._name, self._name)
            if is_inside
            else contextlib.nullcontext()
        ):
            outcome = yield from passage.run_plainly(_input(asked))
        if is_inside and outcome.interrupts and not self._returns:
            first = asking.question(outcome.interrupts[0], self._capture)
            raise questions.misplaced(first, "the graph runs in one")
        thread = full["configurable"].get("thread_id")
        thread = thread if has_threads(self._graph) else None
        return _result(outcome, thread, tracks.taken(), None)

    def _durably(
        self,
        asked: LangGraphRunRequest,
        config: Mapping[str, Any] | None,
        options: dict[str, Any],
        emit: Emit | None,
        run: runs.Run,
        execution: str,
    ) -> Plan[LangGraphRunResult]:
        tracks = Tracks(
            counts_answers=not self._is_granular, is_spent=self._capture.usage
        )
        full = _config(config, tracks, asked.thread_id)
        is_own = "thread_id" not in full["configurable"]
        if is_own:
            full["configurable"]["thread_id"] = f"{execution}/{run.id}"
        options = dict(options)
        if has_threads(self._graph):
            options.setdefault("durability", "sync")
        passage = Passage(
            self._graph,
            full,
            options,
            key=f"{execution}/{run.id}",
            prefix=f"{run.id}.",
            tracks=tracks,
            emit=emit,
            is_own=is_own,
        )
        here = Frame(
            run=run,
            boundary=self._boundary,
            capture=self._capture,
            tools=self._tools,
            tracks=tracks,
            prefix=f"{run.id}.",
        )
        if passage.has_threads and not is_own and asked.standing is None:
            beginning = yield self._beginning(passage, run, execution)
            yield from passage.begin(execution, Beginning(**beginning))
        given, part = _input(asked), asked.standing.part if asked.standing else 0
        is_input = asked.answers is None
        usage = Usage()
        while True:
            if self._is_granular:
                outcome = yield from _within(
                    here, passage.run(part, given, was_told=self._returns)
                )
                took = tracks.taken()
            else:
                outcome, took = yield from self._whole.run(
                    passage, run.id, part, given, is_input=is_input, tracks=tracks
                )
            usage = added(usage, took)
            part = passage.part + 1
            if not outcome.interrupts or self._returns:
                standing = Standing(run.id, run.agent, part)
                return _result(outcome, passage.thread_id, usage, standing)
            _check_can_resume(passage, outcome)
            answers = yield self._ask(outcome.interrupts)
            given = answers_to(asking.by_id(outcome.interrupts, answers))
            is_input = False

    def _ask(self, interrupts: Sequence[PendingInterrupt]) -> Step:
        """Return the step that asks all questions of a part, and waits for the answers."""
        asked = [
            asking.question(pending, self._capture, self._wait_timeout)
            for pending in interrupts
        ]
        # The name of each says which run it is.
        return Step(
            lambda: questions.ask_all(asked, None),
            lambda: questions.ask_all_from_loop(asked, None),
        )

    def _beginning(self, passage: Passage, run: runs.Run, execution: str) -> Step:
        """Return the step that keeps where a run begins in the user's thread.

        A replay finds there what the run began with; the thread itself has gone on.
        """
        newest = passage.newest()

        def found(snapshot: Any) -> dict[str, Any]:
            configurable = snapshot.config["configurable"] if snapshot.metadata else {}
            checkpoint = configurable.get("checkpoint_id")
            return {"execution": execution, "checkpoint": checkpoint}

        async def afound() -> dict[str, Any]:
            return found(await newest.awaited())

        name, call_id = f"{self._name}.thread", f"{run.id}.thread"
        return Step(
            lambda: self._boundary.run_sync(
                GRAPH_THREAD, name, call_id, lambda: found(newest.called())
            ),
            lambda: self._boundary.run(GRAPH_THREAD, name, call_id, afound),
        )

    def _check_loop(self, called: str, instead: str) -> None:
        """Refuse to block an event loop on which a flow runs."""
        if boundary.place() is not Place.FLOW:
            return
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            raise KitaruUsageError(
                f"{called}() was called on an event loop, which it would block; use "
                f"runner.{instead}()"
            )

    def __repr__(self) -> str:
        return f"<KitaruGraphRunner {self._name}>"


def _asked(request: Any) -> LangGraphRunRequest:
    if isinstance(request, LangGraphRunRequest):
        return request
    return LangGraphRunRequest.start(request)


def _input(asked: LangGraphRunRequest) -> Any:
    return asked.input if asked.answers is None else answers_to(dict(asked.answers))


def _config(
    given: Mapping[str, Any] | None, tracks: Tracks, thread_id: str | None
) -> dict[str, Any]:
    """Return a configuration of one's own; a thread that a request names wins."""
    if given is not None and not isinstance(given, Mapping):
        raise KitaruUsageError(
            f"config must be a dict as LangGraph takes it, got {type(given).__name__}"
        )
    users: Any = dict(given or {})
    # A graph around takes part by itself, where it is wanted.
    with outside():
        found: dict[str, Any] = {**merge_configs({"callbacks": [tracks]}, users)}
    found["configurable"] = dict(found.get("configurable") or {})
    if thread_id is not None:
        found["configurable"]["thread_id"] = thread_id
    return found


def _within(here: Frame, plan: Plan[Outcome]) -> Plan[Outcome]:
    """Return a plan whose steps run as part of a run."""

    def called(step: Step) -> Any:
        with entered(here):
            return step.called()

    async def awaited(step: Step) -> Any:
        with entered(here):
            return await step.awaited()

    try:
        step = next(plan)
        while True:
            inner = step
            try:
                value = yield Step(
                    lambda: called(inner),  # noqa: B023  carried out before the next
                    lambda: awaited(inner),  # noqa: B023
                    step.is_live,
                )
            except BaseException as error:  # noqa: BLE001  the plan may catch it
                step = plan.throw(error)
            else:
                step = plan.send(value)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome


def _check_can_resume(passage: Passage, outcome: Outcome) -> None:
    if not passage.has_threads:
        raise KitaruUsageError(
            f"the graph stopped at {outcome.interrupts[0].name!r} and has no "
            "checkpointer, so nothing can go on after the answer; give it one, such as "
            "checkpointer=InMemorySaver()"
        )


def _result(
    outcome: Outcome,
    thread_id: str | None,
    usage: Usage,
    standing: Standing | None,
) -> LangGraphRunResult:
    is_over = not outcome.interrupts
    return LangGraphRunResult(
        output=outcome.output,
        status="completed" if is_over else "interrupted",
        interrupts=outcome.interrupts,
        thread_id=thread_id,
        usage=usage,
        standing=None if is_over else standing,
    )
