"""Models whose requests are checkpoints."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

from agents import Model, ModelProvider, ModelResponse, RunConfig, Usage
from agents.exceptions import ModelBehaviorError
from agents.items import TResponseStreamEvent
from agents.retry import ModelRetryAdvice, ModelRetryAdviceRequest
from openai.types.responses import ResponseCompletedEvent

from kitaru.adapters._shared import boundary, budgets, runs
from kitaru.adapters._shared.boundary import MODEL_REQUEST, Place
from kitaru.adapters._shared.places import Places
from kitaru.adapters._shared.spending import spend
from kitaru.adapters.openai_agents import translate
from kitaru.adapters.openai_agents.context import Frame, frame


@dataclass(frozen=True)
class _Request:
    """One request: where it stands, and what it depends on."""

    places: Places
    step: int
    id: str
    name: str
    inputs: object
    added: list[Any]


class CountedModel(Model):
    """A model whose requests are counted on the checkpoint that they are made in.

    Args:
        inner: The user's model.
        agent: Name of the agent that asks, the first part of the checkpoint's name.
    """

    def __init__(self, inner: Model, agent: str) -> None:
        self.inner = inner
        self._agent = agent

    def get_retry_advice(
        self, request: ModelRetryAdviceRequest
    ) -> ModelRetryAdvice | None:
        """Return the advice of the user's model."""
        return self.inner.get_retry_advice(request)

    async def close(self) -> None:
        """Close the user's model."""
        await self.inner.close()

    async def _cleanup_on_run_end(self, owner: object) -> None:
        await self.inner._cleanup_on_run_end(owner)

    async def get_response(self, *args: Any, **options: Any) -> ModelResponse:
        """Return the model's answer."""
        response = await self.inner.get_response(*args, **options)
        self._count(response.usage)
        return response

    async def stream_response(
        self, *args: Any, **options: Any
    ) -> AsyncIterator[TResponseStreamEvent]:
        """Stream the model's answer."""
        async for event in self.inner.stream_response(*args, **options):
            if isinstance(event, ResponseCompletedEvent):
                self._count(_usage_of(event))
            yield event

    def _count(self, usage: Usage) -> None:
        spend(
            provider=None,
            model=self._model_name,
            requests=usage.requests or 1,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.input_tokens_details.cached_tokens or 0,
        )

    @property
    def _model_name(self) -> str | None:
        found = getattr(self.inner, "model", None)
        return str(found) if found is not None else None


class DurableModel(CountedModel):
    """A model whose requests are checkpoints of the run they belong to."""

    async def get_response(self, *args: Any, **options: Any) -> ModelResponse:
        """Return the model's answer, or the one it gave before."""
        here = frame()
        if here is None or boundary.place() is not Place.FLOW:
            budgets.check(MODEL_REQUEST)
            return await self.inner.get_response(*args, **options)
        request = self._request(here, args, options)

        async def work() -> Any:
            _keep_prompt(here, request)
            response = await self.inner.get_response(*args, **options)
            self._note(here, response.usage, response.output)
            return translate.stored_response(response)

        stored = await here.boundary.run(
            MODEL_REQUEST, request.name, request.id, work, inputs=request.inputs
        )
        # Also the first time, so that a rerun sees the very same answer.
        response = translate.loaded_response(stored)
        request.places.answered(request.step, translate.call_ids(response.output))
        return response

    async def stream_response(
        self, *args: Any, **options: Any
    ) -> AsyncIterator[TResponseStreamEvent]:
        """Stream the model's answer; of a recorded one there is the last event only."""
        here = frame()
        if here is None or boundary.place() is not Place.FLOW:
            budgets.check(MODEL_REQUEST)
            async for event in self.inner.stream_response(*args, **options):
                yield event
            return
        request = self._request(here, args, options)
        events: asyncio.Queue[TResponseStreamEvent | None] = asyncio.Queue()

        async def work() -> Any:
            _keep_prompt(here, request)
            last: ResponseCompletedEvent | None = None
            async for event in self.inner.stream_response(*args, **options):
                if isinstance(event, ResponseCompletedEvent):
                    last = event
                else:
                    events.put_nowait(event)
            if last is None:
                raise ModelBehaviorError("the stream ended before the answer did")
            self._note(here, _usage_of(last), list(last.response.output))
            # Deltas are many times as long as what they add up to.
            return translate.stored_end(last)

        call = asyncio.ensure_future(
            here.boundary.run(
                MODEL_REQUEST, request.name, request.id, work, inputs=request.inputs
            )
        )
        call.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (live := await events.get()) is not None:
                yield live
            # The last event follows when the answer is durable.
            last = translate.loaded_end(await call)
        except (asyncio.CancelledError, GeneratorExit):
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await call
            raise
        request.places.answered(
            request.step, translate.call_ids(list(last.response.output))
        )
        yield last

    def _note(self, here: Frame, usage: Usage, output: list[Any]) -> None:
        if here.capture.usage:
            self._count(usage)
        if here.capture.responses:
            text = translate.answer_text(output)
            here.capture.keep("response", text, type="response")

    def _request(
        self, here: Frame, args: tuple[Any, ...], options: dict[str, Any]
    ) -> _Request:
        known = {
            **options,
            **dict(zip(("system_instructions", "input"), args, strict=False)),
        }
        items = translate.plain_items(known["input"])
        activity = runs.activity()
        assert activity is not None  # there is a flow here
        return _Request(
            places=here.places,
            step=here.places.next_step,
            id=activity.unique(here.places.model_request()),
            name=f"{self._agent}.model",
            inputs={
                "model": self._model_name,
                "instructions": known["system_instructions"],
                "messages": here.places.run.conversation.fingerprint(items),
            },
            added=translate.new_items(items),
        )


# Makes another form of an agent's model: with the name of that agent.
Wrap = Callable[[Model, str], Model]


class _Provider(ModelProvider):
    """Finds models by name, and gives them in their other form."""

    def __init__(self, inner: ModelProvider, agent: str, wrap: Wrap) -> None:
        self._inner = inner
        self._agent = agent
        self._wrap = wrap

    def get_model(self, model_name: str | None) -> Model:
        """Return the model of that name."""
        return self._wrap(self._inner.get_model(model_name), self._agent)

    async def aclose(self) -> None:
        """Close the user's provider."""
        await self._inner.aclose()


def config_with(
    wrap: Wrap, given: RunConfig | dict[str, Any] | None, agent: str
) -> RunConfig:
    """Return the settings of a run with its models in their other form.

    Args:
        wrap: Makes that form.
        given: The user's settings.
        agent: Who asks models that are only named.
    """
    config = RunConfig(**given) if isinstance(given, dict) else given or RunConfig()
    model = config.model
    return replace(
        config,
        model_provider=_Provider(config.model_provider, agent, wrap),
        model=wrap(model, agent) if isinstance(model, Model) else model,
    )


def _keep_prompt(here: Frame, request: _Request) -> None:
    if here.capture.prompts:
        here.capture.keep("prompt", request.added, type="prompt")


def _usage_of(event: ResponseCompletedEvent) -> Usage:
    counts = event.response.usage
    if counts is None:
        return Usage(requests=1)
    return Usage(
        requests=1,
        input_tokens=counts.input_tokens,
        output_tokens=counts.output_tokens,
        total_tokens=counts.total_tokens,
        input_tokens_details=counts.input_tokens_details,
        output_tokens_details=counts.output_tokens_details,
    )
