"""What an execution is, as another process needs it to go on: written once, read here.

`ExecutionFacts` are made when an execution starts and travel with its run in ZenML.
`LocalFacts` are what the machine that runs it notes besides, and how it ended there. Both
are JSON with a version; stores of older versions hold shapes without one, which is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kitaru._core.calls import failures, references
from kitaru._core.calls.records import StoredFailure, StoredValue
from kitaru._core.calls.replay import ReplayPlan
from kitaru._core.flows.deployed import DeployedCode
from kitaru._core.settings import budgets, images
from kitaru._core.settings.labels import Labels
from kitaru._core.settings.notify import Notify
from kitaru._core.settings.settings import Settings
from kitaru._core.sources import FlowSource
from kitaru.errors import KitaruStateError

VERSION = 1
_JSON = "json"


@dataclass(frozen=True, slots=True)
class ExecutionFacts:
    """What a process needs to run an execution that it has not started.

    Attributes:
        source: Where the flow's code is.
        inputs: The arguments that the flow was given, stored.
        settings: What the start said of stack, image, cache, retries, budget and recovery.
        replay: The plan of a replay; `None` for a first run.
        runner: The process that started it on this machine, as a lease names its
            holder; `None` on a remote stack.
        is_remote: Whether the stack runs the body elsewhere.
        has_json_inputs: Whether the arguments were given without the flow at hand, as JSON
            data that its annotations have yet to be asked about.
        deployed: The version whose code it runs; `None` if it was not deployed.
        labels: What it is found by.
        version: The version of this shape; 0 for executions recorded without one.
    """

    source: FlowSource
    inputs: StoredValue
    settings: Settings = Settings()  # noqa: RUF009  frozen
    replay: ReplayPlan | None = None
    runner: Mapping[str, Any] | None = None
    is_remote: bool = False
    has_json_inputs: bool = False
    deployed: DeployedCode | None = None
    labels: Labels = Labels()  # noqa: RUF009  frozen
    version: int = VERSION

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON data."""
        data: dict[str, Any] = {
            "version": self.version,
            "source": self.source.to_dict(),
            "inputs": references.reference(self.inputs),
            **settings_to_dict(self.settings),
        }
        if self.replay is not None:
            data["replay"] = _plan_to_dict(self.replay)
        if self.runner is not None:
            data["runner"] = dict(self.runner)
        if self.is_remote:
            data["remote"] = True
        if self.has_json_inputs:
            data["inputs_are"] = _JSON
        if self.deployed is not None:
            data["deployed"] = self.deployed.to_dict()
        if labels := self.labels.to_dict():
            data["labels"] = labels
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, execution_id: str) -> ExecutionFacts:
        """Return the facts that `to_dict` of this version or an older one has written.

        Raises:
            KitaruStateError: If a newer version has written them.
        """
        plan, deployed = data.get("replay"), data.get("deployed")
        return cls(
            source=FlowSource.from_dict(data["source"]),
            inputs=references.from_reference(data["inputs"]),
            settings=settings_from_dict(data, place=f"execution {execution_id}"),
            replay=_plan_from_dict(plan) if plan is not None else None,
            runner=data.get("runner"),
            is_remote=bool(data.get("remote")),
            has_json_inputs=data.get("inputs_are") == _JSON,
            deployed=DeployedCode.from_dict(deployed) if deployed else None,
            labels=Labels.from_dict(data.get("labels", {})),
            version=_version(data, execution_id),
        )


