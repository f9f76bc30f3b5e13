"""Deploy versions of flows, tag them, and invoke them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kitaru._core.flows import inputs as rules
from kitaru._core.settings import options, settings
from kitaru._core.settings.labels import Labels
from kitaru._core.versions import choosing, input_schemas, names
from kitaru._core.versions.choosing import SeveralHoldersError
from kitaru._core.versions.records import Version
from kitaru._core.words import paging
from kitaru._engine.code import commits
from kitaru._engine.open import current_engine
from kitaru._engine.port.deployments import Invocation, NewVersion
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._engine.settings import configuration, person
from kitaru._ops import executions, flow_targets, keys, schedules
from kitaru._ops.replays import Started
from kitaru.errors import KitaruUsageError
from kitaru.models import (
    Build,
    DeployedFlow,
    Deployment,
    Execution,
    LogEntry,
    Page,
    Schedule,
)

# A tag that moves is on two versions for less than that.
_MOVING = 0.3


@dataclass(frozen=True, slots=True)
class Deployed:
    """A version that was made, and what else there is to say of it."""

    deployment: Deployment
    notes: tuple[str, ...]
    schedule: Schedule | None = None


def build(target: str, *, project: Path, stack: str | None = None) -> Build:
    """Do all of `deploy` that can fail or takes long, without making a version.

    Args:
        target: `module_or_path:flow`.
        project: The folder whose files its code is.
        stack: Stack to run on; the flow's own or the active one by default.

    Raises:
        KitaruUsageError: For a target outside the folder, an unknown flow or stack, and
            code that cannot be packed.
        KitaruRuntimeError: If the file cannot be loaded.
    """
    return current_engine().deployments.build(_new(target, project, stack, ()))


def deploy(
    target: str,
    *,
    project: Path,
    tags: Sequence[str] = (),
    stack: str | None = None,
    schedule: Mapping[str, Any] | None = None,
) -> Deployed:
    """Make the next version of a flow, which becomes the default one.

    Args:
        target: `module_or_path:flow`.
        project: The folder whose files its code is.
        tags: More tags; they move here from earlier versions.
        stack: Stack to run on; the flow's own or the active one by default.
        schedule: When the flow is to start by itself, as `schedules.plan` takes it.

    Raises:
        KitaruUsageError: As `build`, and for tags and a schedule that cannot be;
            nothing was made.
        KitaruRuntimeError: If the file cannot be loaded.
        KitaruFeatureNotAvailableError: For a schedule on a server; nothing was made.
    """
    wanted = tuple(dict.fromkeys(names.checked_tag(tag) for tag in tags))
    new = _new(target, project, stack, wanted)
    planned = None
    if schedule is not None:
        planned = schedules.plan(flow=new.flow.name, schema=new.schema, **schedule)
    engine = current_engine()
    made = engine.deployments.create(new)
    same = choosing.same_code(made, engine.deployments.find(made.flow))
    return Deployed(
        made.described(same_code_as=same),
        (f"same code as version {same}",) if same else (),
        schedules.put(planned) if planned else None,
    )


def schedule(
    *, flow: str, every: str, inputs: Mapping[str, Any] | None = None, **more: Any
) -> Schedule:
    """Let the default version of a flow start again and again; return the schedule.

    One of that name is replaced.

    Args:
        flow: The flow.
        every: When, as cron has it.
        inputs: Arguments of the flow by name, as JSON data.
        **more: As `schedules.plan`.

    Raises:
        KitaruUsageError: If the flow is not deployed, and as `schedules.plan`.
        KitaruFeatureNotAvailableError: On a server.
    """
    schema = _resolve(flow).facts.schema
    planned = schedules.plan(
        flow=flow, every=every, inputs=inputs, schema=schema, **more
    )
    return schedules.put(planned)


def _new(
    target: str, project: Path, stack: str | None, tags: tuple[str, ...]
) -> NewVersion:
    root = project.resolve()
    found = flow_targets.load(target, project=root)
    said = settings.check({"stack": stack}, configuration.CALL)
    given = settings.merge(found.given, said)
    options = configuration.for_launch(found.settings, given)
    sha, dirty = commits.of(root)
    return NewVersion(
        flow=found.flow,
        settings=options.settings,
        schema=input_schemas.schema_of(found.flow),
        project=root,
        tags=tags,
        deployed_by=person.here(),
        commit_sha=sha,
        commit_dirty=dirty,
    )


# -- looking -------------------------------------------------------------------


def find(*, flow: str | None = None) -> list[Deployment]:
    """Return the versions of a flow or of all flows: by flow, newest first.

    Raises:
        KitaruUsageError: If the flow has none.
    """
    return [one for found in flows(flow=flow) for one in found.deployments]


def flows(*, flow: str | None = None) -> list[DeployedFlow]:
    """Return the flows that have deployed versions, or one of them, by name.

    Raises:
        KitaruUsageError: If the one has none.
    """
    if flow is not None:
        return [_described(flow, _known(flow))]
    by_flow: dict[str, list[Version]] = {}
    for version in current_engine().deployments.find(None):
        by_flow.setdefault(version.flow, []).append(version)
    return [
        _described(name, known)
        for name, known in sorted(by_flow.items())
        if choosing.living(known)
    ]


def pages(
    *, flow: str | None, page: int, size: int, limit: int | None
) -> Page[Deployment]:
    """Return one page of the versions of a flow or of all flows."""
    return paging.cut(find(flow=flow), page=page, size=size, limit=limit)


def get(*, flow: str, version: int | None = None, tag: str | None = None) -> Deployment:
    """Return a version, by number or tag; the default one if neither is given.

    Raises:
        KitaruUsageError: If there is none, or several versions have the tag.
    """
    found = _resolve(flow, version=version, tag=tag)
    same = choosing.same_code(found, current_engine().deployments.find(flow))
    return found.described(same_code_as=same)


def executions_of(
    *,
    flow: str,
    version: int | None = None,
    tag: str | None = None,
    page: int = 1,
    size: int = paging.DEFAULT_SIZE,
    limit: int | None = None,
) -> Page[Execution]:
    """Return one page of the executions of a version, newest first.

    Raises:
        KitaruUsageError: If there is no such version, or no such page.
    """
    found = _resolve(flow, version=version, tag=tag)
    page, size = paging.window(page=page, size=size, limit=limit)
    return current_engine().find(
        ExecutionQuery(flow, None, page, size, deployment_id=found.deployment_id)
    )


def logs(
    *,
    flow: str,
    version: int | None = None,
    tag: str | None = None,
    execution: str | None = None,
    follow: bool = False,
) -> tuple[Page[Execution], str | None, Iterator[LogEntry]]:
    """Return the newest executions of a version, and the log of one of them.

    Args:
        flow: The flow.
        version: Number of the version.
        tag: A tag of it.
        execution: Whose log it is; the newest one's by default.
        follow: Go on until that has ended.

    Returns:
        The executions, the id of the one whose log it is, and that log.

    Raises:
        KitaruUsageError: If there is no such version, or the execution is of another one.
    """
    found = executions_of(flow=flow, version=version, tag=tag)
    if execution is None:
        chosen = found.items[0].exec_id if found.items else None
    else:
        chosen = executions.resolve(execution)
        _check_is_of(chosen, _resolve(flow, version=version, tag=tag))
    if chosen is None:
        return found, None, iter(())
    return found, chosen, executions.logs(chosen, follow=follow)


# -- changing ------------------------------------------------------------------


def tag(*, flow: str, version: int, tag: str, exclusive: bool = False) -> Deployment:
    """Give a version a tag.

    `default` is always taken from all others: that is how a rollback is done.

    Args:
        flow: The flow.
        version: Number of the version.
        tag: The tag.
        exclusive: Take it from all other versions of the flow.

    Raises:
        KitaruUsageError: If there is no such version, or the tag cannot be.
    """
    wanted = names.checked_tag(tag)
    found = _resolve(flow, version=version)
    current_engine().deployments.tag(
        found, wanted, exclusive=exclusive or wanted == names.DEFAULT
    )
    return get(flow=flow, version=version)


def untag(*, flow: str, tag: str, version: int | None = None) -> Deployment:
    """Take a tag from a version.

    Args:
        flow: The flow.
        tag: The tag.
        version: Number of the version; the only one that has the tag by default.

    Raises:
        KitaruUsageError: If it does not have the tag, or the tag is `default`, which only
            moves.
    """
    wanted = names.checked_tag(tag)
    if wanted == names.DEFAULT:
        raise KitaruUsageError(
            "the tag 'default' cannot be taken away, only moved: kitaru flow tag "
            f"{flow} VERSION default"
        )
    found = _resolve(flow, version=version, tag=None if version else wanted)
    if wanted not in found.tags:
        has = ", ".join(sorted(found.tags)) or "none"
        raise KitaruUsageError(
            f"{found.label} does not have the tag {wanted!r}; its tags: {has}"
        )
    current_engine().deployments.untag(found, wanted)
    return get(flow=flow, version=found.number)


def living_executions(*, flow: str, version: int) -> list[Execution]:
    """Return executions of a version that have not ended, as far as one page goes."""
    found = executions_of(flow=flow, version=version, size=paging.MAX_SIZE)
    return [one for one in found.items if not one.status.is_finished]


def delete(*, flow: str, version: int) -> Deployment:
    """Delete a version and return it; its executions go on.

    Raises:
        KitaruUsageError: If there is no such version.
    """
    found = get(flow=flow, version=version)
    current_engine().deployments.delete(_resolve(flow, version=version))
    return found


# -- invoking ------------------------------------------------------------------


def invoke(
    *,
    flow: str,
    version: int | None = None,
    tag: str | None = None,
    inputs: Mapping[str, Any] | None = None,
    any_python: bool = False,
    budget: object = None,
    found_by: Mapping[str, Any] | None = None,
) -> Started:
    """Start an execution of a version, in another process; no code of it runs here.

    Args:
        flow: The flow.
        version: Number of the version.
        tag: A tag of it; `default` if neither is given.
        inputs: Arguments of the flow by name, as JSON data.
        any_python: Run it on another Python than it was deployed with, if need be.
        budget: What it may spend on language models before it asks.
        found_by: Its `key`, `tags` and `attributes`. If an execution of this flow has
            the key, of whatever version, that one comes back.

    Raises:
        KitaruUsageError: For an unknown flow, version or tag, inputs that do not fit the
            version's schema, a budget or label that cannot be, and a key of another
            flow; nothing was started.
        KitaruBackendError: If its code is missing or damaged; nothing was started.
    """
    found = _resolve(flow, version=version, tag=tag)
    given = rules.named(inputs, "inputs")
    wanted = found_by or {}
    options.check(wanted, options.LABELS, "invoke")
    said = settings.check({"budget": budget}, configuration.CALL)
    invocation = Invocation(
        input_schemas.checked(found.facts.schema, given, what=found.label),
        labels=Labels.from_dict(wanted),
        budget=said.budget,
        any_python=any_python,
    )
    started = keys.start_elsewhere(
        invocation.labels.key,
        flow,
        lambda: current_engine().deployments.invoke(found, invocation),
    )
    # What a key has may be of another one.
    return started if started.notes else replace(started, notes=(_of(found),))


def _of(version: Version) -> str:
    return f"version {version.number}"


# -- choosing ------------------------------------------------------------------


def _resolve(
    flow: str, *, version: int | None = None, tag: str | None = None
) -> Version:
    if version is not None and tag is not None:
        raise KitaruUsageError("version and tag both say which one; use one of them")
    if version is not None:
        number = names.checked_number(version)
        return choosing.by_number(flow, _known(flow), number)
    wanted = names.DEFAULT if tag is None else names.checked_tag(tag)
    try:
        return choosing.by_tag(flow, _known(flow), wanted, looked_again=False)
    except SeveralHoldersError:
        time.sleep(_MOVING)
    return choosing.by_tag(flow, _known(flow), wanted, looked_again=True)


def _known(flow: str) -> list[Version]:
    """Return the versions of a flow.

    Raises:
        KitaruUsageError: If it has none.
    """
    given: object = flow  # users may pass anything
    if not isinstance(given, str) or not given:
        raise KitaruUsageError(f"{given!r} is not the name of a flow")
    deployments = current_engine().deployments
    known = deployments.find(flow)
    if not choosing.living(known):
        others = choosing.living(deployments.find(None))
        raise choosing.no_flow(flow, (other.flow for other in others))
    return known


def _described(flow: str, known: Sequence[Version]) -> DeployedFlow:
    newest_first = choosing.living(known)
    holders = [v for v in newest_first if names.DEFAULT in v.tags]
    latest = max(holders, key=lambda v: (v.updated_at, v.number), default=None)
    return DeployedFlow(
        flow=flow,
        default=latest.number if latest else None,
        deployments=tuple(
            version.described(same_code_as=choosing.same_code(version, known))
            for version in newest_first
        ),
    )


def _check_is_of(execution_id: str, version: Version) -> None:
    number = current_engine().get(execution_id).version
    if number != version.number:
        said = f"of version {number}" if number else "of no deployed version"
        raise KitaruUsageError(
            f"execution {execution_id} is {said}, not of {version.label}; see any log "
            f"with: kitaru executions logs {execution_id}"
        )
