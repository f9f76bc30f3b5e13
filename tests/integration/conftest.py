"""The ZenML engine in this process, on a copy of the prepared store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kitaru import KitaruClient
from kitaru._engine.open import use_engine
from kitaru._engine.zenml.engine import ZenMLEngine
from tests.support import processes, store
from tests.support.in_process import forget_store

OpenStore = Callable[[], ZenMLEngine]


@pytest.fixture
def config(
    prepared_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A store of its own, which this process is connected to."""
    folder = store.copy(prepared_store, tmp_path / "config")
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(folder))
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(folder))
    forget_store()
    yield folder
    forget_store()
    processes.end_all_using(folder)


@pytest.fixture
def engine(config: Path) -> Iterator[ZenMLEngine]:
    """The engine as users get it."""
    opened = ZenMLEngine()
    with use_engine(opened):
        yield opened
    opened.journal.close()


@pytest.fixture
def client(engine: ZenMLEngine) -> KitaruClient:
    """A client of that engine."""
    return KitaruClient()