@dataclass(frozen=True, slots=True)
class LocalFacts:
    """What the machine that runs an execution notes of it in its journal.

    Attributes:
        store: The id of the store that its run is in.
        flow: The name of its flow.
        inputs: The file of its inputs; `None` if they are in the facts themselves.
        python: The interpreter that started it.
        cwd: The folder in which it was started; of a deployed one that of its code.
        project: The folder that was deployed; `None` if it was not.
        synchronous: Whether ZenML had each outcome before the flow went on, so that
            the journal may lack some. True where nothing is known.
        failure: Why the last attempt failed; `None` while it did not.
        result: What the flow returned.
        compacted: Whether outcomes that ZenML has were removed from the journal.
        uses: Folders of values, of other executions too, that removed outcomes name.
        version: The version of this shape; 0 before attempts took back old failures.
    """

    store: str | None = None
    flow: str | None = None
    inputs: str | None = None
    python: str | None = None
    cwd: str | None = None
    project: str | None = None
    synchronous: bool = True
    failure: StoredFailure | None = None
    result: StoredValue | None = None
    compacted: bool = False
    uses: tuple[str, ...] = ()
    version: int = VERSION

    def begun_again(self) -> LocalFacts:
        """Return the facts when another attempt begins: no failure is known of it."""
        return replace(self, failure=None, version=VERSION)

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON data."""
        return {
            "version": self.version,
            "store": self.store,
            "flow": self.flow,
            "inputs": self.inputs,
            "python": self.python,
            "cwd": self.cwd,
            **({"project": self.project} if self.project is not None else {}),
            "synchronous": self.synchronous,
            "failure": failures.to_dict(self.failure) if self.failure else None,
            "result": references.reference(self.result) if self.result else None,
            "compacted": self.compacted,
            "uses": list(self.uses),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, execution_id: str) -> LocalFacts:
        """Return the facts that `to_dict` of this version or an older one has written.

        Raises:
            KitaruStateError: If a newer version has written them.
            ValueError: If they have a field that nobody knows.
        """
        version = _version(data, execution_id)
        # Shapes without a version had fields that went since.
        known = cls.__dataclass_fields__.keys()
        if version and (unknown := sorted(data.keys() - known)):
            raise ValueError(f"it has an unknown field {unknown[0]!r}")
        failure, result = data.get("failure"), data.get("result")
        return cls(
            store=data.get("store"),
            flow=data.get("flow"),
            inputs=data.get("inputs"),
            python=data.get("python"),
            cwd=data.get("cwd"),
            project=data.get("project"),
            synchronous=bool(data.get("synchronous", True)),
            failure=failures.from_dict(failure) if failure else None,
            result=references.from_reference(result) if result else None,
            compacted=bool(data.get("compacted")),
            uses=tuple(data.get("uses", ())),
            version=version,
        )


def settings_to_dict(settings: Settings) -> dict[str, Any]:
    """Return settings as JSON data."""
    image = settings.image
    data = {
        "stack": settings.stack,
        "retries": settings.retries,
        "cache": settings.cache,
        "image": image.said() if image else None,
    }
    if settings.budget is not None:
        data["budget"] = settings.budget.said()
    if settings.recover is not None:
        data["recover"] = settings.recover
    if settings.notify is not None:
        data["notify"] = settings.notify.said()
    return data


def settings_from_dict(data: Mapping[str, Any], *, place: str) -> Settings:
    """Return the settings that `settings_to_dict` has written among other facts.

    Args:
        data: The facts.
        place: What they are of, for messages.
    """
    image, budget, told = data.get("image"), data.get("budget"), data.get("notify")
    return Settings(
        stack=data.get("stack"),
        retries=data.get("retries"),
        cache=data.get("cache"),
        image=images.read(image, place=place) if image else None,
        budget=budgets.read(budget, place=place) if budget else None,
        recover=data.get("recover"),
        notify=None if told is None else Notify(**told),
    )


def _version(data: Mapping[str, Any], execution_id: str) -> int:
    version = int(data.get("version", 0))
    if version > VERSION:
        raise KitaruStateError(
            f"execution {execution_id} was recorded by a newer version of Kitaru "
            f"(facts {version}, this one reads up to {VERSION}); upgrade Kitaru here"
        )
    return version


def _plan_to_dict(plan: ReplayPlan) -> dict[str, Any]:
    return {
        "source": plan.source,
        "anchor": plan.anchor,
        "reuse": sorted(plan.reuse),
        "overrides": {
            call: references.reference(value) for call, value in plan.overrides.items()
        },
        "guarded": plan.guarded,
        "reuse_waits": plan.reuse_waits,
    }


def _plan_from_dict(data: Mapping[str, Any]) -> ReplayPlan:
    return ReplayPlan(
        source=data["source"],
        anchor=data["anchor"],
        reuse=frozenset(data["reuse"]),
        overrides={
            call: references.from_reference(value)
            for call, value in data["overrides"].items()
        },
        guarded=data["guarded"],
        reuse_waits=data["reuse_waits"],
    )
