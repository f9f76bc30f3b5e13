"""Ask a language model, through pydantic-ai's model layer."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import os
import re
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from kitaru._core.language_models.aliases import TEST_MODEL
from kitaru._core.language_models.prompts import Message
from kitaru._ops import secrets
from kitaru._ops.language_models import aliases
from kitaru._ops.language_models.aliases import ChosenModel
from kitaru.errors import (
    KitaruError,
    KitaruFeatureNotAvailableError,
    KitaruUsageError,
)
from kitaru.models import Usage

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.messages import ModelResponse as Response
    from pydantic_ai.models import Model

T = TypeVar("T")

MOCK_RESPONSE = "KITARU_LLM_MOCK_RESPONSE"
_MOCK = "mock"
_LOOK_SECONDS = 0.1
# Beginnings of environment variables that are not the provider's name.
_OTHER_PREFIXES = {"google": ("gemini",), "azure": ("azure_openai",)}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, and of whom: a name, or a model object of pydantic-ai."""

    messages: tuple[Message, ...]
    model: Any = None  # pydantic-ai's Model is not imported before it is needed
    settings: Mapping[str, Any] = field(default_factory=dict)
    # Which call of the execution it is, from 1; only answers given in advance ask.
    number: int = 1

    def describe_model(self) -> object:
        """Return which model it goes to, as far as that can be said without asking."""
        if MOCK_RESPONSE in os.environ:
            # Never to be taken for an answer of a model, whose results may be shared.
            return _MOCK
        if not isinstance(self.model, str | None):
            return self.model
        chosen = self._chosen()
        return self.model if chosen is None else str(chosen)

    def alias(self) -> str | None:
        """Return the alias that it names, if that is registered."""
        chosen = self._chosen() if isinstance(self.model, str | None) else None
        return chosen.alias if chosen else None

    def _chosen(self) -> ChosenModel | None:
        """Return what its name stands for, `None` if that is not known here."""
        try:
            return aliases.choose(self.model)
        except KitaruError:
            return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said; `usage` is `None` when no model was asked."""

    text: str
    model: str
    alias: str | None = None
    usage: Usage | None = None
    finish_reason: str | None = None
    response_id: str | None = None


def check_model(model: object) -> None:
    """Refuse what cannot be a model.

    Raises:
        KitaruUsageError: If it is neither a text nor a model object of pydantic-ai.
    """
    if isinstance(model, str | None):
        return
    # Known by name, so that pydantic-ai need not be imported to find out.
    kinds = [f"{base.__module__}.{base.__name__}" for base in type(model).__mro__]
    if "pydantic_ai.models.Model" not in kinds:
        raise KitaruUsageError(
            "llm(model=…) takes an alias, 'provider/model' or a pydantic-ai Model, got "
            f"{type(model).__name__}"
        )


def ask(request: Request, *, spend: Callable[[Usage], None]) -> Answer:
    """Return the model's answer.

    Args:
        request: What is asked.
        spend: Is told what it took, even if the answer turns out to be no good.

    Raises:
        KitaruUsageError: If the model is unknown or has no credentials.
        KitaruFeatureNotAvailableError: If a package for it is missing.
        KitaruModelError: If it gave no answer.
    """
    mock = os.environ.get(MOCK_RESPONSE)
    if mock is not None:
        return Answer(_mocked(mock, request.number), _MOCK, alias=request.alias())
    if not isinstance(request.model, str | None):
        return _ask(request, ChosenModel(None), spend, given=request.model)
    return _ask(request, aliases.choose(request.model), spend)


def _ask(
    request: Request,
    chosen: ChosenModel,
    spend: Callable[[Usage], None],
    *,
    given: Model | None = None,
) -> Answer:
    _require_pydantic_ai()
    from kitaru._ops.language_models import errors
    from kitaru._ops.language_models import usage as model_usage

    label = str(chosen) if given is None else f"{given.system}/{given.model_name}"
    keys = _credentials(chosen.secret)
    from pydantic_ai.models.function import FunctionModel

    users_own = isinstance(given, FunctionModel)
    with errors.translated(label, keys.values(), users_own=users_own):
        model = given if given is not None else _build(chosen, keys)
        response = _finished(
            _response(model, request.messages, {**chosen.settings, **request.settings})
        )
    usage = model_usage.of_response(response)
    spend(usage)
    if not response.text:
        raise errors.without_text(label, response.finish_reason)
    return Answer(
        text=response.text,
        model=label,
        alias=chosen.alias,
        usage=usage,
        finish_reason=response.finish_reason,
        response_id=response.provider_response_id,
    )


def _require_pydantic_ai() -> None:
    try:
        import pydantic_ai.direct  # noqa: F401  asking whether it is there
    except ImportError as error:
        raise KitaruFeatureNotAvailableError(
            "llm() needs pydantic-ai, which is not installed; install it with: pip "
            "install 'kitaru[llm]'"
        ) from error


def _mocked(text: str, number: int) -> str:
    """Return the answer given in advance: one for all calls, or the one of a list."""
    if not text.lstrip().startswith("["):
        return text
    try:
        answers = json.loads(text)
    except json.JSONDecodeError:
        return text
    if not all(isinstance(answer, str) for answer in answers):
        return text
    if number > len(answers):
        raise KitaruUsageError(
            f"{MOCK_RESPONSE} has {len(answers)} answers, but this is call {number} of "
            "llm() in the execution"
        )
    return cast(str, answers[number - 1])


# -- the model -----------------------------------------------------------------


def _credentials(secret: str | None) -> Mapping[str, str]:
    """Return what the secret of an alias holds."""
    return {} if secret is None else secrets.get(secret).values


def _build(chosen: ChosenModel, keys: Mapping[str, str]) -> Model:
    from pydantic_ai.models import infer_model
    from pydantic_ai.providers import Provider, infer_provider, infer_provider_class

    if chosen.reference is None:
        return infer_model(TEST_MODEL)

    def provider(name: str) -> Provider[Any]:
        class_ = infer_provider_class(name)
        arguments = _arguments(class_, keys, chosen)
        return class_(**arguments) if arguments else infer_provider(name)

    name = f"{chosen.reference.provider}:{chosen.reference.name}"
    model = infer_model(name, provider) if keys else infer_model(name)
    _check_key(model, chosen)
    return model


def _check_key(model: Any, chosen: ChosenModel) -> None:
    """Refuse a key that no request can carry, which looks like a broken network."""
    key = getattr(getattr(model, "client", None), "api_key", None)
    if isinstance(key, str) and (not key.isascii() or re.search(r"\s", key)):
        raise KitaruUsageError(
            f"the key for {chosen} holds a space, a line break or another character that "
            "no key has; set it again"
        )


def _arguments(
    provider: type[Any], keys: Mapping[str, str], chosen: ChosenModel
) -> dict[str, str]:
    """Return what the secret says that the environment does not.

    The keys of a secret are the names of environment variables, such as
    `OPENAI_API_KEY`, or of the provider's own arguments, such as `api_key`. Those of
    other providers are left alone: no provider may see the key of another one.
    """
    assert chosen.reference is not None
    word = re.split(r"[-_/]", chosen.reference.provider)[0]
    known = [name for name in inspect.signature(provider).parameters if name != "self"]
    names = {name: name for name in known} | {
        f"{prefix}_{name}": name
        for prefix in (word, *_OTHER_PREFIXES.get(word, ()))
        for name in known
    }
    fitting = {key: names[key.lower()] for key in keys if key.lower() in names}
    if not fitting:
        raise KitaruUsageError(
            f"secret {chosen.secret!r} has the keys {', '.join(sorted(keys))}, none of "
            f"which {chosen} can use; name it {word.upper()}_API_KEY, or one of "
            f"{', '.join(known)}"
        )
    return {
        argument: keys[key].strip()
        for key, argument in fitting.items()
        if key not in os.environ and f"{word}_{argument}".upper() not in os.environ
    }


async def _response(
    model: Model, messages: Sequence[Message], settings: Mapping[str, Any]
) -> Response:
    from pydantic_ai.direct import model_request

    async with model:
        return await model_request(
            model,
            _history(messages),
            model_settings=cast(Any, dict(settings)) or None,
        )


def _history(messages: Sequence[Message]) -> list[ModelMessage]:
    """Return the messages as pydantic-ai's: requests, and the responses in between."""
    from pydantic_ai.messages import (
        ModelRequest,
        ModelRequestPart,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        UserPromptPart,
    )

    found: list[ModelMessage] = []
    parts: list[ModelRequestPart] = []
    for message in messages:
        if message.role != "assistant":
            kind = SystemPromptPart if message.role == "system" else UserPromptPart
            parts.append(kind(message.content))
            continue
        if parts:
            found.append(ModelRequest(parts))
            parts = []
        found.append(ModelResponse([TextPart(message.content)]))
    return [*found, ModelRequest(parts)]


def _finished(work: Coroutine[Any, Any, T]) -> T:
    """Return what the coroutine returns, also where an event loop runs already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    # This loop stands still meanwhile, so the work needs one of its own.
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(asyncio.run(work))
        # It is raised where the result is waited for.
        except BaseException as error:  # noqa: BLE001
            future.set_exception(error)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), daemon=True).start()
    task = asyncio.current_task()
    while not wait([future], timeout=_LOOK_SECONDS).done:
        # `asyncio.run` takes Ctrl-C and cancels the task, which stands still here.
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
    return future.result()
