"""Settings of property tests, reports, and fixtures of real local ZenML."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support import server, store
from tests.support.server import RunningServer
from tests.support.workspace import Workspace

# A shell ignores Ctrl-C for what it starts in the background; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Before anything imports ZenML: nothing of the user's own set-up may leak in.
for _name in store.inherited(os.environ):
    del os.environ[_name]

# The same examples each time, whatever an earlier run left on disk: the gate must not
# depend on luck. `pytest --hypothesis-profile=search` looks for new ones.
settings.register_profile("search", deadline=None, database=None, max_examples=1000)
settings.register_profile(
    "steady", deadline=None, database=None, max_examples=80, derandomize=True
)
settings.load_profile("steady")


_LONGEST_ID = 400


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a value of megabytes in the name of a test.

    Names are sent between processes and stand in the environment of each of them.
    """
    for item in items:
        if len(item.nodeid) > _LONGEST_ID:
            raise pytest.UsageError(f"give {item.nodeid[:_LONGEST_ID]}… a shorter id")


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Send what UTF-8 cannot hold with escapes.

    A worker whose test failed over half of a surrogate pair could not say so, and ended.
    """
    return _sendable((yield))


def _sendable(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case dict():
            return {_sendable(key): _sendable(each) for key, each in value.items()}
        case list() | tuple():
            return type(value)(_sendable(each) for each in value)
    return value


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
