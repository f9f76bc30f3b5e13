"""JSON schemas of what tools give back, short enough for a conversation.

A client gets the schemas of all tools at once, before anything is asked; what they need
not say is left out, and executions and deployed versions are described once. References
are replaced here, as FastMCP does for clients that cannot follow them, but what a record
is for is said where it comes first.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

# Titles repeat the names of fields. Defaults are of no use for what is always there.
_LEFT_OUT = ("title", "default", "pattern", "additionalProperties")
_DESCRIBED_ELSEWHERE = {
    "Deployment": "A version, as kitaru_deployments_get describes it.",
    "Execution": "An execution, as kitaru_executions_get describes it.",
    "ComparedExecution": "exec_id, status, failure, seconds, attempts, tokens, cost.",
    "ComparedSide": "status, reused, overridden, failure, seconds, attempts, tokens, "
    "cost, and type, size and hash of the result.",
    "RecordedFailure": "exception_type, message, origin.",
}


def output_schema(result: Any, *, is_full: bool) -> dict[str, Any]:
    """Return the schema of a type; unless `is_full`, without what others describe."""
    schema = TypeAdapter(result).json_schema(mode="serialization")
    short = {} if is_full else _DESCRIBED_ELSEWHERE
    definitions = schema.pop("$defs", {})
    for name, description in short.items():
        if name in definitions:
            definitions[name] = {"type": "object", "description": description}
    slim: dict[str, Any] = _slim(_whole(schema, definitions, set()))
    return slim


def _whole(
    part: Any,
    definitions: dict[str, Any],
    met: set[str],
    within: frozenset[str] = frozenset(),
) -> Any:
    """Return a schema without references, and descriptions of records once."""
    if isinstance(part, list):
        return [_whole(item, definitions, met, within) for item in part]
    if not isinstance(part, dict):
        return part
    if (reference := part.get("$ref")) is not None:
        name = str(reference).removeprefix("#/$defs/")
        said = {key: value for key, value in part.items() if key != "$ref"}
        if name in within:
            # A record in one of its own kind.
            return {"type": "object", **said}
        part = definitions[name] | said
        if name in met and "description" not in said:
            part.pop("description", None)
        met.add(name)
        within |= {name}
    return {key: _whole(item, definitions, met, within) for key, item in part.items()}


def _slim(part: Any, *, is_names: bool = False) -> Any:
    if isinstance(part, list):
        return [_slim(item) for item in part]
    if not isinstance(part, dict):
        return part
    part = _nullable(part)
    return {
        key: _slim(value, is_names=key == "properties" and not is_names)
        for key, value in part.items()
        if is_names or key not in _LEFT_OUT
    }


def _nullable(part: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value or null as one, not as two to choose from."""
    first, *rest = part.get("anyOf", ({},))
    kind = first.get("type")
    if rest != [{"type": "null"}] or not isinstance(kind, str) or "const" in first:
        return part
    others = {key: value for key, value in part.items() if key != "anyOf"}
    # Where the values are listed null has to be one of them.
    values = {"enum": [*first["enum"], None]} if "enum" in first else {}
    return {**others, **first, **values, "type": [kind, "null"]}
