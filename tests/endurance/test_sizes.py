"""Large executions and full stores stay usable."""

from __future__ import annotations

import json

import pytest

from tests.endurance.conftest import Figures, Sizes
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

LONG = """
import json
import os
import resource
import sys
import time

from kitaru import KitaruClient, checkpoint, flow

effects = open("effects", "a", buffering=1)

@checkpoint
def step(n: int) -> int:
    effects.write(f"{n}\\n")
    return n

@flow
def long(count: int) -> int:
    total = sum(step(n) for n in range(count))
    if not os.path.exists("fixed"):
        raise LookupError("not yet")
    return total

def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

if __name__ == "__main__":
    count = int(sys.argv[1])
    long.run(0)
    empty = used()
    begun = time.monotonic()
    exec_id = long.run(count).exec_id
    ran = time.monotonic() - begun
    peak = used()
    open("fixed", "w").close()
    client = KitaruClient()
    client.executions.retry(exec_id)
    while client.executions.list(status="running", limit=1):
        time.sleep(0.2)
    begun = time.process_time()
    found = client.executions.get(exec_id)
    looked = time.process_time() - begun
    again = long.replay(exec_id, from_=f"step_{count}")
    print(json.dumps({
        "status": found.status,
        "completed": sum(call.status == "completed" for call in found.checkpoints),
        "attempt_seconds": round(ran, 1),
        "more_memory_mb": round(peak - empty),
        "get_cpu_seconds": round(looked, 2),
        "result": found.status == "completed" and again.wait(),
    }))
"""

MANY = """
import json
import sys
import time

from kitaru import KitaruClient, checkpoint, flow

@checkpoint
def work(n: int) -> int:
    return n

@flow
def small(n: int) -> int:
    return work(n)

if __name__ == "__main__":
    count = int(sys.argv[1])
    for n in range(count):
        small.run(n)
    client = KitaruClient()

    def cpu(act):
        begun = time.process_time()
        found = act()
        return round(time.process_time() - begun, 2), found

    first, newest = cpu(lambda: client.executions.list(size=20))
    last, oldest = cpu(lambda: client.executions.list(page=-(-count // 20), size=20))
    one, found = cpu(lambda: client.executions.get(oldest[-1].exec_id[:13]))
    ids = {
        item.exec_id
        for page in range(1, -(-count // 100) + 1)
        for item in client.executions.list(page=page, size=100)
    }
    print(json.dumps({
        "ids": len(ids),
        "newest": client.artifacts.list(newest[0].exec_id, name="work")[0].load(),
        "oldest": client.artifacts.list(found.exec_id, name="work")[0].load(),
        "first_page_cpu": first,
        "last_page_cpu": last,
        "get_cpu": one,
    }))
"""


def journal_size(workspace: Workspace) -> int:
    return sum(
        file.stat().st_size
        for file in (workspace.config / "kitaru").glob("journal.db*")
    )


def test_an_execution_of_many_checkpoints_is_kept_read_and_replayed(
    workspace: Workspace, sizes: Sizes, figures: Figures
) -> None:
    count = sizes.checkpoints
    script = workspace.script("long.py", LONG)

    done = workspace.start_python(script, str(count)).finish(within=3000)

    assert done.code == 0, done.both
    report = json.loads(done.stdout.splitlines()[-1])
    figures.add(checkpoints=count, journal_mb=round(journal_size(workspace) / 1e6, 1))
    figures.add(**report)
    assert report["status"] == "completed"
    assert report["completed"] == count
    assert report["result"] == sum(range(count))
    # The retry ran none again; the replay its anchor.
    assert workspace.lines("effects") == [*map(str, range(count)), str(count - 1)]
    # What a checkpoint leaves in memory is a few hundred bytes, and the list of its steps.
    assert report["more_memory_mb"] < 60 + count * 0.02


def test_a_store_of_many_executions_is_listed_read_and_cleaned(
    workspace: Workspace, sizes: Sizes, figures: Figures
) -> None:
    count = sizes.executions
    script = workspace.script("many.py", MANY)

    done = workspace.start_python(script, str(count)).finish(within=3000)
    cleaned = workspace.start_kitaru("clean", "all", "--yes").finish(within=3000)

    assert done.code == 0, done.both
    report = json.loads(done.stdout.splitlines()[-1])
    figures.add(executions=count, **report)
    assert report["ids"] == count
    assert (report["newest"], report["oldest"]) == (count - 1, 0)
    assert cleaned.code == 0, cleaned.both
    assert f"removed {count} executions" in cleaned.stdout
    assert workspace.kitaru_items("executions", "list") == []
