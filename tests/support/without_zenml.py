"""See that executions are read the same without ZenML as with it."""

from __future__ import annotations

from kitaru._engine.local import reading
from kitaru._engine.local.store import file, ground
from kitaru._engine.local.store.ground import OnlyZenMLKnows
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru.models import Execution

_NEWEST = 4
_compared: set[str] = set()


def compare_newest(engine: ZenMLEngine) -> None:
    """Compare the newest executions, each once."""
    try:
        here = ground.read()
        with file.opened(here.database, here.project_id) as store:
            runs, _ = store.page(ExecutionQuery(size=_NEWEST))
    except OnlyZenMLKnows:
        # Another server, stack or project: nothing is read without ZenML.
        return
    for run in runs:
        if run.execution_id not in _compared:
            _compared.add(run.execution_id)
            _compare(engine, run.execution_id)


def read(engine: ZenMLEngine, execution_id: str) -> Execution | None:
    """Return an execution as it is read without ZenML, `None` if only ZenML can."""
    try:
        with reading.looking(ground.read(), engine.journal, engine.queue) as reader:
            return reader.get(execution_id)
    except OnlyZenMLKnows:
        return None


def _compare(engine: ZenMLEngine, execution_id: str) -> None:
    before = read(engine, execution_id)
    if before is None:
        return
    through_zenml = engine.get(execution_id).model_dump()
    after = read(engine, execution_id)
    # It may have got on in between.
    if after is not None and after.model_dump() == before.model_dump():
        assert before.model_dump() == through_zenml
