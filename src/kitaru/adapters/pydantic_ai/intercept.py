"""The capability by which PydanticAI runs an agent's calls as checkpoints."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from dataclasses import replace
from types import UnionType
from typing import Any, Never, Union, get_args, get_origin

from pydantic_ai.agent import AbstractAgent, EventStreamHandler
from pydantic_ai.capabilities.abstract import (
    WrapModelRequestHandler,
    WrapRunHandler,
)
from pydantic_ai.durable_exec import (
    JSON_CODEC,
    BaseDurabilityCapability,
    DurabilityEngineSpec,
    ModelRequestParams,
    conversation_id_from_run_id,
)
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import AgentStreamEvent, ModelResponse, ToolCallPart
from pydantic_ai.models import CompletedStreamedResponse, Model, ModelRequestContext
from pydantic_ai.run import AgentRunResult
from pydantic_ai.tools import (
    AgentDepsT,
    DeferredToolRequests,
    DeferredToolResults,
    RunContext,
    ToolDefinition,
)
from pydantic_ai.toolsets import AbstractToolset

from kitaru._core.flows import scope
from kitaru._core.settings import options
from kitaru.adapters._shared import boundary, events, identity, runs
from kitaru.adapters._shared.boundary import MODEL_REQUEST, TOOL_CALL, Place
from kitaru.adapters._shared.options import AGENT
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters._shared.settings import ToolsByName, ToolSettings
from kitaru.adapters.pydantic_ai import questions, toolsets, translate
from kitaru.adapters.pydantic_ai.operations import (
    METADATA_KEY,
    CheckpointBackend,
    Settings,
    note_response,
)
from kitaru.checkpoints import checked_settings


class KitaruDurability(BaseDurabilityCapability[AgentDepsT]):
    """Makes every model request and tool call of an agent a checkpoint of the flow.

    For `Agent(..., capabilities=[KitaruDurability()])`. Outside a flow it does nothing.

    Args:
        name: First part of all ids; the agent's own name by default.
        capture: What to keep beside the results.
        model_checkpoint_config: Settings of model requests, such as `{"retries": 2}`.
        tool_checkpoint_config: Settings of tool calls.
        tool_checkpoint_config_by_name: Settings of single tools, over those; `False`
            takes a tool out of its checkpoint.
        mcp_checkpoint_config: Settings of calls to MCP servers.
        models: Further models by name.
        event_stream_handler: Gets the model's stream as it comes, also a recorded one.
        **unknown: Refused.

    Raises:
        KitaruUsageError: For a setting that does not exist or has a wrong value.
    """

    engine_spec = DurabilityEngineSpec(
        engine_name="Kitaru",
        durable_unit_noun="checkpoint",
        durable_container_noun="flow",
        codec=JSON_CODEC,
        toolset_lifecycles={
            "function": "enter-always",
            "mcp": "enter-in-durable-unit",
            "dynamic": "enter-never",
        },
        tool_config_key=METADATA_KEY,
    )

    def __init__(
        self,
        *,
        name: str | None = None,
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
            "capture": capture,
            "tool_checkpoint_config_by_name": tool_checkpoint_config_by_name,
            "models": models,
            "event_stream_handler": event_stream_handler,
        }
        options.check({**given, **unknown}, AGENT, type(self).__name__)
        super().__init__(
            name=name, models=models, event_stream_handler=event_stream_handler
        )
        self._capture = capture or CapturePolicy()
        self._settings = Settings(
            model=checked_settings(
                model_checkpoint_config, what="model_checkpoint_config"
            ),
            mcp=checked_settings(mcp_checkpoint_config, what="mcp_checkpoint_config"),
            tools=ToolSettings(tool_checkpoint_config, tool_checkpoint_config_by_name),
        )
        self._backend: CheckpointBackend | None = None
        self._output_type: Any = None

    def for_output(self, output_type: Any) -> KitaruDurability[AgentDepsT]:
        """Return a copy for a run with another type of output than the agent's."""
        found = copy.copy(self)
        found._output_type = output_type
        return found

    # -- where the code stands -----------------------------------------------

    @property
    def in_durable_context(self) -> bool:
        """Whether the agent runs in a flow, outside a checkpoint."""
        return boundary.place() is Place.FLOW

    def get_durable_operation_backend(self) -> CheckpointBackend:
        """Return what runs the operations of this agent."""
        if self._backend is None:
            self._backend = CheckpointBackend(
                self.name,
                self._settings,
                self._capture,
                on_recorded_stream=self._show_recorded,
            )
        return self._backend

    def get_default_run_id(self) -> str | None:
        """Return an id that is the same whenever the flow runs again."""
        here, activity = scope.current(), runs.activity()
        if here is None or activity is None or not self.in_durable_context:
            return None
        run_id = activity.announce(self.name)
        # Messages go from one execution to another; the id of a run must not repeat.
        key = f"{here.runtime.execution_id}/{run_id}"
        activity.name_run(key, run_id)
        return key

    def get_default_conversation_id(self, run_id: str) -> str | None:
        """Return an id that is the same whenever the flow runs again."""
        return conversation_id_from_run_id(run_id) if self.in_durable_context else None

    # -- the agent -----------------------------------------------------------

    def _bind_to_agent(self, agent: AbstractAgent[AgentDepsT, Any]) -> None:
        """Forget another agent; toolsets are wrapped when a run begins."""
        self._backend = None

    def get_wrapper_toolset(
        self, toolset: AbstractToolset[AgentDepsT]
    ) -> AbstractToolset[AgentDepsT] | None:
        """Return the toolsets of one run in their durable form, in a flow."""
        if not self.in_durable_context:
            return None
        return toolsets.durable(toolset, self._wrap_leaf_toolset)

    def _bind_models(self, agent: AbstractAgent[AgentDepsT, Any]) -> None:
        """Register the agent's models; one without a model gets it with each run."""
        if agent.model is not None:
            super()._bind_models(agent)
        else:
            self._models_by_id = dict(self._extra_models)

    def _find_model_id(self, model: Model) -> str | None:
        """Return the name of a model; one given to a run gets a name then."""
        try:
            return super()._find_model_id(model)
        except UserError:
            # It never leaves this process, so the object itself will do.
            model_id = f"{model.model_id}#{len(self._models_by_id)}"
            self._models_by_id[model_id] = model
            return model_id

    # -- hooks ---------------------------------------------------------------

    async def wrap_run(
        self, ctx: RunContext[AgentDepsT], *, handler: WrapRunHandler
    ) -> AgentRunResult[Any]:
        """Count the run as under way."""
        activity = runs.activity()
        if activity is None or not self.in_durable_context:
            return await super().wrap_run(ctx, handler=handler)
        with activity.begun(ctx.run_id or "", self.name):
            return await super().wrap_run(ctx, handler=handler)

    async def wrap_model_request(
        self,
        ctx: RunContext[AgentDepsT],
        *,
        request_context: ModelRequestContext,
        handler: WrapModelRequestHandler,
    ) -> ModelResponse:
        """Make it a checkpoint in a flow, a note on the checkpoint that is open."""
        if boundary.place() is not Place.CHECKPOINT:
            return await super().wrap_model_request(
                ctx, request_context=request_context, handler=handler
            )
        call_id = identity.step(identity.clean(self.name), ctx.run_step, "model")
        with events.noted(
            MODEL_REQUEST, f"{self.name}.model", self._unique_inside(call_id)
        ):
            response = await handler(request_context)
        # Prompt and answer of a sub-agent are its tool's own business.
        note_response(response, replace(self._capture, responses=False))
        return response

    async def wrap_tool_execute(
        self,
        ctx: RunContext[AgentDepsT],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,
        args: dict[str, Any],
        handler: Any,
    ) -> Any:
        """Say to what runs inside the tool which call it belongs to.

        Inside a checkpoint the call is a note on that.
        """
        if boundary.place() is Place.CHECKPOINT:
            return await self._noted_tool(ctx, call, args, handler)
        run = self._run(ctx)
        if run is None:
            return await handler(args)
        call_id = identity.tool_call(
            run.id,
            ctx.run_step,
            index=translate.call_index(ctx.messages, call.tool_call_id),
            tool=call.tool_name,
        )
        here = runs.ToolCall(call_id, run, asyncio.get_running_loop())
        with runs.inside_tool_call(here):
            return await handler(args)

    async def _noted_tool(
        self,
        ctx: RunContext[AgentDepsT],
        call: ToolCallPart,
        args: dict[str, Any],
        handler: Any,
    ) -> Any:
        call_id = identity.tool_call(
            identity.clean(self.name),
            ctx.run_step,
            index=translate.call_index(ctx.messages, call.tool_call_id),
            tool=call.tool_name,
        )
        call_id = self._unique_inside(call_id)
        if self._capture.tool_arguments:
            self._capture.keep(f"{call_id}.arguments", args, type="input")
        with events.noted(TOOL_CALL, f"{self.name}.{call.tool_name}", call_id):
            result = await handler(args)
        if self._capture.tool_results:
            self._capture.keep(f"{call_id}.result", result, type="output")
        return result

    async def handle_deferred_tool_calls(
        self, ctx: RunContext[AgentDepsT], *, requests: DeferredToolRequests
    ) -> DeferredToolResults | None:
        """Carry questions and approvals to waits of the flow."""
        if boundary.place() is Place.OUTSIDE:
            return None
        return await questions.answer(
            requests,
            run=self._run(ctx),
            handles_approvals=not self._shows_requests(ctx),
            capture=self._capture,
        )

    async def _dispatch_event_stream_event(
        self, ctx: RunContext[AgentDepsT], event: AgentStreamEvent
    ) -> None:
        """Hand an event over here and now; a checkpoint for each would be too much."""
        handler = self._effective_event_stream_handler()
        if handler is not None:
            await handler(ctx, self._single_event_stream(event))

    async def _show_recorded(
        self, params: ModelRequestParams, response: ModelResponse
    ) -> None:
        """Give the handler the stream of an answer that is there already."""
        handler = self._model_stream_event_handler()
        if handler is not None:
            stream = CompletedStreamedResponse(
                response,
                model_request_parameters=params.model_request_parameters,
                replay_events=True,
            )
            await handler(params.run_context, stream)

    # -- helpers -------------------------------------------------------------

    def _run(self, ctx: RunContext[AgentDepsT]) -> runs.Run | None:
        activity = runs.activity()
        if activity is None or not self.in_durable_context:
            return None
        return activity.run_of(ctx.run_id or "")

    def _unique_inside(self, call_id: str) -> str:
        here = scope.current()
        assert here is not None  # asked for in a checkpoint only
        assert here.call is not None
        known = here.call.metadata.get(events.EVENTS, {})
        return call_id if call_id not in known else f"{call_id}.{len(known)}"

    def _shows_requests(self, ctx: RunContext[AgentDepsT]) -> bool:
        """Whether the caller of the agent wants deferred calls as its output."""
        output_type = self._output_type
        if output_type is None and ctx.agent is not None:
            output_type = ctx.agent.output_type
        return DeferredToolRequests in _alternatives(output_type)


def _alternatives(output_type: Any) -> list[Any]:
    """Return the types an output may have: `[A, B]`, `A | B`, or one of its own."""
    if isinstance(output_type, list | tuple):
        return [kind for item in output_type for kind in _alternatives(item)]
    if get_origin(output_type) in (Union, UnionType):
        return list(get_args(output_type))
    return [output_type]
