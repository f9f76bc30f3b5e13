"""PydanticAI's durable operations as calls at Kitaru's boundary."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from pydantic import ValidationError
from pydantic_ai.durable_exec import (
    BoundDurableOperation,
    CapabilityOperationId,
    CapabilityOperationParams,
    DurableOperation,
    DurableOperationBackend,
    DynamicToolsetCallToolParams,
    ModelRequestId,
    ModelRequestParams,
    ToolsetCallToolId,
    ToolsetCallToolParams,
    ToolsetGetInstructionsId,
    ToolsetGetToolsId,
    ToolsetGetToolsParams,
    ToolsetValidateToolArgumentsId,
    durable_unit_scope,
)
from pydantic_ai.messages import ModelResponse
from pydantic_ai.tools import RunContext
from pydantic_core import PydanticSerializationError

from kitaru._core.flows import scope
from kitaru._ops.language_models import usage
from kitaru.adapters._shared import identity, runs
from kitaru.adapters._shared.boundary import (
    MCP_CALL,
    MODEL_REQUEST,
    TOOL_CALL,
    Boundary,
)
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters._shared.settings import OPTED_OUT, ToolSettings
from kitaru.adapters.pydantic_ai import translate
from kitaru.checkpoints import CheckpointSettings
from kitaru.errors import KitaruUsageError

ParamsT = TypeVar("ParamsT")
WireT = TypeVar("WireT")
ResultT = TypeVar("ResultT")

DISCOVERY = "tool_discovery"
OTHER = "agent_operation"
METADATA_KEY = "kitaru"


@dataclass(frozen=True)
class Settings:
    """How the calls of an agent are run as checkpoints."""

    model: CheckpointSettings
    mcp: CheckpointSettings
    tools: ToolSettings


@dataclass(frozen=True)
class _Call:
    """One call of an operation, as Kitaru sees it."""

    kind: str
    name: str
    id: str
    inputs: object
    config: object
    # What a user calls it, for messages.
    title: str


class CheckpointBackend(DurableOperationBackend[CheckpointSettings]):
    """Runs each operation of an agent at the boundary.

    Args:
        agent: Name of the agent, the first part of all ids.
        settings: Of its checkpoints.
        capture: What to keep beside the results.
        on_recorded_stream: Told of a streamed answer that was there already.
    """

    def __init__(
        self,
        agent: str,
        settings: Settings,
        capture: CapturePolicy,
        *,
        on_recorded_stream: Callable[
            [ModelRequestParams, ModelResponse], Awaitable[None]
        ],
    ) -> None:
        self._on_recorded_stream = on_recorded_stream
        self._agent = agent
        self._settings = settings
        self._capture = capture
        self._boundary = Boundary()

    def bind(
        self, operation: DurableOperation[ParamsT, WireT, ResultT]
    ) -> BoundDurableOperation[ParamsT, WireT, ResultT]:
        """Return what PydanticAI calls instead of the operation."""
        return _Bound(self, operation)

    def config_for_tool(
        self,
        operation: DurableOperation[ParamsT, WireT, ResultT],
        *,
        tool: object | None,
        tool_name: str,
    ) -> CheckpointSettings | Literal[False]:
        """Return the settings of a tool; `False` if it is to run without a checkpoint."""
        # A ToolsetTool; the interface says object.
        metadata = getattr(getattr(tool, "tool_def", None), "metadata", None) or {}
        own = metadata.get(METADATA_KEY)
        if own is OPTED_OUT:
            return False
        if own is not None and not isinstance(own, dict):
            raise KitaruUsageError(
                f"tool {tool_name!r} has metadata {{{METADATA_KEY!r}: {own!r}}}; use False "
                "to run it without a checkpoint, or a dict of settings"
            )
        return self._settings.tools.of(
            tool_name, common=self._common(operation.operation_id), own=own
        )

    def registrations(self) -> Sequence[Callable[..., object]]:
        """Return nothing: there are no workers to register at."""
        return ()

    def _common(self, operation_id: object) -> CheckpointSettings | None:
        match operation_id:
            case ToolsetCallToolId(toolset_kind="mcp"):
                return self._settings.mcp
            case ToolsetCallToolId():
                return None
        return {}

    async def run(
        self,
        operation: DurableOperation[ParamsT, WireT, ResultT],
        params: ParamsT,
        config: object | None,
    ) -> ResultT:
        """Run one call, or take its recorded result."""
        call = self._call(operation.operation_id, params, config)
        is_recorded = True

        async def work() -> object:
            nonlocal is_recorded
            is_recorded = False
            with durable_unit_scope():
                self._before(params)
                result = await operation.handler(params)
            self._after(call, result)
            return _stored_form(operation, result, call)

        payload = await self._boundary.run(
            call.kind,
            call.name,
            call.id,
            work,
            inputs=call.inputs,
            settings=_settings(call.config),
        )
        # Also the first time, so that a rerun sees the very same value.
        result = _loaded(operation, payload, call)
        if is_recorded and _is_streamed(operation.operation_id):
            assert isinstance(params, ModelRequestParams)  # as its id says
            assert isinstance(result, ModelResponse)
            await self._on_recorded_stream(params, result)
        return result

    # -- identity ------------------------------------------------------------

    def _call(self, operation_id: object, params: Any, config: object | None) -> _Call:
        match operation_id, params:
            case ModelRequestId(), ModelRequestParams():
                return self._model_call(params, config)
            case (
                ToolsetCallToolId() | ToolsetValidateToolArgumentsId(),
                ToolsetCallToolParams() | DynamicToolsetCallToolParams(),
            ):
                return self._tool_call(operation_id, params, config)
            case ToolsetGetToolsId(), ToolsetGetToolsParams():
                what = f"tools.{identity.clean(operation_id.toolset_id)}"
                return self._step_call(DISCOVERY, what, params.ctx)
            case ToolsetGetInstructionsId(), ToolsetGetToolsParams():
                what = f"instructions.{identity.clean(operation_id.toolset_id)}"
                return self._step_call(DISCOVERY, what, params.ctx)
            case CapabilityOperationId(), CapabilityOperationParams():
                what = f"{identity.clean(operation_id.capability_id)}.{operation_id.operation}"
                return self._step_call(
                    OTHER, what, params.run_context, inputs=dict(params.arguments)
                )
        # Compaction, cancelling a batch, and what later versions add.
        kind = type(operation_id).__name__.removesuffix("Id").lower()
        return self._step_call(OTHER, kind, _context_of(params))

    def _model_call(self, params: ModelRequestParams, config: object) -> _Call:
        ctx = params.run_context
        base = identity.step(self._run_id(ctx), ctx.run_step, "model")
        return _Call(
            kind=MODEL_REQUEST,
            name=f"{identity.clean(self._agent)}.model",
            id=self._unique(base),
            inputs=translate.model_inputs(
                params.messages,
                model=params.model_id,
                conversation=run.conversation if (run := self._run(ctx)) else None,
            ),
            config=self._settings.model if config is None else config,
            title="the model's answer",
        )

    def _tool_call(
        self,
        operation_id: ToolsetCallToolId | ToolsetValidateToolArgumentsId,
        params: ToolsetCallToolParams | DynamicToolsetCallToolParams,
        config: object,
    ) -> _Call:
        ctx = params.ctx
        base = identity.tool_call(
            self._run_id(ctx),
            ctx.run_step,
            index=translate.call_index(ctx.messages, ctx.tool_call_id),
            tool=params.name,
        )
        name = f"{identity.clean(self._agent)}.{identity.clean(params.name)}"
        if isinstance(operation_id, ToolsetValidateToolArgumentsId):
            base, name = f"{base}.check", f"{name}.check"
        return _Call(
            kind=MCP_CALL if operation_id.toolset_kind == "mcp" else TOOL_CALL,
            name=name,
            id=self._unique(base),
            inputs={"tool": params.name, "arguments": params.tool_args},
            config=config,
            title=f"tool {params.name!r}",
        )

    def _step_call(
        self, kind: str, what: str, ctx: RunContext[Any] | None, inputs: object = None
    ) -> _Call:
        if ctx is None:
            base = f"{identity.clean(self._agent)}.{what}"
        elif ctx.tool_call_id is not None:
            base = identity.tool_call(
                self._run_id(ctx),
                ctx.run_step,
                index=translate.call_index(ctx.messages, ctx.tool_call_id),
                tool=ctx.tool_name or "tool",
            )
            base = f"{base}.{what}"
        else:
            base = identity.step(self._run_id(ctx), ctx.run_step, what)
        return _Call(
            kind=kind,
            name=f"{identity.clean(self._agent)}.{what}",
            id=self._unique(base),
            inputs=inputs,
            config=None,
            title=what,
        )

    def _run(self, ctx: RunContext[Any]) -> runs.Run | None:
        activity = runs.activity()
        assert activity is not None  # PydanticAI asks for operations in flows only
        return activity.run_of(ctx.run_id or "")

    def _run_id(self, ctx: RunContext[Any]) -> str:
        run = self._run(ctx)
        return run.id if run is not None else identity.clean(self._agent)

    def _unique(self, base: str) -> str:
        activity = runs.activity()
        assert activity is not None  # as above
        return activity.unique(base)

    # -- what is kept --------------------------------------------------------

    def _before(self, params: object) -> None:
        match params:
            case ModelRequestParams() if self._capture.prompts:
                added = translate.new_requests(params.messages)
                self._capture.keep("prompt", added, type="prompt")
            case ToolsetCallToolParams() | DynamicToolsetCallToolParams() if (
                self._capture.tool_arguments
            ):
                self._capture.keep("arguments", params.tool_args, type="input")

    def _after(self, call: _Call, result: object) -> None:
        if isinstance(result, ModelResponse):
            note_response(result, self._capture)
        elif call.kind in (TOOL_CALL, MCP_CALL) and self._capture.tool_results:
            self._capture.keep("result", result, type="output")


class _Bound(BoundDurableOperation[ParamsT, WireT, ResultT]):
    """One operation of one agent, ready to be called."""

    def __init__(
        self,
        backend: CheckpointBackend,
        operation: DurableOperation[ParamsT, WireT, ResultT],
    ) -> None:
        self._backend = backend
        self._operation = operation

    @property
    def operation(self) -> DurableOperation[ParamsT, WireT, ResultT]:
        """The operation itself."""
        return self._operation

    async def __call__(
        self, params: ParamsT, *, config: object | None = None
    ) -> ResultT:
        """Run it."""
        return await self._backend.run(self._operation, params, config)


def note_response(response: ModelResponse, capture: CapturePolicy) -> None:
    """Note what a model's answer was and took, on the running checkpoint."""
    if capture.usage:
        scope.spend(usage.of_response(response))
    if capture.responses:
        capture.keep("response", translate.answer_text(response), type="response")


