"""Versions and their executions in ZenML's store: the same rows whoever wrote them."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from zenml.client import Client
from zenml.models import PipelineSnapshotUpdate

from kitaru import KitaruClient
from kitaru._engine.local.engine import LocalEngine
from kitaru._engine.open import use_engine
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._ops import deployments
from kitaru.errors import KitaruUsageError
from kitaru.models import Deployment

pytestmark = pytest.mark.zenml

FLOW = """
import kitaru

@kitaru.flow
def noted(topic: str, depth: int = 1) -> str:
    return topic * depth
"""
INPUTS = {"topic": "tides"}
# Ids and moments; who runs it; what this process has imported, and the machine, of which
# ZenML notes more in some processes than in others.
BY_CHANCE = {
    *("id", "created", "updated", "source_snapshot_id", "deployment_id", "runner"),
    *("packages", "client_environment"),
}


@pytest.fixture
def project(config: Path) -> Path:
    folder = Path.cwd()
    (folder / "noted.py").write_text(FLOW)
    return folder


@contextmanager
def without_zenml() -> Iterator[LocalEngine]:
    local = LocalEngine(ZenMLEngine, beside_zenml=True)
    with use_engine(local):
        yield local
    local.journal.close()


def deploy(project: Path) -> Deployment:
    return deployments.deploy("noted.py:noted", project=project, tags=["x"]).deployment


def rows(config: Path, query: str) -> list[dict[str, Any]]:
    database = config / "local_stores" / "default_zen_store" / "zenml.db"
    with closing(sqlite3.connect(database)) as store:
        store.row_factory = sqlite3.Row
        return [dict(row) for row in store.execute(query)]


def steady(value: Any, key: str = "") -> Any:
    if key in BY_CHANCE:
        return "*"
    if value in ("v1", "v2") or key == "number":
        return "a version's"
    if isinstance(value, dict):
        return {name: steady(item, name) for name, item in value.items()}
    if isinstance(value, str) and value[:1] == "{":
        return steady(json.loads(value))
    return value


def test_a_version_and_its_execution_have_the_rows_that_zenml_makes(
    config: Path, project: Path, engine: ZenMLEngine, client: KitaruClient
) -> None:
    through = deploy(project)
    client.deployments.invoke(flow="noted", version=1, inputs=INPUTS)
    with without_zenml():
        plain = deploy(project)
        client.deployments.invoke(flow="noted", version=2, inputs=INPUTS)

    snapshots = rows(config, "SELECT * FROM pipeline_snapshot ORDER BY created")
    one, of_one, two, of_two = map(steady, snapshots)
    assert one == two
    assert of_one == of_two
    sources = [row["source_snapshot_id"] for row in snapshots]
    ids = [UUID(made.deployment_id).hex for made in (through, plain)]
    assert sources == [None, ids[0], None, ids[1]]
    tags = rows(
        config,
        "SELECT s.name, t.name AS tag FROM tag_resource x JOIN tag t ON t.id = x.tag_id "
        "JOIN pipeline_snapshot s ON s.id = x.resource_id",
    )
    found = {(row["name"], row["tag"]) for row in tags}
    marks = {(v, tag) for v in ("v1", "v2") for tag in ("kitaru", "kitaru-version")}
    assert found == marks | {("v2", "default"), ("v2", "x")}


def test_a_version_whose_deployer_died_before_tagging_is_put_right(
    project: Path, engine: ZenMLEngine, client: KitaruClient
) -> None:
    first = deploy(project)
    untagged = PipelineSnapshotUpdate(
        remove_tags=["kitaru", "kitaru-version", "default", "x"]
    )
    Client().zen_store.update_snapshot(UUID(first.deployment_id), untagged)

    assert [one.version for one in client.deployments.list(flow="noted")] == [1]
    assert deploy(project).version == 2
    again = Client().zen_store.get_snapshot(UUID(first.deployment_id))
    assert {tag.name for tag in again.tags} == {"kitaru", "kitaru-version"}


def test_deployers_at_once_get_numbers_of_their_own(
    project: Path, engine: ZenMLEngine, client: KitaruClient
) -> None:
    deploy(project)
    made: list[int] = []

    def together() -> None:
        with without_zenml() as local:
            new = deployments._new("noted.py:noted", project, None, ())
            made.append(local.deployments.create(new).number)

    threads = [threading.Thread(target=together) for _ in range(4)]
    for thread in threads:
        thread.start()
    made.append(deploy(project).version)
    for thread in threads:
        thread.join()

    assert sorted(made) == [2, 3, 4, 5, 6]
    holders = [v.version for v in client.deployments.list() if "default" in v.tags]
    assert holders == [6]


def test_a_version_is_not_run_by_another_python_unless_asked(
    config: Path, project: Path, engine: ZenMLEngine, client: KitaruClient
) -> None:
    deploy(project)
    database = config / "local_stores" / "default_zen_store" / "zenml.db"
    with closing(sqlite3.connect(database)) as store:
        ((text,),) = store.execute(
            "SELECT pipeline_configuration FROM pipeline_snapshot WHERE name = 'v1'"
        )
        data = json.loads(text)
        code = data["extra"]["kitaru"]["deployed"]
        code |= {"python": "/gone/python", "python_version": "3.2.1"}
        store.execute(
            "UPDATE pipeline_snapshot SET pipeline_configuration = ?",
            (json.dumps(data),),
        )
        store.commit()

    with pytest.raises(KitaruUsageError, match=r"Python 3\.2\.1 .*--any-python"):
        client.deployments.invoke(flow="noted", inputs=INPUTS)
    assert client.executions.list() == []
    started = deployments.invoke(flow="noted", inputs=INPUTS, any_python=True)
    assert client.executions.get(started.exec_id).version == 1


def test_a_named_snapshot_of_somebody_else_keeps_its_name(
    project: Path, engine: ZenMLEngine, client: KitaruClient
) -> None:
    deploy(project)
    with without_zenml():
        deploy(project)
    second = client.deployments.get(flow="noted", version=2)
    Client().zen_store.update_snapshot(
        UUID(second.deployment_id), PipelineSnapshotUpdate(name="nightly")
    )

    assert [one.version for one in client.deployments.list()] == [1]
    assert deploy(project).version == 2
