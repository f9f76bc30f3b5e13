"""What a request is answered with: a status and a JSON object."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kitaru._core.settings import options
from kitaru._core.versions.choosing import SeveralHoldersError
from kitaru._core.words.similar import did_you_mean
from kitaru._ops import deployments, executions, keys
from kitaru.errors import (
    KitaruBackendError,
    KitaruError,
    KitaruStateError,
    KitaruUsageError,
)

Answer = tuple[int, dict[str, Any]]

OK, ACCEPTED = 200, 202
UNKNOWN, CONFLICT, UNFIT, BROKEN, UNAVAILABLE = 404, 409, 422, 500, 503
_OF_AN_INVOCATION = {
    "inputs": dict,
    "version": int,
    "tag": str,
    "key": str,
    "tags": list,
    "attributes": dict,
    "budget": dict,
}


class _Refused(Exception):
    """A request that cannot be met, with the status that says why."""

    def __init__(self, status: int, error: KitaruError) -> None:
        super().__init__(str(error))
        self.answer = status, error_body(type(error).__name__, str(error))


def answer(asked: Mapping[str, Any]) -> Answer:
    """Do what a request asks for.

    Args:
        asked: `do`, one of `invoke`, `flow` and `execution`; `name`, of the flow or the
            execution; `body`, the JSON data that was sent.
    """
    try:
        return _ACTIONS[asked["do"]](asked["name"], asked.get("body"))
    except _Refused as refused:
        return refused.answer
    except KitaruError as error:
        status = UNAVAILABLE if isinstance(error, KitaruBackendError) else BROKEN
        status = CONFLICT if isinstance(error, KitaruStateError) else status
        return status, error_body(type(error).__name__, str(error))
    # The server's log has it whole.
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        text = "the request could not be answered; the log of the server says why"
        return BROKEN, error_body(type(error).__name__, text)


def error_body(kind: str, message: str) -> dict[str, Any]:
    """Return the body of an answer that is an error."""
    return {"error": {"type": kind, "message": message}}


def _invoke(flow: str, body: object) -> Answer:
    given = _checked(body)
    with _refusing(UNKNOWN):
        found = deployments.get(
            flow=flow, version=given.get("version"), tag=given.get("tag")
        )
    with _refusing(UNFIT):
        # The number: a tag may move meanwhile.
        started = deployments.invoke(
            flow=flow,
            version=found.version,
            inputs=given.get("inputs", {}),
            budget=given.get("budget"),
            found_by={name: given[name] for name in options.LABELS if name in given},
        )
    said = {"exec_id": started.exec_id, "flow": flow}
    if started.continuation.how == keys.KNOWN:
        known = executions.get(started.exec_id)
        return OK, said | {"version": known.version, "status": known.status.value}
    return ACCEPTED, said | {"version": found.version, "status": "running"}


def _flow(name: str, _body: object) -> Answer:
    with _refusing(UNKNOWN):
        (found,) = deployments.flows(flow=name)
    return OK, found.model_dump(mode="json", by_alias=True)


def _execution(name: str, _body: object) -> Answer:
    with _refusing(UNKNOWN):
        found = executions.get(executions.resolve(name))
    return OK, found.model_dump(mode="json", by_alias=True)


_ACTIONS: dict[str, Callable[[str, object], Answer]] = {
    "invoke": _invoke,
    "flow": _flow,
    "execution": _execution,
}


def _checked(body: object) -> Mapping[str, Any]:
    """Return what an invocation was given.

    Raises:
        _Refused: If it is no object, or has a field that there is not, or of another kind.
    """
    with _refusing(UNFIT):
        if not isinstance(body, Mapping):
            raise KitaruUsageError('send an object, such as {"inputs": {}}')
        for name, value in body.items():
            kind = _OF_AN_INVOCATION.get(name)
            if kind is None:
                raise KitaruUsageError(
                    f"there is no field {name!r}{did_you_mean(name, _OF_AN_INVOCATION)}; "
                    f"fields are {', '.join(_OF_AN_INVOCATION)}, and the arguments of the "
                    "flow belong into inputs"
                )
            if not isinstance(value, kind) or isinstance(value, bool):
                raise KitaruUsageError(f"{name} must be {_SAID[kind]}, not {value!r}")
        if "version" in body and "tag" in body:
            raise KitaruUsageError(
                "version and tag both say which one; send one of them"
            )
    return body


_SAID = {dict: "an object", int: "a number", str: "a text", list: "a list"}


@contextmanager
def _refusing(status: int) -> Iterator[None]:
    """Let what is refused in the `with` body have a status."""
    try:
        yield
    except SeveralHoldersError as error:
        raise _Refused(CONFLICT, error) from error
    except KitaruUsageError as error:
        raise _Refused(status, error) from error
