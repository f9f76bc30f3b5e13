"""Agents on real local ZenML, and the drivers of the conformance suite."""

from __future__ import annotations

import shutil

import pytest

from tests.adapters.conformance.drivers import DRIVERS, HERE, Driver
from tests.support.workspace import Workspace


@pytest.fixture(params=DRIVERS, ids=str)
def driver(request: pytest.FixtureRequest, workspace: Workspace) -> Driver:
    """An adapter, its program in the project folder as `agent.py`."""
    found: Driver = request.param
    shutil.copy(found.program, workspace.project / "agent.py")
    shutil.copy(HERE / "work.py", workspace.project / "work.py")
    for file in found.files:
        shutil.copy(file, workspace.project)
    (workspace.project / "flavour").write_text(found.flavour)
    return found


@pytest.fixture(autouse=True)
def nothing_of_the_users(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests in memory must not reach a store; one that does finds an empty folder."""
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(tmp_path_factory.mktemp("nothing")))
