"""`KitaruAgent`: an agent that is durable in a flow, and itself everywhere else."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, Never

from pydantic_ai.agent import AbstractAgent, EventStreamHandler, WrapperAgent
from pydantic_ai.capabilities.abstract import leaf_capabilities
from pydantic_ai.durable_exec import BaseDurabilityCapability
from pydantic_ai.models import Model
from pydantic_ai.output import OutputDataT
from pydantic_ai.run import AgentRun, AgentRunResult
from pydantic_ai.tools import AgentDepsT

from kitaru._core.calls.names import check_name
from kitaru._core.settings import options
from kitaru.adapters._shared import boundary
from kitaru.adapters._shared.boundary import Place
from kitaru.adapters._shared.options import AGENT, GRANULARITY
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters._shared.settings import ToolsByName
from kitaru.adapters.pydantic_ai.intercept import KitaruDurability
from kitaru.adapters.pydantic_ai.turns import Turns
from kitaru.checkpoints import checked_settings
from kitaru.errors import KitaruUsageError

CheckpointStrategy = Literal["calls", "turn"]


class KitaruAgent(WrapperAgent[AgentDepsT, OutputDataT]):
    """A PydanticAI agent whose finished calls are never made again.

    In a flow every model request, tool call and MCP call is a checkpoint of its own, or
    the whole turn is one. Outside a flow it runs the agent as it is. The agent given is
    never changed.

    Args:
        agent: The agent.
        name: First part of all checkpoint ids; the agent's own name by default.
        granular_checkpoints: `False` is `checkpoint_strategy="turn"`.
        checkpoint_strategy: `"calls"` (default) or `"turn"`: one checkpoint per run.
        capture: What to keep beside the results.
        model_checkpoint_config: Settings of model requests, such as `{"retries": 2}`;
            of the turn, if the turn is one checkpoint.
        tool_checkpoint_config: Settings of tool calls.
        tool_checkpoint_config_by_name: Settings of single tools, over those; `False`
            takes a tool out of its checkpoint.
        mcp_checkpoint_config: Settings of calls to MCP servers.
        event_stream_handler: Gets the model's stream as it comes.
        **unknown: Refused.

    Raises:
        KitaruUsageError: If there is no name, the agent has another engine for durable
            execution, or an option is unknown or wrong.

    Example:
        >>> from pydantic_ai import Agent
        >>> from pydantic_ai.models.test import TestModel
        >>> KitaruAgent(Agent(TestModel()), name="writer").run_sync("hi").output
        'success (no tool calls)'
    """

    def __init__(
        self,
        agent: AbstractAgent[AgentDepsT, OutputDataT],
        *,
        name: str | None = None,
        granular_checkpoints: bool = True,
        checkpoint_strategy: CheckpointStrategy | None = None,
        capture: CapturePolicy | None = None,
        model_checkpoint_config: Mapping[str, Any] | None = None,
        tool_checkpoint_config: Mapping[str, Any] | None = None,
        tool_checkpoint_config_by_name: ToolsByName | None = None,
        mcp_checkpoint_config: Mapping[str, Any] | None = None,
        models: Mapping[str, Model] | None = None,
        event_stream_handler: EventStreamHandler[AgentDepsT] | None = None,
        **unknown: Never,
    ) -> None:
        given = {
            "name": name,
            "granular_checkpoints": granular_checkpoints,
            "capture": capture,
            "tool_checkpoint_config_by_name": tool_checkpoint_config_by_name,
            "models": models,
            "event_stream_handler": event_stream_handler,
        }
        options.check({**given, **unknown}, {**AGENT, **GRANULARITY}, "KitaruAgent")
        _check_kind(agent)
        super().__init__(agent)
        self._name = _checked_name(agent, name)
        self._strategy = _strategy(checkpoint_strategy, granular_checkpoints)
        _check_agent(agent)
        self._durability: KitaruDurability[AgentDepsT] = KitaruDurability(
            name=self._name,
            capture=capture,
            model_checkpoint_config=model_checkpoint_config,
            tool_checkpoint_config=tool_checkpoint_config,
            tool_checkpoint_config_by_name=tool_checkpoint_config_by_name,
            mcp_checkpoint_config=mcp_checkpoint_config,
            models=models,
            event_stream_handler=event_stream_handler,
        )
        self._turns = Turns(
            agent,
            self._name,
            checked_settings(model_checkpoint_config, what="model_checkpoint_config"),
            capture or CapturePolicy(),
        )

    @property
    def name(self) -> str | None:
        """The name given to this wrapper."""
        return self._name

    @name.setter
    def name(self, value: str | None) -> None:
        """Rename the wrapper; the agent keeps its own name."""
        self._name = _checked_name(self.wrapped, value)

    # Editors and type checkers see the signatures of PydanticAI, which these keep.
    if not TYPE_CHECKING:

        async def run(self, user_prompt: Any = None, **options: Any) -> Any:
            """Run the agent to its end; takes what `Agent.run` takes."""
            if self._strategy == "calls" or boundary.place() is not Place.FLOW:
                return await super().run(user_prompt, **options)

            async def turn() -> AgentRunResult[Any]:
                return await super(KitaruAgent, self).run(user_prompt, **options)

            return await self._turns.run(turn, user_prompt, options)

        @asynccontextmanager
        async def iter(
            self, user_prompt: Any = None, **options: Any
        ) -> AsyncIterator[AgentRun[Any, Any]]:
            """Run the agent step by step; takes what `Agent.iter` takes.

            Raises:
                KitaruUsageError: In a flow, if the turn is to be one checkpoint.
            """
            here = boundary.place()
            if here is Place.FLOW and self._strategy == "turn":
                raise KitaruUsageError(
                    f"agent {self._name!r} keeps a turn as one checkpoint, which has a "
                    "result but no steps and no stream; use run() or "
                    "checkpoint_strategy='calls'"
                )
            if here is not Place.OUTSIDE:
                given = options.get("capabilities") or ()
                durability = self._durability.for_output(options.get("output_type"))
                options["capabilities"] = [*given, durability]
            # The frame it would look at for a name is this one.
            options["infer_name"] = False
            async with self.wrapped.iter(user_prompt, **options) as run:
                yield run

    def __repr__(self) -> str:
        return f"<KitaruAgent {self._name}>"


def wrap(
    agent: AbstractAgent[AgentDepsT, OutputDataT],
    name: str | None = None,
    *,
    tool_capture_config: Mapping[str, Any] | None = None,
    tool_capture_config_by_name: Mapping[str, Mapping[str, Any]] | None = None,
    **given: Any,
) -> KitaruAgent[AgentDepsT, OutputDataT]:
    """Return a `KitaruAgent`; deprecated, use that.

    Args:
        agent: The agent.
        name: As `KitaruAgent` takes it; `agent` if the agent has none either.
        tool_capture_config: `{"mode": …}` with `full`, `metadata_only` or `off`: what is
            kept of tool calls beside their results; `CapturePolicy` says it now.
        tool_capture_config_by_name: The same for single tools. There is one policy for
            all of an agent's tools now: the one that keeps least counts.
        **given: What `KitaruAgent` takes.

    Raises:
        KitaruUsageError: As `KitaruAgent`, or for another mode.
    """
    _check_kind(agent)
    new = {"name": repr(name or agent.name or "agent")}
    configs = [config for config in (tool_capture_config,) if config is not None]
    configs += (tool_capture_config_by_name or {}).values()
    if configs:
        arguments, results = _kept(configs)
        new["capture"] = (
            f"CapturePolicy(tool_arguments={arguments}, tool_results={results})"
        )
        given["capture"] = CapturePolicy(tool_arguments=arguments, tool_results=results)
    new |= {option: "…" for option in given if option not in new}
    said = ", ".join(f"{option}={value}" for option, value in new.items())
    warnings.warn(
        f"wrap() is deprecated; use KitaruAgent(agent, {said})",
        DeprecationWarning,
        stacklevel=2,
    )
    return KitaruAgent(agent, name=name or agent.name or "agent", **given)


# Whether arguments and results of tools are kept, from most to least.
_MODES = {"full": (True, True), "metadata_only": (False, False), "off": (False, False)}


def _kept(configs: Sequence[Mapping[str, Any]]) -> tuple[bool, bool]:
    for config in configs:
        options.check(config, _OLD_CAPTURE, "tool_capture_config", is_call=False)
    modes = [_MODES[config.get("mode", "full")] for config in configs]
    return all(kept for kept, _ in modes), all(kept for _, kept in modes)


_OLD_CAPTURE = {"mode": options.one_of(*_MODES)}


def _checked_name(agent: AbstractAgent[Any, Any], name: str | None) -> str:
    found = name or agent.name
    if not found:
        raise KitaruUsageError(
            "the agent has no name, and its checkpoints are named after it; use "
            "KitaruAgent(agent, name=...)"
        )
    return check_name("agent", found)


def _strategy(given: str | None, granular: bool) -> CheckpointStrategy:
    if given not in (None, "calls", "turn"):
        raise KitaruUsageError(
            f"checkpoint_strategy={given!r} is not known; use 'calls' or 'turn'"
        )
    if given == "calls" and not granular:
        raise KitaruUsageError(
            "checkpoint_strategy='calls' and granular_checkpoints=False contradict one "
            "another; give one of them"
        )
    return "turn" if given == "turn" or not granular else "calls"


def _check_kind(agent: object) -> None:
    if not isinstance(agent, AbstractAgent):
        raise KitaruUsageError(
            f"KitaruAgent takes a pydantic_ai.Agent, got {type(agent).__name__}"
        )


def _check_agent(agent: AbstractAgent[Any, Any]) -> None:
    if isinstance(agent, KitaruAgent):
        raise KitaruUsageError(
            f"{agent!r} is a KitaruAgent already; wrap its own agent"
        )
    for capability in leaf_capabilities(agent.root_capability):
        if isinstance(capability, BaseDurabilityCapability):
            raise KitaruUsageError(
                f"the agent has a {type(capability).__name__} already, and an agent can "
                "have one durable execution engine only; use that, or wrap an agent "
                "without it"
            )
