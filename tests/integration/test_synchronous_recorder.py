"""Without a durable disk every outcome is in ZenML before the flow goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from zenml.client import Client

from kitaru import KitaruClient, checkpoint, flow, log, wait
from kitaru._engine.open import use_engine
from kitaru._engine.zenml.engine import ZenMLEngine

pytestmark = pytest.mark.zenml


class Note(BaseModel):
    text: str


@pytest.fixture
def engine(config: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZenMLEngine]:
    # What a pod finds is of the execution that it runs; here a journal would say so.
    monkeypatch.setenv("KITARU_TRUST_PICKLES", "true")
    opened = ZenMLEngine(synchronous=True)
    with use_engine(opened):
        yield opened
    opened.journal.close()


def lose_journal(engine: ZenMLEngine) -> ZenMLEngine:
    """Return a new engine after the local disk is gone."""
    engine.journal.close()
    for file in engine.journal.path.parent.glob("journal.db*"):
        file.unlink()
    return ZenMLEngine(synchronous=True)


def test_outcome_is_in_zenml_before_the_flow_goes_on(engine: ZenMLEngine) -> None:
    seen: list[object] = []

    @checkpoint
    def make(n: int) -> Note:
        return Note(text=str(n))

    @flow
    def looking() -> None:
        for n in range(2):
            make(n)
            (run,) = Client().list_pipeline_runs().items
            step = sorted(run.steps)[-1]
            seen.append(run.steps[step].output.load())

    looking.run().get()

    assert seen == [Note(text="0"), Note(text="1")]


def test_ends_as_with_the_journal(engine: ZenMLEngine, client: KitaruClient) -> None:
    @checkpoint
    def good() -> tuple[int, str]:
        log(cost=3)
        return (1, "a")

    @checkpoint
    def bad() -> None:
        raise LookupError("nothing there")

    @flow
    def mixed() -> tuple[int, str]:
        value = good()
        try:
            bad()
        except LookupError:
            return value
        return (0, "")

    handle = mixed.run()

    assert handle.get() == (1, "a")
    calls = client.executions.get(handle.exec_id).checkpoints
    assert [(c.name, c.status) for c in calls] == [
        ("good", "completed"),
        ("bad", "failed"),
    ]
    assert calls[0].metadata == {"cost": 3}


def test_retry_after_a_lost_disk_reuses_what_zenml_has(engine: ZenMLEngine) -> None:
    ran: list[str] = []
    broken = True

    @checkpoint
    def first() -> Note:
        ran.append("first")
        return Note(text="kept")

    @checkpoint
    def caught() -> None:
        ran.append("caught")
        raise LookupError("nothing there")

    @checkpoint
    def second(note: Note) -> str:
        ran.append("second")
        if broken:
            raise OSError("down")
        return note.text

    @flow
    def surviving(suffix: str) -> str:
        note = first()
        try:
            caught()
        except LookupError:
            note = Note(text=note.text + suffix)
        return second(note)

    handle = surviving.run("!")
    broken = False

    with use_engine(lose_journal(engine)):
        KitaruClient().executions.retry(handle.exec_id)

        assert handle.get() == "kept!"
        status = KitaruClient().executions.get(handle.exec_id).status
    assert status == "completed"
    assert ran == ["first", "caught", "second", "second"]


def test_wait_answered_after_a_lost_disk_goes_on(engine: ZenMLEngine) -> None:
    ran: list[str] = []

    @checkpoint
    def prepare() -> str:
        ran.append("prepare")
        return "draft"

    @flow
    def asking() -> tuple[str, bool]:
        return prepare(), wait(schema=bool, timeout=0)

    handle = asking.run()

    with use_engine(lose_journal(engine)):
        KitaruClient().executions.input(handle.exec_id, value=True)

        assert handle.get() == ("draft", True)
    assert ran == ["prepare"]
