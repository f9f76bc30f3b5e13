"""The alerter of the active stack is told what webhooks are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from zenml.client import Client
from zenml.enums import StackComponentType

from kitaru import KitaruClient, flow, wait
from kitaru._engine.local.engine import LocalEngine
from kitaru._engine.open import use_engine
from kitaru._engine.runners import delivery
from kitaru._engine.zenml.engine import ZenMLEngine
from tests.support import alerter
from tests.support.polling import eventually

pytestmark = pytest.mark.zenml


@pytest.fixture
def told(engine: ZenMLEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an alerter that the active stack has."""
    file = tmp_path / "alerts"
    monkeypatch.setenv(alerter.FILE, str(file))
    # The flavor is found by its name, in another process, too.
    root = str(Path(alerter.__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", root)
    client = Client()
    client.create_flavor(
        source=f"{alerter.__name__}.FileAlerterFlavor",
        component_type=StackComponentType.ALERTER,
    )
    client.create_stack_component(
        name="chat",
        flavor="file_alerter",
        component_type=StackComponentType.ALERTER,
        configuration={},
    )
    old = client.active_stack_model
    components: dict[Any, Any] = {
        kind: [part.id for part in parts] for kind, parts in old.components.items()
    }
    components[StackComponentType.ALERTER] = ["chat"]
    client.create_stack(name="alerting", components=components)
    client.activate_stack("alerting")
    return file


@flow(notify={"alerter": True, "link": "https://pages.example"})
def asking() -> bool:
    return bool(wait(schema=bool, name="ok", question="Go?", timeout=0))


def test_the_alerter_of_the_stack_is_told(
    engine: ZenMLEngine, client: KitaruClient, told: Path
) -> None:
    told.mkdir()
    handle = asking.run()
    (late,) = client.executions.get(handle.exec_id).undelivered
    assert late.webhook == "the alerter"
    assert "IsADirectoryError" in late.problem
    told.rmdir()

    with engine.journal.transaction() as db:
        db.execute("UPDATE due SET at = 1 WHERE kind = 'alert'")
    delivery.deliver(engine)

    short = handle.exec_id[:8]
    first, page = told.read_text().splitlines()[:2]
    assert first == (
        f"execution {short} waits for 'ok': Go? (answer with: kitaru executions input "
        f"{short})"
    )
    assert page.startswith(f"https://pages.example/executions/{handle.exec_id}/waits/")
    assert client.executions.get(handle.exec_id).undelivered == ()
    client.executions.cancel(handle.exec_id)


def test_a_process_without_zenml_lets_another_one_do_it(
    engine: ZenMLEngine, told: Path
) -> None:
    local = LocalEngine(ZenMLEngine, beside_zenml=True)
    with use_engine(local):
        handle = asking.run()
        eventually(
            lambda: told.exists() and handle.exec_id[:8] in told.read_text(),
            what="the alert",
        )
        eventually(lambda: not local.notices.has_alerts(), what="all told")
    local.journal.close()
