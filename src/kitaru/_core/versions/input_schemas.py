"""The inputs of a flow as a JSON schema, and data checked against it without the flow."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from kitaru._core.checking import json_data, json_schemas, references
from kitaru._core.checking.problems import Problem, sentences
from kitaru._core.checking.pydantic_schemas import Schemas
from kitaru._core.checking.references import UnusableSchemaError
from kitaru._core.flows import typing_rules
from kitaru._core.flows.specs import FlowSpec
from kitaru._core.words.similar import did_you_mean
from kitaru.errors import KitaruUsageError

_Parameter = inspect.Parameter
_ANYTHING: dict[str, Any] = {}


def schema_of(flow: FlowSpec) -> dict[str, Any]:
    """Return the JSON schema of a flow's inputs, by parameter name.

    What JSON cannot describe is left open, and checked where the flow runs. A default
    that JSON cannot hold makes an input optional without naming it.

    Raises:
        KitaruUsageError: If an input has no name that it can be given by.
    """
    hints = typing_rules.hints(flow.function)
    named = [p for p in flow.signature.parameters.values() if _has_name(p, flow)]
    extra = typing_rules.of_keywords(_keywords_hint(flow, hints)) or {}
    kinds = {p.name: hints.get(p.name, Any) for p in named} | dict(extra)
    described, definitions = _described(kinds)
    for parameter in named:
        if _is_json(parameter.default):
            described[parameter.name]["default"] = parameter.default
    required = [p.name for p in named if p.default is _Parameter.empty]
    takes_any = _takes_keywords(flow) and not extra
    return {
        "title": flow.name,
        "type": "object",
        "properties": described,
        "additionalProperties": takes_any,
        **({"required": required} if required else {}),
        **({"$defs": definitions} if definitions else {}),
    }


def _has_name(parameter: inspect.Parameter, flow: FlowSpec) -> bool:
    """Whether an input can be given by name.

    Raises:
        KitaruUsageError: If it has to be given, and cannot be.
    """
    if parameter.kind is _Parameter.POSITIONAL_ONLY:
        if parameter.default is not _Parameter.empty:
            return False
        raise KitaruUsageError(
            f"flow {flow.name!r} cannot be deployed: its input {parameter.name!r} can be "
            "given by position only, and a deployed flow is given its inputs by name"
        )
    return parameter.kind in (
        _Parameter.POSITIONAL_OR_KEYWORD,
        _Parameter.KEYWORD_ONLY,
    )


def _takes_keywords(flow: FlowSpec) -> bool:
    kinds = [p.kind for p in flow.signature.parameters.values()]
    return _Parameter.VAR_KEYWORD in kinds


def _keywords_hint(flow: FlowSpec, hints: Mapping[str, Any]) -> Any:
    for parameter in flow.signature.parameters.values():
        if parameter.kind is _Parameter.VAR_KEYWORD:
            return hints.get(parameter.name)
    return None


def checked(
    schema: Mapping[str, Any], inputs: Mapping[str, Any], *, what: str
) -> dict[str, Any]:
    """Return inputs as JSON data that fits the schema of a version.

    Args:
        schema: Its schema.
        inputs: The inputs by name; Python values that stand for JSON data are taken.
        what: The version, for messages.

    Raises:
        KitaruUsageError: If they do not fit: says which, what was expected and what was
            given.
    """
    try:
        data = json_data.of(dict(inputs))
    except json_data.NotJsonError as error:
        raise _refused(what, schema, [_told(error.problem, schema)]) from error
    assert isinstance(data, dict)
    try:
        wrong = json_schemas.problems(schema, data)
    except UnusableSchemaError as error:
        raise KitaruUsageError(
            f"no inputs can be checked against the schema of {what}: {error}; deploy the "
            "flow again"
        ) from error
    if wrong:
        raise _refused(what, schema, [_told(found, schema) for found in wrong])
    return data


def _refused(
    what: str, schema: Mapping[str, Any], wrong: list[str]
) -> KitaruUsageError:
    takes = ", ".join(
        name if name in schema.get("required", ()) else f"{name} (optional)"
        for name in schema.get("properties", {})
    )
    return KitaruUsageError(
        f"{what} cannot be run with these inputs: {sentences(wrong)}; nothing was "
        f"started. It takes: {takes or 'nothing'}"
    )


def _told(found: Problem, schema: Mapping[str, Any]) -> str:
    """Return what is wrong, in the words that are used where the flow is at hand."""
    if len(found.path) == 1:
        (name,) = found.path
        if found.rule == "required":
            return f"{name} is missing"
        if found.rule == "unknown":
            known = list(schema.get("properties", {}))
            hint = did_you_mean(str(name), known).replace(";", ",")
            return f"no input {str(name)!r}{hint}"
    return found.sentence("" if found.path else "inputs")


def _described(kinds: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return JSON schemas by name, and the definitions that they refer to."""
    adapters = {name: _adapter(kind) for name, kind in kinds.items()}
    usable = [(name, made) for name, made in adapters.items() if made is not None]
    found, whole = TypeAdapter.json_schemas(
        [(name, "validation", made) for name, made in usable],
        schema_generator=Schemas,
    )
    described = {name: dict(_ANYTHING) for name in kinds}
    described |= {name: schema for (name, _), schema in found.items()}
    return described, whole.get("$defs", {})


def _adapter(kind: Any) -> TypeAdapter[Any] | None:
    """Return what describes a type; `None` if JSON cannot, or nothing could be checked."""
    try:
        made = TypeAdapter(kind)
        references.refuse_unusable(made.json_schema(schema_generator=Schemas))
    # pydantic raises many kinds of errors for types it cannot describe.
    except Exception:  # noqa: BLE001
        return None
    return made


def _is_json(value: object) -> bool:
    if value is _Parameter.empty:
        return False
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
