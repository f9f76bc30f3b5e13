"""The ZenML engine in this process, on a copy of the prepared store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kitaru import KitaruClient
from kitaru._engine.open import use_engine
from kitaru._engine.zenml.environment import import_zenml
from tests.support import processes, store

import_zenml()

from zenml.client import Client  # noqa: E402  comes in quietly only after the above
from zenml.config.global_config import GlobalConfiguration  # noqa: E402
from zenml.stack.stack import _STACK_CACHE  # noqa: E402

from kitaru._engine.zenml.engine import ZenMLEngine  # noqa: E402

OpenStore = Callable[[], ZenMLEngine]


def forget_store() -> None:
    """Let ZenML read its configuration again."""
    configuration = GlobalConfiguration.get_instance()
    if configuration is not None and configuration._zen_store is not None:
        configuration._zen_store.engine.dispose()
    # Stacks know the folder of their artifact store.
    _STACK_CACHE.clear()
    GlobalConfiguration._reset_instance()
    Client._reset_instance()


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
