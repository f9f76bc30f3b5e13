"""A journal of a gigabyte is opened, read, gone on with, and cleaned."""

from __future__ import annotations

import json

import pytest

from tests.endurance.conftest import Figures, Sizes
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

# Rows as checkpoints leave them, of executions whose runs were deleted.
FILL = """
import hashlib
import json
import os
import resource
import sys
import time
import uuid
from datetime import UTC, datetime

from kitaru import KitaruClient, checkpoint, flow
from kitaru._core.calls.records import CallRecord, StoredValue
from kitaru._core.flows.facts import LocalFacts
from kitaru._engine.journal.leases import Holder
from kitaru._engine.open import current_engine
from kitaru._engine.zenml.runs import runs

ROW, ROWS = 60_000, 500

@checkpoint
def step(n: int) -> int:
    with open("effects", "a") as file:
        file.write(f"{n}\\n")
    return n

@flow
def going_on() -> int:
    total = step(1)
    if not os.path.exists("fixed"):
        raise LookupError("not yet")
    return total + step(2)

def fill(journal, size):
    now = datetime.now(UTC)
    left = size
    while left > 0:
        execution_id = str(uuid.uuid4())
        journal.put_execution(
            execution_id, LocalFacts(store=runs.store_id(), flow="gone"), Holder.me()
        )
        journal.release(execution_id, Holder.me())
        rows = []
        for n in range(min(ROWS, left // ROW + 1)):
            data = os.urandom(ROW)
            value = StoredValue(
                "bytes", "builtins:bytes", hashlib.sha256(data).hexdigest(), ROW, data
            )
            rows.append(CallRecord(
                execution_id, f"big_{n}", "big", "completed", now, now, output=value
            ))
        journal.put_calls(rows)
        left -= ROW * len(rows)

def timed(act):
    begun = time.process_time()
    found = act()
    return round(time.process_time() - begun, 2), found

if __name__ == "__main__":
    exec_id = going_on.run().exec_id
    engine = current_engine()
    fill(engine.journal, int(sys.argv[1]))
    engine.journal.close()
    size = os.path.getsize(engine.journal.path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    from kitaru._engine.journal.journal import Journal

    opened, journal = timed(lambda: Journal(engine.journal.path))
    journal.close()
    engine.journal.__init__(engine.journal.path)
    client = KitaruClient()
    listed, _ = timed(lambda: client.executions.list())
    looked, _ = timed(lambda: client.executions.get(exec_id))
    open("fixed", "w").close()
    resumed, ending = timed(lambda: engine.continue_here(exec_id))
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
    print(json.dumps({
        "journal_mb": round(size / 1e6),
        "status": ending.status.value,
        "value": ending.value,
        "open_cpu": opened,
        "list_cpu": listed,
        "get_cpu": looked,
        "resume_cpu": resumed,
        "more_memory_mb": round(more),
    }))
"""


def test_a_big_journal_is_opened_read_gone_on_with_and_cleaned(
    workspace: Workspace, sizes: Sizes, figures: Figures
) -> None:
    script = workspace.script("fill.py", FILL)

    done = workspace.start_python(script, str(sizes.journal_bytes)).finish(within=2000)
    cleaned = workspace.start_kitaru("clean", "all", "--yes").finish(within=2000)

    assert done.code == 0, done.both
    report = json.loads(done.stdout.splitlines()[-1])
    figures.add(**report)
    assert report["journal_mb"] * 1e6 >= sizes.journal_bytes
    assert (report["status"], report["value"]) == ("completed", 3)
    assert workspace.lines("effects") == ["1", "2"]
    # Nothing of the other rows is read.
    assert report["more_memory_mb"] < 60
    assert cleaned.code == 0, cleaned.both
    journal = workspace.config / "kitaru" / "journal.db"
    assert journal.stat().st_size < 1_000_000
