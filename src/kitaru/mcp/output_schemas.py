"""JSON schemas of what tools give back, short enough for a conversation.

A client gets the schemas of all tools at once, before anything is asked; what they need
not say is left out, and executions and deployed versions are described once.
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
}


def output_schema(result: Any, *, is_full: bool) -> dict[str, Any]:
    """Return the schema of a type; unless `is_full`, without what others describe."""
    schema = TypeAdapter(result).json_schema(mode="serialization")
    short = {} if is_full else _DESCRIBED_ELSEWHERE
    definitions = schema.pop("$defs", {})
    for name, description in short.items():
        if name in definitions:
            definitions[name] = {"type": "object", "description": description}
    used = _used(schema, definitions)
    if used:
        schema["$defs"] = {name: definitions[name] for name in sorted(used)}
    slim: dict[str, Any] = _slim(schema)
    return slim


def _used(schema: Any, definitions: dict[str, Any]) -> set[str]:
    """Return the names of the definitions that a schema reaches."""
    found: set[str] = set()
    open_ = [schema]
    while open_:
        part = open_.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix("#/$defs/")
            if name in definitions and name not in found:
                found.add(name)
                open_.append(definitions[name])
            open_ += part.values()
        elif isinstance(part, list):
            open_ += part
    return found


def _slim(part: Any, *, is_names: bool = False) -> Any:
    if isinstance(part, list):
        return [_slim(item) for item in part]
    if not isinstance(part, dict):
        return part
    part = _nullable(part)
    return {
        key: _slim(value, is_names=key in ("properties", "$defs") and not is_names)
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
