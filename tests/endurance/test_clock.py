"""The clock of the machine is put back while executions run and wait."""

from __future__ import annotations

import json

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

# What a process sees whose clock a person, or NTP, puts back.
CLOCK = """
import datetime
import sys
import time

class Clock:
    offset = 0.0

_time, _datetime = time.time, datetime.datetime

class PutBack(_datetime):
    @classmethod
    def now(cls, tz=None):
        return _datetime.now(tz) + datetime.timedelta(seconds=Clock.offset)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source, handler):
        return handler.generate_schema(_datetime)

def install():
    time.time = lambda: _time() + Clock.offset
    for name, module in list(sys.modules.items()):
        ours = name.partition(".")[0] in ("kitaru", "zenml")
        if ours and getattr(module, "datetime", None) is _datetime:
            module.datetime = PutBack
"""

PROGRAM = """
import clock
import json
import time

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru._engine.journal.leases import Holder
from kitaru._engine.open import current_engine

HOUR = 3600.0
ran = []

@checkpoint
def step(n: int) -> int:
    ran.append(n)
    clock.Clock.offset -= HOUR
    return n

@flow
def putting_back(fails: bool) -> int:
    total = step(1) + step(2)
    live.append(current_engine().journal.lease(kitaru.current_execution_id()).is_live)
    # Its time does not get longer with the hour.
    begun = time.monotonic()
    clock.Clock.offset -= HOUR
    kitaru.wait(schema=bool, name="ok", timeout=0.5)
    waited.append(time.monotonic() - begun)
    if fails and not fixed:
        raise LookupError("not yet")
    return total + step(3)

live, waited, fixed = [], [], []
client = KitaruClient()
client.executions.list()
from kitaru._core.waits.answered import Answer
from kitaru._engine.zenml.waits.decisions import Decisions
clock.install()
left = putting_back.run(True)
paused = left.status.value
wait = client.executions.pending_waits(left.exec_id)[0]
clock.Clock.offset -= HOUR
engine = current_engine()
Decisions(engine.journal).decide(wait, Answer(True))
engine.continue_here(left.exec_id)
failed = client.executions.get(left.exec_id)
fixed.append(True)
clock.Clock.offset -= HOUR
engine.continue_here(left.exec_id)
done = client.executions.get(left.exec_id)
replayed = putting_back.replay(left.exec_id, from_="step_3", reuse_waits=True)
print(json.dumps({
    "paused": paused,
    "live": live,
    "failed": failed.status.value,
    "status": done.status.value,
    "order": [c.invocation_id for c in done.checkpoints],
    "result": left.get(),
    "ran": ran,
    "replayed": replayed.wait(),
    "waited": waited,
    "listed": [e.exec_id for e in client.executions.list()].index(left.exec_id) >= 0,
}))
"""


def test_a_clock_that_is_put_back_loses_orders_and_repeats_nothing(
    workspace: Workspace,
) -> None:
    workspace.script("clock.py", CLOCK)
    program = workspace.script("program.py", PROGRAM)

    report = json.loads(workspace.python(program).stdout.splitlines()[-1])

    assert report["paused"] == "waiting"
    # The runner is told by its process, not by the time of its last heartbeat.
    assert report["live"]
    assert set(report["live"]) == {True}
    assert (report["failed"], report["status"]) == ("failed", "completed")
    assert report["order"] == ["step", "step_2", "step_3"]
    assert report["result"] == report["replayed"] == 6
    assert report["ran"] == [1, 2, 3, 3]
    assert report["listed"]
    # The wait of the first attempt left before it noted how long; the others are answered.
    assert max(report["waited"]) < 60
