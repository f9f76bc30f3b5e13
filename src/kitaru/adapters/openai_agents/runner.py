"""`KitaruRunner`: the SDK's runner for an agent that is durable in a flow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Literal, Never

from agents import Agent, RunConfig, Runner, StreamEvent

from kitaru._core.calls.names import check_name
from kitaru._core.settings import options as known
from kitaru.adapters._shared import boundary, identity, questions, runs
from kitaru.adapters._shared.boundary import MODEL_REQUEST, Boundary, Place
from kitaru.adapters._shared.options import APPROVALS, COMMON
from kitaru.adapters._shared.places import Places
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters._shared.settings import ToolsByName, ToolSettings
from kitaru.adapters.openai_agents import approvals as approving
from kitaru.adapters.openai_agents import nested, whole
from kitaru.adapters.openai_agents.context import Agents, Frame, entered
from kitaru.adapters.openai_agents.results import OpenAIRunRequest, OpenAIRunResult
from kitaru.adapters.openai_agents.streams import OpenAIRunStream
from kitaru.adapters.openai_agents.team import Team
from kitaru.adapters.openai_agents.translate import RUNNER_CALL
from kitaru.checkpoints import checked_settings
from kitaru.errors import KitaruUsageError

CheckpointStrategy = Literal["calls", "runner_call"]
Approvals = Literal["wait", "return"]

_OF_RUNS: Mapping[str, known.Option] = {
    "run_config": known.Option(
        "a RunConfig(...)", lambda value: isinstance(value, RunConfig)
    ).or_none(),
    "max_turns": known.Option(
        "a whole number, 1 or more",
        lambda value: type(value) is int and value > 0,
    ).or_none(),
}
_RUNNER = {
    **COMMON,
    **APPROVALS,
    **_OF_RUNS,
    "checkpoint_strategy": known.one_of("calls", "runner_call"),
}
# The SDK's own, which it checks.
_PASSED_ON = (
    "context",
    "hooks",
    "error_handlers",
    "previous_response_id",
    "auto_previous_response_id",
    "conversation_id",
    "session",
)
_RUN = {
    **_OF_RUNS,
    **dict.fromkeys(_PASSED_ON, known.Option("anything", lambda value: True)),
}


class KitaruRunner:
    """Runs an OpenAI agent whose finished calls are never made again.

    In a flow every model request and tool call is a checkpoint of its own, those of
    agents it hands over to or has as tools as well; or the whole run is one. Outside a
    flow it is the SDK's runner. The agent given is never changed.

    Args:
        agent: The agent.
        name: First part of the run's ids; the agent's own name by default.
        checkpoint_strategy: `"calls"` (default), or `"runner_call"`: one checkpoint.
        capture: What to keep beside the results.
        run_config: The SDK's settings of each run.
        max_turns: Most turns of a run; the SDK's default.
        approvals: `"wait"` (default): a tool call that needs approval becomes a wait of
            the flow. `"return"`: the result is `"interrupted"`, see `wait_for_approval`.
        wait_timeout: Seconds that a process stays and polls while it waits.
        model_checkpoint_config: Settings of model requests, such as `{"retries": 2}`;
            of the run, if that is one checkpoint.
        tool_checkpoint_config: Settings of tool calls.
        tool_checkpoint_config_by_name: Settings of single tools, over those; `False`
            takes a tool out of its checkpoint.
        **unknown: Refused.

    Raises:
        KitaruUsageError: If the agent is none, or a setting is wrong.
    """

    def __init__(
        self,
        agent: Agent[Any],
        *,
        name: str | None = None,
        checkpoint_strategy: CheckpointStrategy = "calls",
        capture: CapturePolicy | None = None,
        run_config: RunConfig | None = None,
        max_turns: int | None = None,
        approvals: Approvals = "wait",
        wait_timeout: float | None = None,
        model_checkpoint_config: Mapping[str, Any] | None = None,
        tool_checkpoint_config: Mapping[str, Any] | None = None,
        tool_checkpoint_config_by_name: ToolsByName | None = None,
        **unknown: Never,
    ) -> None:
        given = {
            "name": name,
            "checkpoint_strategy": checkpoint_strategy,
            "capture": capture,
            "run_config": run_config,
            "max_turns": max_turns,
            "approvals": approvals,
            "wait_timeout": wait_timeout,
            "tool_checkpoint_config_by_name": tool_checkpoint_config_by_name,
        }
        known.check({**given, **unknown}, _RUNNER, "KitaruRunner")
        anything: object = agent
        if not isinstance(anything, Agent):
            raise KitaruUsageError(
                f"KitaruRunner takes an agents.Agent, got {type(anything).__name__}"
            )
        self._agent = agent
        self._name = identity.clean(check_name("agent", name or agent.name))
        self._strategy = checkpoint_strategy
        self._approvals = approvals
        self._wait_timeout = wait_timeout
        self._capture = capture or CapturePolicy()
        self._run_config = run_config
        self._max_turns = max_turns
        settings = checked_settings(
            model_checkpoint_config, what="model_checkpoint_config"
        )
        self._tools = ToolSettings(
            tool_checkpoint_config, tool_checkpoint_config_by_name
        )
        self._boundary = Boundary({MODEL_REQUEST: settings, RUNNER_CALL: settings})
        self._whole = whole.WholeRuns(agent, self._name, self._boundary, self._capture)

    def run_sync(self, request: Any, **options: Any) -> OpenAIRunResult:
        """Do what `run` does, where no event loop runs.

        Raises:
            KitaruUsageError: On an event loop.
        """
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            raise KitaruUsageError(
                "run_sync() was called where an event loop runs; use: await runner.run()"
            )
        return asyncio.run(self.run(request, **options))

    async def run(self, request: Any, **options: Any) -> OpenAIRunResult:
        """Run the agent to its end.

        Args:
            request: What the SDK's `Runner.run` takes as its input, or an
                `OpenAIRunRequest`.
            **options: What the SDK's `Runner.run` takes: `context`, `hooks`,
                `error_handlers`, `max_turns`, `run_config`, what names a conversation
                at the provider; `session` outside flows only.

        Raises:
            KitaruUsageError: For an option that cannot be used in a flow.
        """
        asked, rest = self._asked(request, options)
        if boundary.place() is not Place.FLOW:
            # Inside a checkpoint it is noted there.
            return await self._boundary.run(
                RUNNER_CALL, self._name, self._name, lambda: self._plain(asked, rest)
            )
        if self._strategy == "runner_call":
            return await self._wholly(asked, rest)
        with self._begun(asked) as here:
            return await self._durably(here, asked, rest)

    def run_streamed(self, request: Any, **options: Any) -> OpenAIRunStream:
        """Return a run that gives the SDK's events as they come.

        It takes what `run` takes, and begins with `stream_events()`.

        Raises:
            KitaruUsageError: For an option that cannot be used in a flow, and for a run
                that is one checkpoint, which has no stream.
        """
        asked, rest = self._asked(request, options)
        where = boundary.place()
        if where is Place.FLOW and self._strategy == "runner_call":
            raise KitaruUsageError(
                "a run that is one checkpoint has no stream; use "
                "checkpoint_strategy='calls', or run()"
            )
        events = self._streamed if where is Place.FLOW else self._plainly_streamed
        return OpenAIRunStream(self._agent, lambda stream: events(stream, asked, rest))

    # -- each way to run -----------------------------------------------------

    async def _plain(
        self, asked: OpenAIRunRequest, options: dict[str, Any]
    ) -> OpenAIRunResult:
        with self._here(options) as (team, agent, rest):
            given, context = _given(asked)
            result = await Runner.run(agent, given, **context, **rest)
        return self._checked(self._result(result, team))

    async def _plainly_streamed(
        self, stream: OpenAIRunStream, asked: OpenAIRunRequest, options: dict[str, Any]
    ) -> AsyncGenerator[StreamEvent]:
        with self._here(options) as (team, agent, rest):
            given, context = _given(asked)
            result = Runner.run_streamed(agent, given, **context, **rest)
        stream.follows(result, team)
        async for event in result.stream_events():
            yield event
        stream.ended(self._checked(self._result(result, team)))

    def _here(
        self, options: dict[str, Any]
    ) -> AbstractContextManager[tuple[Agents, Agent[Any], dict[str, Any]]]:
        """Give what runs outside a flow: the agent; in a checkpoint, counted there."""
        if boundary.place() is Place.CHECKPOINT:
            return whole.counted(self._agent, self._capture, options)
        return nullcontext((Team(is_durable=False), self._agent, options))

    def _checked(self, result: OpenAIRunResult) -> OpenAIRunResult:
        """Return the result.

        Raises:
            KitaruContextError: If it asks for an approval, which no checkpoint can.
        """
        in_checkpoint = boundary.place() is Place.CHECKPOINT
        if in_checkpoint and result.interruptions and self._approvals == "wait":
            asked = approving.question(result.interruptions[0], self._capture)
            raise questions.misplaced(asked, "the agent runs in one")
        return result

    async def _wholly(
        self, asked: OpenAIRunRequest, options: dict[str, Any]
    ) -> OpenAIRunResult:
        result = await self._whole.run(asked, options)
        if self._approvals == "return" or result.status == "completed":
            return result
        activity = runs.activity()
        assert activity is not None  # there is a flow here
        with activity.run(f"{self._name}.approvals") as run:
            while result.interruptions:
                decisions = await approving.ask_all(
                    result.interruptions, run, self._capture, self._wait_timeout
                )
                resumed = OpenAIRunRequest.resume(result.state, decisions)
                result = await self._whole.run(resumed, options)
        return result

    async def _durably(
        self, here: Frame, asked: OpenAIRunRequest, options: dict[str, Any]
    ) -> OpenAIRunResult:
        agent, options = self._durable(here, options)
        given, context = _given(asked)
        while True:
            with entered(here):
                result = await Runner.run(agent, given, **context, **options)
            if not result.interruptions or self._approvals == "return":
                return self._result(result, here.team, here)
            # Approvals live in the context of the state.
            given, context = await self._decided(here, result), {}

    async def _streamed(
        self, stream: OpenAIRunStream, asked: OpenAIRunRequest, options: dict[str, Any]
    ) -> AsyncGenerator[StreamEvent]:
        with self._begun(asked) as here:
            agent, options = self._durable(here, options)
            given, context = _given(asked)
            while True:
                # The SDK's task takes the context along; the consumer's has none of it.
                with entered(here):
                    result = Runner.run_streamed(agent, given, **context, **options)
                stream.follows(result, here.team)
                async for event in result.stream_events():
                    yield event
                if not result.interruptions or self._approvals == "return":
                    stream.ended(self._result(result, here.team, here))
                    return
                given, context = await self._decided(here, result), {}

    async def _decided(self, here: Frame, result: Any) -> Any:
        """Return the state of a run with the decisions of people in it."""
        state = result.to_state()
        decisions = await approving.ask_all(
            approving.pending(result.interruptions),
            here.places.run,
            self._capture,
            self._wait_timeout,
        )
        approving.decide(state, decisions)
        return state

    # -- helpers -------------------------------------------------------------

    def _asked(
        self, request: Any, options: dict[str, Any]
    ) -> tuple[OpenAIRunRequest, dict[str, Any]]:
        known.check(options, _RUN, "KitaruRunner.run")
        rest = {
            "run_config": self._run_config,
            "max_turns": self._max_turns,
            **options,
        }
        rest = {name: value for name, value in rest.items() if value is not None}
        context = rest.pop("context", None)
        in_flow = boundary.place() is Place.FLOW
        if in_flow and rest.get("session") is not None:
            raise KitaruUsageError(
                "a session cannot be used in a flow: what an attempt adds to it would "
                "be added again by the next one. Pass result.to_input_list() to the "
                "next run, or keep the conversation in a checkpoint"
            )
        if isinstance(request, OpenAIRunRequest):
            asked = request if context is None else replace(request, context=context)
            return asked, rest
        return OpenAIRunRequest.start(request, context=context), rest

    @contextmanager
    def _begun(self, asked: OpenAIRunRequest) -> Iterator[Frame]:
        nested.install()
        activity = runs.activity()
        assert activity is not None  # there is a flow here
        if asked.frame is not None:
            run = asked.frame.places.run
            with activity.begun(run.id, run.agent):
                yield asked.frame
            return
        team = Team(is_durable=True)
        with activity.run(self._name) as run:
            yield Frame(Places(run), self._boundary, self._capture, self._tools, team)

    def _durable(
        self, here: Frame, options: dict[str, Any]
    ) -> tuple[Agent[Any], dict[str, Any]]:
        config = here.team.config(options.get("run_config"), self._name)
        return here.team.copy_of(self._agent), {**options, "run_config": config}

    def _result(
        self, result: Any, team: Agents, here: Frame | None = None
    ) -> OpenAIRunResult:
        pending = approving.pending(result.interruptions)
        return OpenAIRunResult(
            output=None if pending else result.final_output,
            status="interrupted" if pending else "completed",
            interruptions=pending,
            usage=whole.usage_of(result.context_wrapper.usage),
            last_agent=team.original(result.last_agent),
            items=result.to_input_list(),
            state=result.to_state() if pending else None,
            raw=result,
            frame=here,
            team=team,
        )

    def __repr__(self) -> str:
        return f"<KitaruRunner {self._name}>"


def _given(asked: OpenAIRunRequest) -> tuple[Any, dict[str, Any]]:
    """Return what the SDK runs, and the context where it is not part of that."""
    if asked.state is None:
        return asked.input, {"context": asked.context}
    if isinstance(asked.state, dict):
        raise KitaruUsageError(
            "this state belongs to a run that is one checkpoint; resume it with a runner "
            "of checkpoint_strategy='runner_call', in a flow"
        )
    approving.decide(asked.state, asked.decisions)
    return asked.state, {}