def _stored_form(
    operation: DurableOperation[Any, Any, ResultT], result: ResultT, call: _Call
) -> object:
    try:
        return operation.result_codec.dump(result)
    except (PydanticSerializationError, TypeError) as error:
        raise KitaruUsageError(
            f"the result of {call.title} cannot be stored ({error}); return JSON data, a "
            "dataclass or a pydantic model, or run the tool without a checkpoint by "
            f"metadata={{{METADATA_KEY!r}: False}}"
        ) from error


def _loaded(
    operation: DurableOperation[Any, Any, ResultT], payload: object, call: _Call
) -> ResultT:
    try:
        return operation.result_codec.load(payload)
    except ValidationError:
        if call.kind not in (MODEL_REQUEST, TOOL_CALL, MCP_CALL):
            raise
        # Not what was stored here, so somebody overrode it.
        return operation.result_codec.load(translate.stored_form(payload, call.kind))


def _is_streamed(operation_id: object) -> bool:
    return isinstance(operation_id, ModelRequestId) and operation_id.streaming


def _context_of(params: object) -> RunContext[Any] | None:
    found = getattr(params, "run_context", None) or getattr(params, "ctx", None)
    return found if isinstance(found, RunContext) else None


def _settings(config: Any) -> CheckpointSettings | None:
    # PydanticAI hands back what `config_for_tool` returned, as an opaque object.
    return cast("CheckpointSettings | None", config)
