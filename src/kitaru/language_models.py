"""`llm()`: ask a language model, once per execution."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Never
from weakref import WeakKeyDictionary

from kitaru._core.calls import names
from kitaru._core.flows import scope
from kitaru._core.flows.scope import MODEL_CALLS, FlowRuntime, RunningCall
from kitaru._core.flows.specs import CallOptions, CheckpointSpec
from kitaru._core.language_models import prompts
from kitaru._core.language_models import settings as model_settings
from kitaru._core.language_models.prompts import Prompt
from kitaru._core.secrecy import masking
from kitaru._core.settings import options
from kitaru._ops.language_models import budgets, requests
from kitaru._ops.language_models.requests import Answer, Request
from kitaru.errors import (
    KitaruError,
    KitaruModelUnavailableError,
    KitaruUsageError,
)

if TYPE_CHECKING:
    from pydantic_ai.models import Model

_NAME = "llm_call"
_labels = threading.Lock()
_numbers: WeakKeyDictionary[FlowRuntime, Iterator[int]] = WeakKeyDictionary()


def llm(
    prompt: Prompt,
    *positional: Never,
    model: str | Model | None = None,
    system: str | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    name: str | None = None,
    **unknown: Never,
) -> str:
    """Ask a language model and return its answer.

    In a flow body the call is a checkpoint of its own, `llm_call`: its answer is kept,
    and no retry or replay pays for it twice. Inside a checkpoint it belongs to that
    checkpoint. Prompt, answer, tokens and cost are recorded either way.

    It blocks; in `async def` flows use `await asyncio.to_thread(llm, ...)` where other
    coroutines should go on meanwhile.

    Args:
        prompt: A text, or chat messages: `[{"role": "user", "content": "…"}]` with the
            roles system, user and assistant.
        *positional: Refused: options are given by name.
        model: An alias (`kitaru model register`), `provider/model`, or a model object of
            pydantic-ai. `KITARU_DEFAULT_MODEL` by default.
        system: What the model should be and know, before everything else.
        temperature: How freely it answers.
        max_tokens: How long the answer may get.
        name: Name of the checkpoint, in place of `llm_call`.
        **unknown: Refused.

    Raises:
        KitaruContextError: Outside a flow.
        KitaruUsageError: For a prompt, model or setting that cannot be.
        KitaruFeatureNotAvailableError: If a package is missing.
        KitaruModelUnavailableError: If the model cannot answer now.
        KitaruModelError: If it does not answer.
        KitaruBudgetError: If the execution's budget is spent, and nobody raises it.

    Example:
        >>> title = llm("A title for: cats", model="openai/gpt-5-mini")  # doctest: +SKIP
    """
    options.refuse_positional(positional, options.LLM, "llm")
    options.check({"system": system, "name": name, **unknown}, options.LLM, "llm")
    here = scope.current()
    if here is None:
        raise scope.outside(
            "llm()",
            "llm() works inside a running flow only; call it from a function decorated "
            "with @flow or @checkpoint",
        )
    requests.check_model(model)
    names.check_name("checkpoint", name if name is not None else _NAME)
    request = Request(
        messages=prompts.messages(prompt, system),
        model=model,
        settings=_settings(temperature, max_tokens),
        number=next(_numbers.setdefault(here.runtime, itertools.count(1))),
    )
    if here.call is not None:
        budgets.check()
        label = f"{here.call.invocation_id}.{name or _NAME}"
        return _recorded(here.runtime, here.call, request, label)
    return _as_checkpoint(here.runtime, request, name or _NAME)


def _settings(temperature: object, max_tokens: object) -> dict[str, Any]:
    """Return the settings that were given.

    Raises:
        KitaruUsageError: For values that no model takes.
    """
    given = {"temperature": temperature, "max_tokens": max_tokens}
    found = {name: value for name, value in given.items() if value is not None}
    for name, value in found.items():
        if expected := model_settings.unfit(name, value):
            raise KitaruUsageError(f"llm({name}={value!r}): use {expected}")
    return found


def _as_checkpoint(runtime: FlowRuntime, request: Request, name: str) -> str:
    def ask(**_: object) -> str:
        call = scope.require_checkpoint("llm()")[1]
        return _recorded(runtime, call, request, call.invocation_id)

    inputs = {
        "messages": [message.as_dict() for message in request.messages],
        "model": request.describe_model(),
        "settings": dict(request.settings),
    }
    told = CallOptions(work=ask, is_told_by_arguments=True, before=budgets.check)
    return str(runtime.call(_declared(name), (), inputs, told))


@cache
def _declared(name: str) -> CheckpointSpec:
    return CheckpointSpec(
        name=name,
        function=_described,
        type=_NAME,
        retry_on=(KitaruModelUnavailableError,),
        retry_delay=1.0,
    )


def _described(messages: object, model: object, settings: object) -> None:
    """Says what a question depends on; the question itself comes with each call."""


def _recorded(
    runtime: FlowRuntime, call: RunningCall, request: Request, label: str
) -> str:
    """Ask, and note on the checkpoint what was asked, answered and spent."""
    event = _begin(call, label, request)
    label = event["name"]
    runtime.save(
        call,
        f"{label}.prompt",
        masking.recorded([message.as_dict() for message in request.messages]),
        save_type="prompt",
        tags=(),
    )
    started = time.monotonic()
    try:
        answer = requests.ask(request, spend=call.usages.append)
    except KitaruError as error:
        event["error"] = str(error)
        raise
    event |= _facts(answer, time.monotonic() - started)
    response = masking.recorded(answer.text)
    runtime.save(call, f"{label}.response", response, save_type="response", tags=())
    return answer.text


def _begin(call: RunningCall, wanted: str, request: Request) -> dict[str, Any]:
    """Note a model call under a name that this attempt of the checkpoint has not used."""
    with _labels:
        events = call.metadata.setdefault(MODEL_CALLS, [])
        taken = {event["name"] for event in events}
        numbered = (f"{wanted}_{number}" for number in itertools.count(2))
        name = next(n for n in itertools.chain([wanted], numbered) if n not in taken)
        model = request.describe_model()
        event: dict[str, Any] = {"name": name}
        if isinstance(model, str):
            event["model"] = model
        events.append(event)
        return event


def _facts(answer: Answer, seconds: float) -> dict[str, Any]:
    facts = {
        "model": answer.model,
        "alias": answer.alias,
        "finish_reason": answer.finish_reason,
        "response_id": answer.response_id,
        "seconds": round(seconds, 3),
        "usage": answer.usage.model_dump(mode="json") if answer.usage else None,
    }
    return {name: value for name, value in facts.items() if value is not None}
