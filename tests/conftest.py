"""Fixtures for the suites on real local ZenML."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import server, store
from tests.support.server import RunningServer
from tests.support.workspace import Workspace

# A shell ignores Ctrl-C for what it starts in the background; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Before anything imports ZenML: nothing of the user's own set-up may leak in.
for _name in store.inherited(os.environ):
    del os.environ[_name]


@pytest.fixture(scope="session")
def prepared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local store, set up once; take copies of it."""
    root = tmp_path_factory.mktemp("prepared")
    config = root / "config"
    store.prepare(config, root / "home")
    return config


@pytest.fixture(scope="session")
def zenml_server(
    prepared_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server that asks for credentials; tests share it."""
    folder = tmp_path_factory.mktemp("server") / "server"
    with server.running(prepared_store, folder) as started:
        yield started


@pytest.fixture
def workspace(prepared_store: Path, tmp_path: Path) -> Iterator[Workspace]:
    """An empty project folder with a store of its own."""
    place = Workspace(tmp_path, store.copy(prepared_store, tmp_path / "config"))
    yield place
    place.end()
