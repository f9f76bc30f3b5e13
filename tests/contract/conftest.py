"""Every engine must pass this suite.

That is: in memory, on a local store without ZenML, ZenML with journal, ZenML without.
Where the cases of a test are a table of a rule that stands above the engines, the table is
gone through in memory, and each engine shows that it asks the rule: `shared_rule` names
the parameters that are the table.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kitaru._engine.local.engine import LocalEngine
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from kitaru._engine.port.engine import Engine
from kitaru.client import KitaruClient
from tests.support import store

ENGINES = ("memory", "local", "journal", "store")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the further cases of a rule that engines share to the engine in memory."""
    met: set[tuple[object, ...]] = set()
    items[:] = [item for item in items if not _is_told_in_memory(item, met)]


def _is_told_in_memory(item: pytest.Item, met: set[tuple[object, ...]]) -> bool:
    rule = item.get_closest_marker("shared_rule")
    call = getattr(item, "callspec", None)
    if rule is None or call is None or call.params.get("engine") == "memory":
        return False
    assert set(rule.args) <= set(call.indices), f"{item.nodeid}: {rule.args}"
    others = ((k, place) for k, place in call.indices.items() if k not in rule.args)
    case = (item.path, getattr(item, "originalname", ""), *others)
    is_known = case in met
    met.add(case)
    return is_known


@pytest.fixture(scope="session")
def zenml_store(
    prepared_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """One store for the whole suite; its flows have names of their own."""
    from tests.support.in_process import forget_store

    folder = store.copy(prepared_store, tmp_path_factory.mktemp("contract") / "config")
    names = ("KITARU_CONFIG_PATH", "ZENML_CONFIG_PATH")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, str(folder)))
    forget_store()
    yield folder
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Run the test on one engine."""
    if request.param == "memory":
        memory = MemoryEngine()
        with use_engine(memory):
            yield memory
        return
    request.getfixturevalue("zenml_store")
    from kitaru._engine.zenml.engine import ZenMLEngine
    from tests.support import without_zenml

    if request.param == "local":
        local = LocalEngine(ZenMLEngine, beside_zenml=True)
        with use_engine(local):
            yield local
        local.journal.close()
        return
    made = ZenMLEngine(synchronous=request.param == "store")
    with use_engine(made):
        yield made
    without_zenml.compare_newest(made)
    made.journal.close()


@pytest.fixture
def client(engine: Engine) -> KitaruClient:
    """A client of the engine under test."""
    return KitaruClient()
