"""Twenty times the checkpoints cost twenty times the work, not more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from kitaru import KitaruClient, checkpoint, flow
from kitaru._engine.zenml.engine import ZenMLEngine
from tests.support.statements import statements_of_this_thread

pytestmark = pytest.mark.zenml

FEW, MANY = 10, 200


@checkpoint
def trivial(n: int) -> int:
    return n


@flow
def many(count: int) -> int:
    return sum(trivial(n) for n in range(count))


@contextmanager
def all_statements() -> Iterator[list[str]]:
    """Collect the SQL of all threads."""
    found: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def counted(work: Callable[[], object]) -> int:
    with all_statements() as statements:
        work()
    return len(statements)


def test_showing_a_checkpoint_costs_the_same_however_many_there_are(
    engine: ZenMLEngine,
) -> None:
    many.run(1).wait()
    few = counted(lambda: many.run(FEW).wait()) - counted(lambda: many.run(0).wait())

    lots = counted(lambda: many.run(MANY).wait()) - counted(lambda: many.run(0).wait())

    assert lots / MANY <= few / FEW * 1.1


def test_looking_at_many_checkpoints_takes_as_many_statements_as_at_few(
    engine: ZenMLEngine, client: KitaruClient
) -> None:
    few, lots = many.run(FEW), many.run(MANY)
    for handle in (few, lots):
        handle.wait()
        client.executions.get(handle.exec_id)

    def looked(exec_id: str) -> int:
        with statements_of_this_thread() as statements:
            client.executions.get(exec_id)
        return len(statements)

    assert looked(lots.exec_id) <= looked(few.exec_id) + 2
