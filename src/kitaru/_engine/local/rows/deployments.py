"""The rows of deployed versions: named snapshots, their tags, and what runs are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kitaru._core.flows.facts import ExecutionFacts
from kitaru._core.versions import names
from kitaru._core.versions.records import Version, VersionFacts
from kitaru._engine.local.rows import runs
from kitaru._engine.local.rows.store_rows import StoreRows, Transaction, stored_id
from kitaru._engine.local.rows.tags import attach, detach
from kitaru._engine.local.store.file import EXTRA_KEY, TAG
from kitaru.errors import KitaruStateError

KIND = "pipeline_snapshot"


@dataclass(frozen=True, slots=True)
class NewVersionRow:
    """A version to be made.

    Attributes:
        flow: Name of the flow.
        facts: What it is made of; it gets its number here.
        code: The source of the flow, for people.
        tags: Those that move here from earlier versions.
        description: What it is, in a line.
    """

    flow: str
    facts: VersionFacts
    code: str
    tags: tuple[str, ...]
    description: str


def create(store: StoreRows, new: NewVersionRow) -> str:
    """Make the next version of a flow; return its id.

    Raises:
        KitaruBackendError: If the store refuses; nothing was made.
    """
    listed = runs.listed_packages()
    with store.transaction(f"deploying flow {new.flow!r}") as rows:
        pipeline = runs.pipeline_of(rows, new.flow)
        known = _known(rows, pipeline)
        number = max((one for _, one, _ in known), default=0) + 1
        deployed = replace(new.facts.deployed, number=number)
        made = runs.snapshot(
            rows,
            store,
            runs.NewSnapshot(
                new.flow,
                new.facts.source,
                new.code,
                {},
                replace(new.facts, deployed=deployed).to_dict(),
            ),
            pipeline,
            {
                "name": names.name_of(number),
                "description": new.description,
                "code_path": deployed.uri,
            },
        )
        runs.put_packages(rows, made, listed)
        moving = [names.DEFAULT, *new.tags]
        attach(rows, [*names.MARKS, *moving], made, KIND)
        for earlier, _, is_deleted in known:
            if is_deleted:
                # The new number keeps the old one from being used.
                _remove(rows, earlier)
            else:
                _take(rows, moving, earlier)
    return made


def tag(store: StoreRows, version: Version, name: str, *, exclusive: bool) -> None:
    """Give a version a tag; if exclusive, take it from all others of the flow.

    Raises:
        KitaruStateError: If the version was deleted meanwhile.
    """
    with store.transaction(f"tagging {version.label}") as rows:
        one = stored_id(version.deployment_id)
        pipeline = _living_pipeline(rows, version)
        attach(rows, [name], one, KIND)
        _touch(rows, one)
        if exclusive:
            for other, _, _ in _known(rows, pipeline):
                if other != one:
                    _take(rows, [name], other)


def untag(store: StoreRows, version: Version, name: str) -> None:
    """Take a tag from a version.

    Raises:
        KitaruStateError: If the version was deleted meanwhile.
    """
    with store.transaction(f"tagging {version.label}") as rows:
        _living_pipeline(rows, version)
        _take(rows, [name], stored_id(version.deployment_id))


def delete(store: StoreRows, version: Version) -> None:
    """Delete a version; the highest one leaves its name behind, so that none gets it again.

    Raises:
        KitaruStateError: If it was deleted meanwhile.
    """
    with store.transaction(f"deleting {version.label}") as rows:
        pipeline, one = (
            _living_pipeline(rows, version),
            stored_id(version.deployment_id),
        )
        if version.number < max(number for _, number, _ in _known(rows, pipeline)):
            _remove(rows, one)
            return
        rows.db.execute(
            "UPDATE pipeline_snapshot SET name = ?, updated = ? WHERE id = ?",
            (names.mark_of(version.number), rows.now, one),
        )
        rows.db.execute(
            "DELETE FROM tag_resource WHERE resource_id = ? AND tag_id NOT IN "
            "(SELECT id FROM tag WHERE name IN (?, ?))",
            (one, *names.MARKS),
        )


def derive(store: StoreRows, new: runs.NewRun) -> bool:
    """Make the run of an execution of a version, not started yet.

    What ZenML keeps of how it was started is that of the version, but for the inputs.

    Args:
        store: The store.
        new: The execution; its facts name the version.

    Returns:
        Whether it was made; not if the version is gone.

    Raises:
        KeyTakenError: If there is an execution of its key; nothing was made.
    """
    assert new.facts.deployed is not None
    one = stored_id(new.facts.deployed.deployment_id)
    with store.transaction(f"starting flow {new.flow!r}") as rows:
        found = rows.db.execute("SELECT * FROM pipeline_snapshot WHERE id = ?", (one,))
        columns = [column[0] for column in found.description]
        values = found.fetchone()
        if values is None:
            return False
        version = dict(zip(columns, values, strict=True))
        made = _derived(rows, version, new.facts, new.shown_inputs)
        runs.run(rows, new, version["pipeline_id"], made)
    return True


def _derived(
    rows: Transaction,
    version: Mapping[str, Any],
    facts: ExecutionFacts,
    shown_inputs: Mapping[str, Any],
) -> str:
    configuration, spec = (
        json.loads(version[name])
        for name in ("pipeline_configuration", "pipeline_spec")
    )
    parameters = configuration["parameters"] | {"inputs": dict(shown_inputs)}
    configuration |= {
        "parameters": parameters,
        "extra": {EXTRA_KEY: facts.to_dict()},
        "tags": [TAG, *facts.labels.tags],
    }
    made = rows.row()
    changed = {
        "name": None,
        "run_name_template": runs.name_of(facts.labels) or version["run_name_template"],
        "description": None,
        "pipeline_configuration": json.dumps(
            configuration, separators=(",", ":"), ensure_ascii=False
        ),
        "pipeline_spec": json.dumps(spec | {"parameters": parameters}, sort_keys=True),
        "user_id": rows.user,
        "source_snapshot_id": version["id"],
    }
    rows.insert("pipeline_snapshot", {**version, **made, **changed})
    return str(made["id"])


def _known(rows: Transaction, pipeline: str) -> list[tuple[str, int, bool]]:
    """Return id and number of all versions, and whether only a mark is left of them."""
    found = rows.all(
        "SELECT id, name FROM pipeline_snapshot "
        "WHERE pipeline_id = ? AND name IS NOT NULL",
        [pipeline],
    )
    read = ((one, names.read(name)) for one, name in found)
    return [(one, *said) for one, said in read if said is not None]


def _living_pipeline(rows: Transaction, version: Version) -> str:
    pipeline: str | None = rows.one(
        "SELECT pipeline_id FROM pipeline_snapshot WHERE id = ? AND name = ?",
        stored_id(version.deployment_id),
        names.name_of(version.number),
    )
    if pipeline is None:
        raise KitaruStateError(f"{version.label} was deleted a moment ago")
    return pipeline


def _take(rows: Transaction, tags: list[str], version: str) -> None:
    before = rows.db.total_changes
    detach(rows, tags, version)
    if rows.db.total_changes > before:
        _touch(rows, version)


def _touch(rows: Transaction, version: str) -> None:
    rows.db.execute(
        "UPDATE pipeline_snapshot SET updated = ? WHERE id = ?", (rows.now, version)
    )


def _remove(rows: Transaction, version: str) -> None:
    rows.db.execute("DELETE FROM tag_resource WHERE resource_id = ?", (version,))
    rows.db.execute(
        "UPDATE pipeline_snapshot SET source_snapshot_id = NULL "
        "WHERE source_snapshot_id = ?",
        (version,),
    )
    rows.db.execute("DELETE FROM pipeline_snapshot WHERE id = ?", (version,))
