"""Breakpoints, failures, kills, waits, expiry and replays meet in one flow, in memory."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

import kitaru
from kitaru import checkpoint, flow
from kitaru.testing import FlowRun, FlowTester

Step = tuple[Literal["call", "ask", "sleep"], int]
# How often the body of a call fails before it succeeds, or what a wait comes to.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.integers(0, 2)),
        st.tuples(st.just("ask"), st.integers(0, 1)),
        st.tuples(st.just("sleep"), st.just(0)),
    ),
    min_size=2,
    max_size=6,
)
ACTIONS = st.lists(st.sampled_from(["continue", "step", "override"]), min_size=8)
OVERRIDE = 1_000
began: Counter[int] = Counter()
finished: Counter[int] = Counter()


@checkpoint
def work(place: int, failures: int) -> int:
    began[place] += 1
    if began[place] <= failures:
        raise ConnectionError(f"{place} is not there yet")
    finished[place] += 1
    return place + 1


@flow
def together(steps: list[tuple[str, int]]) -> list[int]:
    found = []
    for place, (kind, number) in enumerate(steps):
        if kind == "call":
            found.append(work.with_options(id=f"work.{place}")(place, number))
        elif kind == "ask":
            name = f"ask.{place}"
            found.append(kitaru.wait(schema=int, name=name, expires=60, default=-place))
        else:
            kitaru.sleep(timedelta(days=1))
    return found


def _drive(
    tester: FlowTester, run: FlowRun, steps: list[Step], actions: list[str]
) -> set[int]:
    """Let a run go on to its end as people and the clock do; return what was replaced."""
    replaced: set[int] = set()
    left = list(actions)
    for _ in range(100):
        if run.status == "completed":
            return replaced
        if run.status == "failed":
            tester.retry(run)
            continue
        wait = run.execution.pending_waits[0]
        place = int(wait.name.rpartition(".")[2]) if "." in wait.name else -1
        if wait.kind == "breakpoint":
            action = left.pop() if left else "continue"
            if action == "override":
                replaced.add(place)
            run.input({"action": action, "value": OVERRIDE})
        elif wait.kind == "question" and steps[place][1]:
            run.input(place)
        else:
            # Not a moment more: the next wait has a time of its own.
            days, seconds = (1, 0) if wait.kind == "timer" else (0, 60)
            tester.advance(timedelta(days=days, seconds=seconds))
    raise AssertionError(f"it does not end: {run.execution}")


def _expected(steps: list[Step], replaced: set[int]) -> list[int]:
    found = []
    for place, (kind, number) in enumerate(steps):
        if kind == "call":
            found.append(OVERRIDE if place in replaced else place + 1)
        elif kind == "ask":
            found.append(place if number else -place)
    return found


@settings(max_examples=15, deadline=None)
@given(steps=STEPS, actions=ACTIONS, stops=st.sets(st.integers(0, 5)), data=st.data())
def test_each_result_is_made_once_whatever_happens_on_the_way(
    steps: list[Step], actions: list[str], stops: set[int], data: st.DataObject
) -> None:
    began.clear()
    finished.clear()
    calls = [place for place, (kind, _) in enumerate(steps) if kind == "call"]
    selectors = [f"work.{place}" for place in stops]
    with FlowTester() as tester:
        run = tester.run(together.with_options(break_before=selectors), steps)

        replaced = _drive(tester, run, steps, actions)

        assert run.result == _expected(steps, replaced)
        assert finished == Counter(set(calls) - replaced)
        assert replaced <= set(calls)
        if not calls:
            return

        anchor = data.draw(st.sampled_from(calls), label="anchor")
        finished.clear()
        again = tester.replay(
            run, from_=f"work.{anchor}", break_before=selectors, reuse_waits=True
        )
        afresh = _drive(tester, again, steps, actions)

        kept = {place for place in replaced if place < anchor}
        assert again.result == _expected(steps, afresh | kept)
        assert all(place >= anchor for place in finished)
        assert set(finished.values()) <= {1}
