"""Ask the person in front of the assistant for the answer to a wait."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastmcp import Context
from mcp_types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from kitaru._core.waits import answers
from kitaru._core.words import plain
from kitaru.errors import KitaruUsageError, KitaruWaitValidationError
from kitaru.mcp import flat_forms
from kitaru.mcp.wording import readable
from kitaru.models import PendingWait

_TRIES = 3
_KEY = "answer"


@dataclass(frozen=True, slots=True)
class Given:
    """What the person answered."""

    value: object


@dataclass(frozen=True, slots=True)
class NotGiven:
    """The person did not want to answer."""


async def ask(
    ctx: Context, wait: PendingWait
) -> Given | NotGiven | InputRequiredResult:
    """Let the client show the question as a form.

    Newer clients get the form as the result of the call and repeat it with the answer;
    older ones are asked while the call is under way.

    Raises:
        KitaruUsageError: If the client shows no forms; holds the schema.
    """
    if not _shows_forms(ctx):
        raise KitaruUsageError(
            f"no value was given for {_what(wait)}, and this client cannot show the user "
            f"a form; ask the user, then call again with `value`{_schema(wait)}"
        )
    request = ctx.request_context
    if request is not None and request.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return _ask_by_result(ctx, wait)
    return await _ask_now(ctx, wait)


def read_leniently(wait: PendingWait, value: object) -> object:
    """Return a value, or what its text means as JSON if only that fits.

    Assistants often write `"true"` for `true`.
    """
    if not isinstance(value, str) or _fits(wait, value):
        return value
    try:
        meant = json.loads(value)
    except json.JSONDecodeError:
        return value
    return meant if _fits(wait, meant) else value


def _fits(wait: PendingWait, value: object) -> bool:
    try:
        answers.checked(wait.name, wait.schema, value)
    except KitaruWaitValidationError:
        return False
    return True


def _ask_by_result(
    ctx: Context, wait: PendingWait
) -> Given | NotGiven | InputRequiredResult:
    response = (ctx.input_responses or {}).get(_KEY)
    # The answer must be to this wait, not to one that was open before.
    if not isinstance(response, ElicitResult) or ctx.request_state != wait.wait_id:
        return _form_as_result(wait, None)
    read = _read(wait, response)
    return _form_as_result(wait, read) if isinstance(read, str) else read


def _form_as_result(wait: PendingWait, problem: str | None) -> InputRequiredResult:
    params = ElicitRequestFormParams(
        message=_message(wait, problem),
        requested_schema=flat_forms.form(wait.schema).requested_schema,
    )
    return InputRequiredResult(
        input_requests={_KEY: ElicitRequest(params=params)}, request_state=wait.wait_id
    )


async def _ask_now(ctx: Context, wait: PendingWait) -> Given | NotGiven:
    problem = None
    for _ in range(_TRIES):
        response = await ctx.session.elicit_form(
            _message(wait, problem),
            flat_forms.form(wait.schema).requested_schema,
            related_request_id=ctx.request_id,
        )
        read = _read(wait, response)
        if not isinstance(read, str):
            return read
        problem = read
    raise KitaruUsageError(f"{problem}; gave up after {_TRIES} tries")


def _read(wait: PendingWait, response: ElicitResult) -> Given | NotGiven | str:
    """Return the answer, or what is wrong with it."""
    if response.action != "accept":
        return NotGiven()
    content: Mapping[str, Any] = response.content or {}
    try:
        value = flat_forms.form(wait.schema).read(content)
        answers.checked(wait.name, wait.schema, value)
    except ValueError as error:
        return str(error)
    return Given(value)


def _shows_forms(ctx: Context) -> bool:
    capabilities = ctx.session.client_capabilities
    asked = capabilities.elicitation if capabilities else None
    # A client that names no mode shows forms: there was no other at first.
    return asked is not None and (asked.form is not None or asked.url is None)


def _what(wait: PendingWait) -> str:
    question = f" ({plain.line(wait.question)})" if wait.question else ""
    return f"wait {wait.name!r}{question}"


def _message(wait: PendingWait, problem: str | None) -> str:
    asked = readable(wait.question or f"The execution waits for {wait.name!r}.")
    return f"{asked}\n\n{readable(problem)}" if problem else asked


def _schema(wait: PendingWait) -> str:
    if wait.schema is None:
        return "=null: the wait is a plain gate"
    return f" that fits this JSON schema: {json.dumps(wait.schema)}"
