"""Read the settings of a stack: one of five kinds, checked before anything happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from kitaru._core.words.similar import did_you_mean
from kitaru.errors import KitaruUsageError
from kitaru.stacks.azureml import AzuremlSpec
from kitaru.stacks.kubernetes import KubernetesSpec
from kitaru.stacks.local import LocalSpec
from kitaru.stacks.parts import Part
from kitaru.stacks.sagemaker import SagemakerSpec
from kitaru.stacks.vertex import VertexSpec

StackSpec = Annotated[
    LocalSpec | KubernetesSpec | VertexSpec | SagemakerSpec | AzuremlSpec,
    Field(discriminator="type"),
]
KINDS: dict[str, type[Part]] = {
    "local": LocalSpec,
    "kubernetes": KubernetesSpec,
    "vertex": VertexSpec,
    "sagemaker": SagemakerSpec,
    "azureml": AzuremlSpec,
}
_ADAPTER: TypeAdapter[StackSpec] = TypeAdapter(StackSpec)


def read(settings: Mapping[str, object], place: str) -> StackSpec:
    """Return a checked spec.

    Args:
        settings: As in a file: `type`, `name`, and what the type knows.
        place: Where they stand, for messages, such as `"stack.yaml"`.

    Raises:
        KitaruUsageError: Names every setting that is missing, unknown or wrong; never
            a value of credentials.
    """
    kind = check_kind(settings, place)
    try:
        return _ADAPTER.validate_python(dict(settings))
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        problems = [_problem(kind, problem) for problem in found]
    # Outside of the handler: the error that pydantic made knows the values.
    listed = "".join(f"\n  {problem}" for problem in problems)
    raise KitaruUsageError(
        f"{place}: this is no {kind} stack. Nothing was created{listed}"
    )


def check_kind(settings: Mapping[str, object], place: str) -> str:
    """Return the type of a stack.

    Raises:
        KitaruUsageError: If it is missing or none of ours.
    """
    kind = settings.get("type")
    if isinstance(kind, str) and kind in KINDS:
        return kind
    hint = did_you_mean(kind, KINDS) if isinstance(kind, str) else ""
    said = "is missing" if kind is None else f"{str(kind)[:40]!r} does not exist{hint}"
    raise KitaruUsageError(
        f"{place}: type {said} (one of: {', '.join(KINDS)}). Nothing was created"
    )


def _problem(kind: str, problem: Any) -> str:
    """Return one line about what pydantic found."""
    path = [str(part) for part in problem["loc"] if str(part) != kind]
    where = ".".join(path) or "the settings"
    if problem["type"] == "missing":
        return f"{where} is missing"
    if problem["type"] == "extra_forbidden":
        known = _known(kind, path[:-1])
        return (
            f"{where} is unknown{did_you_mean(path[-1], known)} "
            f"(known: {', '.join(known)})"
        )
    if problem["type"] == "string_type":
        return f"{where} must be text; put it in quotes"
    text = str(problem["msg"]).removeprefix("Value error, ")
    return f"{where}: {text}"


def _known(kind: str, path: Iterable[str]) -> list[str]:
    """Return the settings that exist at a place."""
    model: Any = KINDS[kind]
    for name in path:
        annotation = model.model_fields[name].annotation
        arms = getattr(annotation, "__args__", (annotation,))
        model = next(arm for arm in arms if hasattr(arm, "model_fields"))
    return list(model.model_fields)
