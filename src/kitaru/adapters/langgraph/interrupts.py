"""Interrupts of graphs, and the waits of the flow that carry them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import WithJsonSchema
from pydantic_core import to_jsonable_python

from kitaru._core.words.similar import cut
from kitaru.adapters._shared import questions
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters._shared.questions import Question
from kitaru.adapters.langgraph.results import (
    LangGraphRunRequest,
    LangGraphRunResult,
    PendingInterrupt,
)
from kitaru.errors import KitaruUsageError

_ADVICE = "Run the graph from the flow"
# What the text of a question is taken from, if the graph tells it in a mapping.
_TEXTS = ("question", "description", "message", "prompt", "text")
_LONGEST = 300


def question(
    pending: PendingInterrupt, capture: CapturePolicy, timeout: float | None = None
) -> Question:
    """Return what a person is asked."""
    value = pending.value
    requests = _review(value)
    told = {"value": _shown(value, capture)}
    schema = _decisions(value) if requests else _inlined(pending.response_schema)
    return Question(
        text=_reviewed(requests) if requests else _text(value, capture),
        name=pending.name,
        schema=Any if schema is None else Annotated[Any, WithJsonSchema(schema)],
        timeout=timeout,
        metadata=told,
        advice=_ADVICE,
    )


def _text(value: Any, capture: CapturePolicy) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        if value.get("type") == "tool_approval" and "name" in value:
            return f"Allow the call of tool {value['name']!r}?"
        for key in _TEXTS:
            if isinstance(value.get(key), str) and value[key]:
                return str(value[key])
    return cut(json.dumps(_shown(value, capture), ensure_ascii=False), _LONGEST)


def _shown(value: Any, capture: CapturePolicy) -> Any:
    """Return the value of an interrupt for people: what a policy keeps of it."""
    plain = to_jsonable_python(value, fallback=lambda it: f"<{type(it).__qualname__}>")
    if not capture.tool_arguments and isinstance(plain, dict):
        if plain.get("type") == "tool_approval":
            plain.pop("args", None)
        for request in _review(plain):
            request.pop("args", None)
            # The description of LangChain repeats them.
            request.pop("description", None)
    return capture.cleaned(plain)


def _inlined(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a JSON Schema without definitions: pydantic knows its own only."""
    if schema is None:
        return None
    known = schema.get("$defs", {})

    def of(part: Any, inside: tuple[str, ...]) -> Any:
        if isinstance(part, list):
            return [of(item, inside) for item in part]
        if not isinstance(part, dict):
            return part
        rest = {
            name: of(item, inside)
            for name, item in part.items()
            # What tells kinds apart is in each of them, too.
            if name not in ("$ref", "$defs", "discriminator")
        }
        name = str(part.get("$ref", "")).removeprefix("#/$defs/")
        # Inside itself a definition takes anything.
        if not name or name in inside or name not in known:
            return rest
        return {**of(known[name], (*inside, name)), **rest}

    found: dict[str, Any] = of(schema, ())
    return found


# -- HumanInTheLoopMiddleware, which asks for several tools at once ------------


def _review(value: Any) -> list[Any]:
    if not isinstance(value, Mapping):
        return []
    found = value.get("action_requests")
    is_one = isinstance(found, list) and "review_configs" in value
    return list(found) if is_one and found else []


def _reviewed(requests: list[Any]) -> str:
    names = ", ".join(repr(request["name"]) for request in requests)
    if len(requests) == 1:
        return f"Allow the call of tool {names}?"
    return f"Allow the calls of tools {names}? One decision for each, in this order"


def _decisions(value: Any) -> dict[str, Any]:
    """Return the JSON Schema of the decisions that the middleware takes."""
    allowed = {
        config["action_name"]: config["allowed_decisions"]
        for config in value["review_configs"]
    }
    requests = _review(value)
    return {
        "type": "object",
        "properties": {
            "decisions": {
                "type": "array",
                "prefixItems": [
                    {"anyOf": [_DECISIONS[kind] for kind in allowed[request["name"]]]}
                    for request in requests
                ],
                "minItems": len(requests),
                "maxItems": len(requests),
            }
        },
        "required": ["decisions"],
    }


def _decision(kind: str, required: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"type": {"const": kind}, **more},
        "required": ["type", *(more if required else ())],
    }


_MESSAGE = {"type": "string"}
_ACTION = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "args": {"type": "object"}},
    "required": ["name", "args"],
}
_DECISIONS = {
    "approve": _decision("approve"),
    "reject": _decision("reject", message=_MESSAGE),
    "edit": _decision("edit", True, edited_action=_ACTION),
    "respond": _decision("respond", True, message=_MESSAGE),
}


# -- for interrupts="return" -----------------------------------------------------


def wait_for_interrupt(
    result: LangGraphRunResult, *, timeout: float | None = None
) -> dict[str, Any]:
    """Ask a person each question that waits, by waits of the flow.

    For `interrupts="return"`. All of them are open at once.

    Args:
        result: An interrupted result.
        timeout: Seconds that this process stays and polls; see `kitaru.wait`.

    Returns:
        The answers by id of the interrupt, for `build_resume_request`.

    Raises:
        KitaruContextError: Outside a flow body.
    """
    interrupts, capture = result.interrupts, CapturePolicy()
    asked = [question(pending, capture, timeout) for pending in interrupts]
    return by_id(interrupts, questions.ask_all(asked, None))


def by_id(
    interrupts: Sequence[PendingInterrupt], answers: Sequence[Any]
) -> dict[str, Any]:
    """Return answers as LangGraph takes them."""
    return {
        pending.id: answer for pending, answer in zip(interrupts, answers, strict=True)
    }


def build_resume_request(
    result: LangGraphRunResult, answers: Mapping[str, Any]
) -> LangGraphRunRequest:
    """Return what lets an interrupted run go on.

    Raises:
        KitaruUsageError: If the run was not interrupted, or the answers are not those
            it asks for.
    """
    if result.status != "interrupted":
        raise KitaruUsageError("the run is completed; there is nothing to resume")
    if result.thread_id is None:
        raise KitaruUsageError(
            "the graph has no checkpointer, so nothing can go on after its interrupt; "
            "give it one, such as checkpointer=InMemorySaver()"
        )
    asked = {pending.id: pending.name for pending in result.interrupts}
    if missing := [asked[id] for id in asked if id not in answers]:
        raise KitaruUsageError(
            f"no answer was given for {missing[0]!r}; answers are "
            "{interrupt.id: answer}, one for each of result.interrupts"
        )
    if unknown := [id for id in answers if id not in asked]:
        raise KitaruUsageError(
            f"no interrupt {unknown[0]!r} waits for an answer; there are "
            + (", ".join(map(repr, asked)) or "none")
        )
    return LangGraphRunRequest.resume(
        result.thread_id, answers, standing=result.standing
    )
