"""Whether arguments fit the parameters of a flow: one rule for all that start one.

`.run` and `.replay`, the client, the command line, assistants and deployments ask here,
before anything starts. Every place that is wrong is told at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from kitaru._core.checking import fitting
from kitaru._core.checking.problems import sentences, shown
from kitaru._core.flows import typing_rules
from kitaru._core.flows.specs import CheckpointSpec, FlowSpec
from kitaru._core.words.similar import did_you_mean
from kitaru.errors import KitaruUsageError

_Parameter = inspect.Parameter


def named(given: object, what: str) -> dict[str, Any]:
    """Return arguments by name, as a dict of its own; `None` is none.

    Raises:
        KitaruUsageError: If they are no mapping from names.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(type(name) is str for name in given):
        raise KitaruUsageError(
            f"{what} must be a dict whose keys are names, got {shown(given)}"
        )
    return dict(given)


def complete(
    flow: FlowSpec, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a new execution by name, as the annotations ask for them.

    Raises:
        KitaruUsageError: If one is missing, unknown, given twice, or does not fit.
    """
    found = _Arguments(flow)
    found.take(args, kwargs)
    found.require_all()
    return found.checked()


def changed(flow: FlowSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return some arguments, which replace recorded ones; the rest stays as it was.

    Raises:
        KitaruUsageError: If one is unknown or does not fit.
    """
    found = _Arguments(flow)
    found.take((), given)
    return found.checked()


def refuse_outdated(flow: FlowSpec, inputs: Mapping[str, Any]) -> None:
    """Refuse recorded arguments that the flow, as it is now, does not take.

    Raises:
        KitaruUsageError: If one is missing or unknown.
    """
    found = _Arguments(flow)
    found.take((), inputs)
    found.require_all()
    found.refuse()


def override(checkpoint: CheckpointSpec, value: object, *, key: str) -> object:
    """Return a value that replaces a result, as the checkpoint's annotation asks for it.

    Raises:
        KitaruUsageError: If it does not fit.
    """
    found = typing_rules.hints(checkpoint.function)
    try:
        return fitting.fit(found.get(typing_rules.RETURN, Any), value)
    except fitting.NotFittingError as error:
        wrong = sentences([problem.sentence(key) for problem in error.problems])
        raise KitaruUsageError(f"this override is not possible: {wrong}") from error


class _Arguments:
    """The arguments of one start, and what is wrong with them."""

    def __init__(self, flow: FlowSpec) -> None:
        self._flow = flow
        self._parameters = flow.signature.parameters
        self._hints = typing_rules.hints(flow.function)
        self._extra = self._of_kind(_Parameter.VAR_KEYWORD)
        self._extra_hints = typing_rules.of_keywords(
            self._hints.get(self._extra) if self._extra else None
        )
        self._given: dict[str, Any] = {}
        self._wrong: list[str] = []

    def _of_kind(self, kind: Any) -> str | None:
        names = [name for name, p in self._parameters.items() if p.kind is kind]
        return names[0] if names else None

    def take(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Take arguments as a call gives them."""
        positional = [
            name
            for name, parameter in self._parameters.items()
            if parameter.kind
            in (_Parameter.POSITIONAL_ONLY, _Parameter.POSITIONAL_OR_KEYWORD)
        ]
        for name, value in zip(positional, args, strict=False):
            self._take(name, value)
        if len(args) > len(positional):
            self._wrong.append(self._too_many(len(positional), len(args)))
        for name, value in kwargs.items():
            if name in self._given:
                self._wrong.append(f"{name} was given twice, by position and by name")
            elif self._is_known(name):
                self._take(name, value)
            else:
                known = [*self._parameters, *(self._extra_hints or ())]
                self._wrong.append(
                    f"no input {name!r}{did_you_mean(name, known).replace(';', ',')}"
                )

    def _take(self, name: str, value: Any) -> None:
        parameter = self._parameters.get(name)
        if parameter is not None and parameter.kind is _Parameter.POSITIONAL_ONLY:
            self._wrong.append(f"{name} has no name that it can be recorded by")
        self._given[name] = value

    def _is_known(self, name: str) -> bool:
        parameter = self._parameters.get(name)
        if parameter is not None and parameter.kind in (
            _Parameter.POSITIONAL_OR_KEYWORD,
            _Parameter.KEYWORD_ONLY,
        ):
            return True
        if self._extra is None:
            return False
        return self._extra_hints is None or name in self._extra_hints

    def _too_many(self, most: int, given: int) -> str:
        rest = self._of_kind(_Parameter.VAR_POSITIONAL)
        if rest is not None:
            return f"{rest} has no names that its values can be recorded by"
        return f"at most {most} can be given by position, got {given}"

    def require_all(self) -> None:
        """Note what is missing."""
        for name, parameter in self._parameters.items():
            is_needed = (
                parameter.default is _Parameter.empty
                and parameter.kind
                not in (
                    _Parameter.VAR_POSITIONAL,
                    _Parameter.VAR_KEYWORD,
                )
            )
            if is_needed and name not in self._given:
                self._wrong.append(f"{name} is missing")

    def checked(self) -> dict[str, Any]:
        """Return the values as their annotations ask for them.

        Raises:
            KitaruUsageError: If anything is wrong.
        """
        values = {}
        for name, value in self._given.items():
            try:
                values[name] = self._fitting(name, value)
            except fitting.NotFittingError as error:
                self._wrong += [problem.sentence(name) for problem in error.problems]
        self.refuse()
        return values

    def _fitting(self, name: str, value: Any) -> Any:
        parameter = self._parameters.get(name)
        if parameter is None or parameter.kind is _Parameter.VAR_KEYWORD:
            each = self._hints.get(self._extra or name, Any)
            known = self._extra_hints
            return fitting.fit(each if known is None else known[name], value)
        # `names: list[str] = None` is not right, but what it does is clear.
        if parameter.default is not _Parameter.empty and value is parameter.default:
            return value
        return fitting.fit(self._hints.get(name, Any), value)

    def refuse(self) -> None:
        """Refuse the arguments if anything is wrong.

        Raises:
            KitaruUsageError: If so; says all of it, and what the flow takes.
        """
        if self._wrong:
            raise KitaruUsageError(
                f"flow {self._flow.name!r} cannot be run with these inputs: "
                f"{sentences(self._wrong)}; nothing was started. It takes "
                f"{self._flow.name}{_signature(self._flow)}"
            )


def _signature(flow: FlowSpec) -> str:
    try:
        shown = inspect.signature(flow.function, eval_str=True)
    # Annotations may name what only type checkers import, or raise anything.
    except Exception:  # noqa: BLE001
        shown = flow.signature
    return str(shown)
