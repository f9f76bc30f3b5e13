"""Every engine must pass this suite: in memory, ZenML with journal, ZenML without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kitaru._engine.open import use_engine
from kitaru._engine.port import Engine
from kitaru.client import KitaruClient

ENGINES = ("memory", "journal", "store")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Run the test on one engine."""
    made = make_engine(request)
    with use_engine(made):
        yield made


def make_engine(request: pytest.FixtureRequest) -> Engine:
    """Return a fresh engine of the requested kind."""
    if request.param == "memory":
        from kitaru._engine.memory import MemoryEngine

        return MemoryEngine()
    request.getfixturevalue("zenml_store")
    from kitaru._engine.zenml.engine import ZenMLEngine

    return ZenMLEngine(synchronous=request.param == "store")


@pytest.fixture
def client(engine: Engine) -> KitaruClient:
    """A client of the engine under test."""
    return KitaruClient()


@pytest.fixture(scope="session")
def zenml_store(tmp_path_factory):
    import os

    os.environ["KITARU_CONFIG_PATH"] = str(tmp_path_factory.mktemp("cfg"))
    from kitaru._engine.zenml.environment import import_zenml

    import_zenml()
