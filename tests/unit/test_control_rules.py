"""Breakpoints, waits, timers, expiry and retries together, in any order of events."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import kitaru
from kitaru import checkpoint, flow
from kitaru.testing import FlowRun, FlowTester

WIDE: dict[str, Any] = {
    "deadline": None,
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}
CALL = st.tuples(st.just("call"), st.integers(0, 2))
QUESTION = st.tuples(st.just("question"), st.booleans())
TIMER = st.tuples(st.just("timer"), st.integers(0, 100))
PROGRAMS = st.lists(st.one_of(CALL, QUESTION, TIMER), min_size=1, max_size=6)
OVERRIDDEN, ANSWERED, DEFAULT = -1, -2, -3


class World:
    """A flow made of a program, and what the outside saw of it."""

    def __init__(self, program: list[tuple[str, int]]) -> None:
        self.program = program
        self.bodies: Counter[int] = Counter()
        self.stops: Counter[str] = Counter()
        self.expected = [n for n, (kind, _) in enumerate(program) if kind == "call"]
        self.came: dict[int, int] = {}

    def flow(self) -> Any:
        @checkpoint
        def work(n: int) -> int:
            self.bodies[n] += 1
            if self.bodies[n] <= self.program[n][1]:
                raise OSError("not now")
            return n

        @flow
        def working() -> dict[int, int]:
            came = {}
            for n, (kind, detail) in enumerate(self.program):
                if kind == "call":
                    came[n] = work.with_options(id=f"call{n}")(n)
                elif kind == "timer":
                    kitaru.sleep(detail)
                else:
                    came[n] = kitaru.wait(
                        schema=int, name=f"ask{n}", expires=50, default=DEFAULT
                    )
            return came

        return working


def _go_on(world: World, tester: FlowTester, run: FlowRun, data: Any) -> str | None:
    """Let one thing happen to an execution that stands; return what was said."""
    if run.status == "failed":
        tester.retry(run)
        return None
    wait = run.execution.pending_wait
    assert wait is not None
    if wait.kind == "timer":
        tester.advance(101)
        return None
    if wait.kind == "question":
        n = int(wait.name.removeprefix("ask"))
        if data.draw(st.booleans(), label=f"answer {wait.name}"):
            world.came[n] = ANSWERED
            run.input(ANSWERED)
        else:
            tester.advance(51)
        return None
    world.stops[wait.name] += 1
    n = int(wait.name.removeprefix("break:call"))
    action: str = data.draw(
        st.sampled_from(["continue", "step", "override"]), label=wait.name
    )
    world.came[n] = OVERRIDDEN if action == "override" else n
    run.input({"action": action, "value": OVERRIDDEN})
    return action


@settings(max_examples=50, **WIDE)
@given(program=PROGRAMS, data=st.data())
def test_whatever_happens_on_the_way_each_thing_happens_once(
    program: list[tuple[str, int]], data: Any
) -> None:
    world = World(program)
    # Unless somebody says something else; time may pass over several waits at once.
    world.came = {
        n: n if kind == "call" else DEFAULT
        for n, (kind, _) in enumerate(program)
        if kind != "timer"
    }
    calls = [f"call{n}" for n in world.expected]
    breaks = data.draw(
        st.lists(st.sampled_from(calls), unique=True) if calls else st.just([])
    )
    said: dict[str, str] = {}
    with FlowTester() as tester:
        run = tester.run(world.flow().with_options(break_before=breaks))
        for _ in range(60):
            if run.status == "completed":
                break
            stop = run.waits_for
            action = _go_on(world, tester, run, data)
            if action is not None and stop is not None:
                said[stop.removeprefix("break:")] = action

        # The flow went one way, whatever it was interrupted by.
        assert run.result == world.came
        over = {wait.name: wait.outcome for wait in run.execution.waits}
    for n, (kind, fails) in enumerate(program):
        if kind == "call":
            skipped = world.came[n] == OVERRIDDEN
            assert world.bodies[n] == (0 if skipped else fails + 1)
        if kind == "question":
            assert over[f"ask{n}"] == (
                "answered" if world.came[n] == ANSWERED else "default"
            )
    # It stopped where it was to, and once: at its breakpoints, and a step after a step.
    stepping = False
    for call in calls:
        stops = call in breaks or stepping
        assert world.stops[f"break:{call}"] == int(stops)
        if stops:
            stepping = said[call] == "step"
