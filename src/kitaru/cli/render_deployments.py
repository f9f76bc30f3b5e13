"""Deployed versions of flows as text for people."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from kitaru._core.waits import hints, schemas
from kitaru._core.words import plain
from kitaru._core.words.similar import cut
from kitaru._core.words.wording import many, size
from kitaru._ops import keys
from kitaru._ops.deployments import Deployed
from kitaru._ops.replays import Started
from kitaru.cli import render, schedules, tables
from kitaru.cli.screen import say
from kitaru.models import Build, DeployedFlow, Deployment, Execution, Page

_CODE = 12
_COMMIT = 7
_LONGEST = 100


def built(made: Build) -> None:
    """Print what a version would be made of."""
    say(f"{made.flow} can be deployed on stack {made.stack}")
    rows = [
        ("code", f"{made.code}  {many(made.files, 'file')}, {size(made.size)}"),
        ("archive", made.uri),
        ("python", made.python_version),
    ]
    if made.image_digest:
        rows.append(("image", made.image_digest))
    rows += [("package", f"{name} {one}") for name, one in made.packages.items()]
    say(*tables.aligned(rows), *_inputs(made.schema))


def deployed(made: Deployed) -> None:
    """Print a new version, and what to type next."""
    item = made.deployment
    code = f"code {item.code[:_CODE]}, {many(item.files, 'file')}, {size(item.size)}"
    say(f"{item.flow} version {item.version} ({code}) on stack {item.stack}")
    say(*(f"  {note}" for note in made.notes))
    if item.commit_dirty:
        say("  files differ from the commit; what was deployed are the files")
    say(f"  start it with: {_invocation(item)}")
    if made.schedule is not None:
        schedules.planned(made.schedule)


def invoked(item: Execution, started: Started) -> None:
    """Print the execution that was started, and who goes on with it."""
    if started.continuation.how == keys.KNOWN:
        render.line(item)
        return
    say(f"{item.flow_name} version {item.version}: {item.exec_id}")
    render.goes_on(item, started.continuation)


def starting(flow: str, started: Started) -> None:
    """Print the execution that is about to be followed."""
    say(f"{flow} {', '.join(started.notes)}: {started.exec_id}")


def flows(found: Sequence[DeployedFlow]) -> None:
    """Print a table of deployed flows."""
    page = Page[DeployedFlow](
        items=tuple(found), total=len(found), page=1, size=max(1, len(found))
    )
    tables.listing(
        page,
        ("FLOW", "DEFAULT", "VERSIONS", "TAGS", "LAST DEPLOYED"),
        lambda item: (
            item.flow,
            str(item.default or "-"),
            str(len(item.deployments)),
            ", ".join(_tags_of(item)) or "-",
            render.ago(item.deployments[0].created_at),
        ),
        nothing="No flow is deployed. Deploy one with: kitaru deploy FILE.py:FLOW",
    )


def flow(item: DeployedFlow) -> None:
    """Print a deployed flow: its versions, and the inputs of the default one."""
    shown = [one for one in item.deployments if one.version == item.default]
    default = shown[0] if shown else item.deployments[0]
    said = f"version {item.default} is invoked by default"
    say(f"{item.flow}: {said if item.default else 'no version is the default one'}")
    rows = ((str(one.version), *_row(one)[1:]) for one in item.deployments)
    say(*tables.aligned([("VERSION", *_COLUMNS[2:]), *rows]))
    say(*_inputs(default.schema), f"  start it with: {_invocation(default)}")


_COLUMNS = ("FLOW", "VERSION", "TAGS", "CODE", "COMMIT", "STACK", "BY", "DEPLOYED")


def versions(page: Page[Deployment]) -> None:
    """Print a table of versions."""
    tables.listing(
        page,
        _COLUMNS,
        lambda item: (item.flow, *_row(item)),
        nothing="No version is deployed. Deploy one with: kitaru deploy FILE.py:FLOW",
    )


def version(item: Deployment) -> None:
    """Print all there is to say of a version."""
    say(f"{item.flow} version {item.version}")
    rows = [
        ("id", item.deployment_id),
        ("tags", ", ".join(item.tags) or "none"),
        ("stack", item.stack or "was deleted"),
        ("code", f"{item.code}  {many(item.files, 'file')}, {size(item.size)}"),
        ("same code as", f"version {item.same_code_as}" if item.same_code_as else "-"),
        ("commit", _commit(item, whole=True)),
        ("folder", item.project),
        ("deployed", f"{render.ago(item.created_at)} by {item.deployed_by or '-'}"),
        ("python", item.python_version),
    ]
    if item.image_digest:
        rows.append(("image", item.image_digest))
    say(*(plain.line(line) for line in tables.aligned(rows)))
    say(*_inputs(item.schema), f"  start it with: {_invocation(item)}")


def tagged(item: Deployment) -> None:
    """Print the tags that a version has by now."""
    tags = ", ".join(item.tags) or "no tags"
    say(f"{item.flow} version {item.version}: {tags}")


def deleted(item: Deployment, living: str) -> None:
    """Print which version was deleted, and what goes on."""
    say(f"deleted {item.flow} version {item.version}; its number is not used again")
    if living:
        say(f"  its executions go on: {living}")
    if "default" in item.tags:
        say(
            "  no version is the default one now; make one it: "
            f"kitaru flow tag {item.flow} VERSION default"
        )


def _row(item: Deployment) -> tuple[str, ...]:
    same = f" = {item.same_code_as}" if item.same_code_as else ""
    return (
        str(item.version),
        ", ".join(item.tags) or "-",
        f"{item.code[:_CODE]}{same}",
        _commit(item),
        item.stack or "-",
        item.deployed_by or "-",
        render.ago(item.created_at),
    )


def _commit(item: Deployment, *, whole: bool = False) -> str:
    if item.commit_sha is None:
        return "-"
    sha = item.commit_sha if whole else item.commit_sha[:_COMMIT]
    return f"{sha} dirty" if item.commit_dirty else sha


def _tags_of(item: DeployedFlow) -> list[str]:
    return [
        f"{tag} ({one.version})"
        for one in item.deployments
        for tag in one.tags
        if tag != "default"
    ]


def _inputs(schema: Mapping[str, Any]) -> list[str]:
    """Return the inputs of a flow as lines: what they are, and which are needed."""
    required = schema.get("required", ())
    lines = []
    for name, part in schema.get("properties", {}).items():
        need = "" if name in required else " (optional)"
        whole = schemas.resolved(part, schema)
        shown = {key: said for key, said in whole.items() if key != "title"}
        text = cut(json.dumps(shown, ensure_ascii=False), _LONGEST)
        lines.append(plain.line(f"  input {name}{need}: {text}"))
    if schema.get("additionalProperties") is not False:
        lines.append("  and any other inputs by name")
    return lines


def _invocation(item: Deployment) -> str:
    which = "" if "default" in item.tags else f" --version {item.version}"
    needed = item.schema.get("required", ())
    example = hints.example(item.schema) if needed else None
    args = f" --args {shlex.quote(example or '{…}')}" if needed else ""
    return f"kitaru invoke {item.flow}{which}{args}"
