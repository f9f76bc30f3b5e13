"""Ten times the checkpoints cost ten times the work, not more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from kitaru import KitaruClient, checkpoint, flow
from kitaru._engine.port.execution import StartedCall
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._engine.zenml.recording import step_runs
from tests.support.outcomes import Recorded
from tests.support.statements import statements_of_this_thread

pytestmark = pytest.mark.zenml

FEW, MANY = 10, 100
# What ZenML's store is asked for a call that is shown alone.
ALONE = 19


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

    # How many are shown together depends on how fast the flow is.
    assert lots / MANY <= ALONE
    assert few / FEW <= ALONE


def test_a_thousand_calls_and_their_reuse_cost_less_than_a_statement_each(
    engine: ZenMLEngine,
) -> None:
    few, lots = (
        Recorded(many.run(0).exec_id, "many"),
        Recorded(many.run(0).exec_id, "many"),
    )
    again = Recorded(many.run(0).exec_id, "many")

    hundred = counted(lambda: few.show(few.records(100)))
    thousand = counted(lambda: lots.show(lots.records(1000)))
    reused = counted(lambda: again.show(again.reusing(few.records(100))))

    assert hundred / 100 < 0.9
    assert thousand / 1000 <= hundred / 100
    assert reused / 100 < 0.9
    assert len(step_runs.step_runs(lots.execution_id)) == 1000


def test_a_call_shown_while_it_runs_costs_a_few_statements_more(
    engine: ZenMLEngine,
) -> None:
    execution = Recorded(many.run(0).exec_id, "many")
    (ended,) = execution.records(1)
    writer = execution.writer()
    began = StartedCall(ended.invocation_id, ended.name, ended.started_at)

    taken = counted(lambda: [writer.write_started(began), writer.write(ended)])

    assert taken < 21
    (step,) = step_runs.step_runs(execution.execution_id)
    assert step.status == "completed"


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
