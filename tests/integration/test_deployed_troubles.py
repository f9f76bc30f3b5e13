"""What a version needs and is not there: each is told before anything starts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from zenml.client import Client
from zenml.models import (
    BuildItem,
    PipelineBuildRequest,
    PipelineSnapshotRequest,
    PipelineSnapshotResponse,
)

from kitaru import KitaruClient, connect, create_stack, delete_stack, use_stack
from kitaru._engine.local.engine import LocalEngine
from kitaru._engine.open import use_engine
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._ops import curl, deployments
from kitaru.errors import (
    KitaruFeatureNotAvailableError,
    KitaruStateError,
    KitaruUsageError,
)
from kitaru.models import Deployment
from tests.support.server import RunningServer
from tests.support.store import kitaru_command
from tests.support.workspace import Workspace

pytestmark = pytest.mark.zenml

FLOW = """
import kitaru

@kitaru.flow
def noted(topic: str = "tides") -> str:
    return topic
"""


def deploy(**wanted: Any) -> Deployment:
    Path("noted.py").write_text(FLOW)
    return deployments.deploy("noted.py:noted", project=Path.cwd(), **wanted).deployment


def on_each_engine(through: ZenMLEngine) -> Iterator[None]:
    """Go on through ZenML, and once more without it."""
    with use_engine(through):
        yield
    local = LocalEngine(ZenMLEngine, beside_zenml=True)
    with use_engine(local):
        yield
    local.journal.close()


def change_facts(config: Path, **changes: Any) -> None:
    """Let all versions say something else of their code."""
    database = config / "local_stores" / "default_zen_store" / "zenml.db"
    with closing(sqlite3.connect(database)) as store:
        ((text,),) = store.execute(
            "SELECT pipeline_configuration FROM pipeline_snapshot WHERE name = 'v1'"
        )
        data = json.loads(text)
        data["extra"]["kitaru"]["deployed"] |= changes
        store.execute(
            "UPDATE pipeline_snapshot SET pipeline_configuration = ?",
            (json.dumps(data),),
        )
        store.commit()


def test_a_version_whose_stack_was_deleted_says_so(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    create_stack("short-lived", activate=False)
    deploy(stack="short-lived")
    use_stack("default")
    delete_stack("short-lived")

    for _ in on_each_engine(engine):
        with pytest.raises(KitaruUsageError, match=r"stack of version 1 .* deleted"):
            client.deployments.invoke(flow="noted")
    assert client.executions.list() == []
    assert client.deployments.get(flow="noted").stack is None


def test_code_in_a_folder_of_another_machine_is_named(
    config: Path, engine: ZenMLEngine, client: KitaruClient
) -> None:
    deploy()
    change_facts(
        config, host="laptop-7", uri="/home/ann/code/b1c2.tar.gz", code="b1c2" * 16
    )

    for _ in on_each_engine(engine):
        with pytest.raises(KitaruUsageError, match=r"on laptop-7, .*b1c2\.tar\.gz"):
            client.deployments.invoke(flow="noted")
    assert client.executions.list() == []


def runnable_twin(first: PipelineSnapshotResponse) -> None:
    """Make a second version with an image, as one of a remote stack has."""
    store, image = Client().zen_store, BuildItem(image="registry.invalid/noted:1")
    assert first.stack is not None
    build = store.create_build(
        PipelineBuildRequest(
            project=first.project_id,
            stack=first.stack.id,
            pipeline=first.pipeline.id,
            images={"orchestrator": image},
            is_local=False,
            contains_code=False,
        )
    )
    store.create_snapshot(
        PipelineSnapshotRequest(
            project=first.project_id,
            stack=first.stack.id,
            pipeline=first.pipeline.id,
            build=build.id,
            name="v2",
            tags=["default"],
            is_dynamic=True,
            run_name_template=first.run_name_template,
            pipeline_configuration=first.pipeline_configuration,
            step_configurations={},
            client_environment={},
            client_version=first.client_version,
            server_version=first.server_version,
        )
    )


def test_a_team_server_says_what_it_does_not_do(
    config: Path, zenml_server: RunningServer
) -> None:
    connect(zenml_server.url, api_key=zenml_server.api_key)
    with pytest.raises(
        KitaruFeatureNotAvailableError, match=r"kitaru invoke FLOW --key"
    ):
        deploy(schedule={"every": "0 7 * * *"})
    assert deployments.find() == []
    with pytest.raises(KitaruFeatureNotAvailableError, match="schedules are kept by"):
        KitaruClient().schedules.list()

    first = deploy()
    with pytest.raises(
        KitaruStateError, match=r"cannot start version 1 .*kitaru invoke"
    ):
        curl.command(flow="noted")
    runnable_twin(Client().get_snapshot(first.deployment_id))
    with pytest.raises(KitaruStateError, match=r"no workload manager.*kitaru invoke"):
        curl.command(flow="noted", version=2)


# As on a full disk no file grows beyond a size.
CRAMPED = """
    import os
    import resource
    import sys

    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
    os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.e2e
def test_without_room_nothing_is_deployed_or_started_and_later_all_is(
    workspace: Workspace,
) -> None:
    workspace.script("noted.py", FLOW)
    cramped = workspace.script("cramped.py", CRAMPED)

    def without_room(*words: str) -> str:
        # No byte code that is cut.
        python = workspace.environment | {"PYTHONDONTWRITEBYTECODE": "1"}
        done = workspace.start_python(
            cramped, "100", kitaru_command(), *words, environment=python
        ).finish()
        assert (done.code, "Traceback" in done.both) == (1, False), done.both
        return done.both

    told = without_room("deploy", "noted.py:noted")
    assert workspace.kitaru_items("flow", "list") == []
    workspace.kitaru("deploy", "noted.py:noted")
    told_again = without_room("invoke", "noted")
    assert workspace.kitaru_items("executions", "list") == []
    workspace.kitaru("invoke", "noted", "--wait")

    assert "the code cannot be stored in" in told
    assert "Error: " in told_again
