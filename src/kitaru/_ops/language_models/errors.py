"""Errors of language models as ours: what happened, and whether to ask again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic_ai import exceptions as foreign

from kitaru._core.secrecy import masking
from kitaru._core.secrecy.masking import Secrets
from kitaru.errors import (
    KitaruError,
    KitaruFeatureNotAvailableError,
    KitaruModelError,
    KitaruModelUnavailableError,
    KitaruUsageError,
)

_LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a kind of failure is called, and what to do about it."""

    reason: str
    advice: str
    temporary: bool = False


_RATE_LIMIT = _Kind(
    "rate_limit", "the rate limit is reached; retry later", temporary=True
)
_OVERLOADED = _Kind(
    "overloaded", "the provider is overloaded; retry later", temporary=True
)
_SERVER = _Kind("server", "the provider failed; retry later", temporary=True)
_TIMEOUT = _Kind("timeout", "the provider took too long; retry later", temporary=True)
_CONNECTION = _Kind(
    "connection",
    "the provider was not reached; check the network, then retry",
    temporary=True,
)
_QUOTA = _Kind(
    "quota", "the account's quota or credit is used up; raise it, then retry"
)
_AUTHENTICATION = _Kind(
    "authentication",
    "the credentials were refused; set others in the environment or in the secret of "
    "the model alias, then retry",
)
_UNKNOWN_MODEL = _Kind("unknown_model", "the provider does not know the model")
_TOO_LONG = _Kind("too_long", "the prompt is too long for the model; shorten it")
_REJECTED = _Kind(
    "rejected", "the request was refused; it has to change before a retry helps"
)
_FILTERED = _Kind(
    "content_filter", "the provider's content filter refused; change the prompt"
)
_NO_TEXT = _Kind("no_text", "the model answered without text; change the prompt")
_CUT = _Kind("no_text", "the answer was cut before its first word; raise max_tokens")
_UNEXPECTED = _Kind("unexpected", "the answer could not be understood")

# The first that fits counts, so subclasses come before their bases.
_KINDS: tuple[tuple[type[Exception], _Kind], ...] = (
    (foreign.ContentFilterError, _FILTERED),
    (foreign.ModelRateLimitError, _RATE_LIMIT),
    (foreign.ModelQuotaExceededError, _QUOTA),
    (foreign.ModelUnavailableError, _OVERLOADED),
    (foreign.ModelServerError, _SERVER),
    (foreign.ModelTimeoutError, _TIMEOUT),
    (foreign.ModelRequestTimeout, _TIMEOUT),
    (foreign.ModelConnectionError, _CONNECTION),
    (foreign.ModelAuthenticationError, _AUTHENTICATION),
    (foreign.ModelNotFoundError, _UNKNOWN_MODEL),
    (foreign.ModelContextWindowExceededError, _TOO_LONG),
    (foreign.ModelRequestRejectedError, _REJECTED),
)
# Models that are not pydantic-ai's own may raise the status alone.
_STATUS = {
    401: _AUTHENTICATION,
    402: _QUOTA,
    403: _AUTHENTICATION,
    404: _UNKNOWN_MODEL,
    408: _TIMEOUT,
    413: _TOO_LONG,
    429: _RATE_LIMIT,
    503: _OVERLOADED,
    504: _TIMEOUT,
    529: _OVERLOADED,
}


@contextmanager
def translated(
    model: str, secrets: Iterable[str] = (), *, users_own: bool = False
) -> Iterator[None]:
    """Raise errors of a model as ours, without the credentials they may repeat.

    They have no cause: its text and attributes, which are stored, may hold a key.

    Args:
        model: The model, for the message.
        secrets: Credentials in use; those of the environment are known.
        users_own: Whether the model is a function of the user, whose own exceptions are
            nobody else's.
    """
    try:
        yield
    except KitaruError:
        raise
    except ImportError as error:
        raise KitaruFeatureNotAvailableError(
            f"model {model} needs a package that is not installed: {error}"
        ) from None
    except foreign.UserError as error:
        hidden = masking.known(secrets)
        raise KitaruUsageError(
            f"model {model}: {hidden.text(_advised(str(error)))}"
        ) from None
    except foreign.AgentRunError as error:
        raise _model_error(model, error, masking.known(secrets)) from None
    # Clients of providers raise what their libraries raise, such as UnicodeError.
    except Exception as error:
        if users_own:
            raise
        said = masking.known(secrets).text(f"{type(error).__name__}: {error}")
        raise KitaruModelError(
            f"{model}: the request failed: {said}", model=model, reason="unexpected"
        ) from None


def without_text(model: str, finish_reason: str | None) -> KitaruModelError:
    """Return the error for a response that holds no text."""
    kinds = {"content_filter": _FILTERED, "length": _CUT}
    kind = kinds.get(finish_reason or "", _NO_TEXT)
    return KitaruModelError(f"{model}: {kind.advice}", model=model, reason=kind.reason)


def _model_error(
    model: str, error: foreign.AgentRunError, hidden: Secrets
) -> KitaruModelError:
    kind = _kind(error)
    said = _said(error, hidden)
    status: int | None = getattr(error, "status_code", None)
    if not kind.temporary:
        return KitaruModelError(
            f"{model}: {said}; {kind.advice}",
            model=model,
            reason=kind.reason,
            status_code=status,
        )
    wait: float | None = getattr(error, "retry_after", None)
    when = f"; the provider asks to wait {wait:g} s" if wait else ""
    return KitaruModelUnavailableError(
        f"{model}: {said}; {kind.advice}{when}",
        model=model,
        reason=kind.reason,
        status_code=status,
        retry_after=wait,
    )


def _kind(error: foreign.AgentRunError) -> _Kind:
    for class_, kind in _KINDS:
        if isinstance(error, class_):
            return kind
    if not isinstance(error, foreign.ModelHTTPError):
        return _UNEXPECTED
    if error.status_code in _STATUS:
        return _STATUS[error.status_code]
    return _SERVER if error.status_code >= 500 else _REJECTED


def _said(error: foreign.AgentRunError, hidden: Secrets) -> str:
    """Return what the provider says, in its own words if they can be found."""
    status = f"HTTP {error.status_code}: " if hasattr(error, "status_code") else ""
    # Before it is cut: half a key is no key that could be found.
    text = hidden.text(_message_in(getattr(error, "body", None)) or error.message)
    if len(text) > _LONGEST_MESSAGE:
        text = text[: _LONGEST_MESSAGE - 1] + "…"
    return status + text.rstrip(". ")


def _message_in(body: Any) -> str | None:
    """Return the message of an error body: `{"message"}` or `{"error": {"message"}}`."""
    if not isinstance(body, dict):
        return None
    inner = body.get("error", body)
    found = inner.get("message") if isinstance(inner, dict) else inner
    return found if isinstance(found, str) and found else None


def _advised(text: str) -> str:
    """Return the message with advice that fits `llm()`, not agents."""
    told = text.partition(" To try Pydantic AI")[0].rstrip(". ")
    if "environment variable" not in told:
        return told
    return f"{told}. The secret of a model alias can hold the key, too"
