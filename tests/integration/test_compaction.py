"""The journal forgets what ZenML has of completed executions, and nobody notices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kitaru import KitaruClient, checkpoint, flow, log, save, wait
from kitaru._engine.journal import compaction
from kitaru._engine.open import use_engine
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru.errors import KitaruUsageError

pytestmark = pytest.mark.zenml

Forget = Callable[[], int]
ran: list[str] = []


@checkpoint
def gather(topic: str) -> list[str]:
    ran.append("gather")
    save("prompt", {"topic": topic}, type="prompt", tags=["kept"])
    log(found=2)
    return [topic, topic]


@checkpoint
def fragile() -> int:
    ran.append("fragile")
    raise LookupError("no route")


@checkpoint(cache=True)
def costly(n: int) -> str:
    ran.append("costly")
    return "x" * 70_000 + str(n)


@flow
def report(topic: str) -> str:
    found = gather(topic)
    log(stage="asked")
    try:
        fragile()
    except LookupError:
        found.append("without")
    text = costly(len(found))
    gather.with_options(id="last")(text[-1])
    return f"{len(found)} {text[-1]}"


@flow
def asking() -> int:
    gather("asked")
    wait(schema=bool, name="ok", timeout=0)
    return len(gather("answered"))


@flow
def failing() -> None:
    gather("failed")
    raise LookupError("not yet")


@pytest.fixture
def forget(engine: ZenMLEngine) -> Forget:
    ran.clear()
    return lambda: compaction.compact(engine.journal, 0)


def rows(engine: ZenMLEngine, execution_id: str) -> int:
    return len(engine.journal.calls(execution_id))


def test_a_compacted_execution_reads_replays_and_is_cleaned_as_before(
    engine: ZenMLEngine, client: KitaruClient, forget: Forget
) -> None:
    exec_id = report.run("a").exec_id
    before = client.executions.get(exec_id)
    values = [ref.load() for ref in client.artifacts.list(exec_id)]

    assert forget() == 1

    # The newest result of a `cache=True` key stays.
    assert rows(engine, exec_id) == 1
    after = client.executions.get(exec_id)
    assert after.model_dump() == before.model_dump()
    assert [ref.load() for ref in client.artifacts.list(exec_id)] == values
    ran.clear()
    replayed = report.replay(exec_id, from_="last")
    assert replayed.wait() == "3 3"
    assert ran == ["gather"]
    ran.clear()
    # A caught failure is an outcome, and what `cache=True` kept is used.
    assert report.run("a").wait() == "3 3"
    assert ran == ["gather", "fragile", "gather"]


def test_what_may_go_on_stays_in_the_journal(
    engine: ZenMLEngine, client: KitaruClient, forget: Forget
) -> None:
    waiting, failed = asking.run().exec_id, failing.run().exec_id

    assert forget() == 0

    assert rows(engine, waiting) == rows(engine, failed) == 1


def test_a_replay_that_was_compacted_still_keeps_its_source(
    engine: ZenMLEngine, client: KitaruClient, forget: Forget
) -> None:
    source = report.run("a").exec_id
    (ref,) = [r for r in client.artifacts.list(source) if r.name == "costly"]
    reader = report.run("b").exec_id
    forget()

    used = engine.journal.mentions(reader, f"/kitaru/{source}/")

    assert ref.load() == "x" * 70_000 + "3"
    assert used


def test_the_journal_stays_as_large_as_it_may_be(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_JOURNAL_MB", "1")
    opened = ZenMLEngine()

    @checkpoint
    def page(n: int) -> str:
        return f"{n:060000d}"

    @flow
    def paging() -> int:
        return sum(len(page(n)) for n in range(12))

    with use_engine(opened):
        sizes = []
        for _ in range(4):
            exec_id = paging.run().exec_id
            sizes.append(opened.journal.used())
        first = KitaruClient().executions.list(flow="paging")[-1].exec_id
        oldest = [ref.load() for ref in KitaruClient().artifacts.list(first)]
    opened.journal.close()

    # Each brings 0.7 MB; together they never hold more than the limit.
    assert max(sizes) <= 1_000_000
    assert oldest[:2] == [f"{n:060000d}" for n in range(2)]
    assert exec_id != first


def test_a_bad_size_is_refused(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITARU_JOURNAL_MB", "much")

    with pytest.raises(KitaruUsageError, match="KITARU_JOURNAL_MB is 'much'"):
        ZenMLEngine()
