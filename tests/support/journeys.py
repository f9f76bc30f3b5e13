"""The life of random executions, on an engine and by the rules, side by side."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from kitaru.client import KitaruClient
from tests.support import rules
from tests.support.shapes import Shape, World, make_flow, shapes

_STEPS = 6


@dataclass(frozen=True)
class Death:
    """Where a process dies: at the so-manieth of the bodies that would run."""

    at: int
    inside: bool


@dataclass(frozen=True)
class Again:
    """A replay; numbers are taken modulo what there is to choose from."""

    of: int
    anchor: int
    overrides: dict[int, int]
    new_n: int | None
    reuse_waits: bool
    deaths: list[Death | None]


@dataclass(frozen=True)
class Journey:
    """A flow, its deaths on the way, and replays of what came of it."""

    shape: Shape
    deaths: list[Death | None]
    replays: list[Again] = field(default_factory=list)


_INDEX = st.integers(0, 20)
_DEATHS = st.lists(
    st.none() | st.builds(Death, at=_INDEX, inside=st.booleans()), max_size=4
)


def journeys(max_size: int = 5, *, deaths: bool = True) -> st.SearchStrategy[Journey]:
    """Return a strategy for journeys."""
    some = _DEATHS if deaths else st.just([])
    again = st.builds(
        Again,
        of=_INDEX,
        anchor=_INDEX,
        overrides=st.dictionaries(_INDEX, st.integers(0, 9), max_size=2),
        new_n=st.none() | st.integers(0, 9),
        reuse_waits=st.booleans(),
        deaths=some,
    )
    replays = st.lists(again, max_size=3)
    return st.builds(Journey, shape=shapes(max_size), deaths=some, replays=replays)


class Pair:
    """The same executions twice: as an engine has them, and as the rules have them.

    Args:
        kill_after: Tells the engine to die after the outcome of a call; `None` if it
            cannot, then deaths are inside bodies only.
    """

    def __init__(self, kill_after: Callable[[str | None], None] | None) -> None:
        self.world = World()
        self.tries = self.world.tries.copy()
        self.executions: list[tuple[str, rules.Execution]] = []
        self._flow = make_flow(self.world)
        self._client = KitaruClient()
        self._kill_after = kill_after
        self._answers = 0

    def live(self, journey: Journey) -> None:
        """Go through a journey and compare after each step."""
        ours = rules.Execution(journey.shape, n=3)
        self._start(ours, journey.deaths, self._run(ours))
        for again in journey.replays:
            self._replay(again)

    def _run(self, ours: rules.Execution) -> Callable[[], object]:
        return lambda: self._flow.run(ours.shape, ours.n)

    def _replay(self, again: Again) -> None:
        exec_id, source = self.executions[again.of % len(self.executions)]
        calls = self._client.executions.get(exec_id).checkpoints
        if not calls:
            return
        anchor = calls[again.anchor % len(calls)]
        chosen = [(calls[i % len(calls)], v) for i, v in again.overrides.items()]
        changes = {} if again.new_n is None else {"n": again.new_n}
        plan = rules.Plan(
            source=copy.deepcopy(source),
            anchor=anchor.invocation_id,
            overrides={call.invocation_id: value for call, value in chosen},
            changed=again.new_n not in (None, source.n),
            reuse_waits=again.reuse_waits,
        )
        ours = rules.Execution(source.shape, changes.get("n", source.n), plan)
        self._start(
            ours,
            again.deaths,
            lambda: self._flow.replay(
                exec_id,
                from_=anchor.call_id,
                overrides={f"checkpoint.{c.call_id}": v for c, v in chosen},
                reuse_waits=again.reuse_waits,
                **changes,
            ),
        )

    def _start(
        self,
        ours: rules.Execution,
        deaths: list[Death | None],
        begin: Callable[[], object],
    ) -> None:
        """Begin an execution, then answer and retry it until it ends, or long enough."""
        left = list(deaths)
        self._attempt(ours, left, begin)
        exec_id = self._client.executions.latest(flow="shaped").exec_id
        self.executions.append((exec_id, ours))
        self._compare(exec_id, ours)
        for _ in range(_STEPS):
            if ours.status == "completed":
                return
            go_on = self._answered if ours.status == "waiting" else self._retried
            self._attempt(ours, left, go_on(exec_id, ours))
            self._compare(exec_id, ours)

    def _answered(self, exec_id: str, ours: rules.Execution) -> Callable[[], object]:
        self._answers += 1
        answer = 100 + self._answers
        (question,) = [q for q in ours.questions.values() if q.answer is None]
        question.answer = answer
        return lambda: self._client.executions.input(exec_id, value=answer)

    def _retried(self, exec_id: str, ours: rules.Execution) -> Callable[[], object]:
        return lambda: self._client.executions.retry(exec_id)

    def _attempt(
        self,
        ours: rules.Execution,
        deaths: list[Death | None],
        engine_attempt: Callable[[], object],
    ) -> None:
        kill = self._kill(ours, deaths.pop(0) if deaths else None)
        if kill is not None and kill.inside:
            self.world.interrupt = kill.label
        elif kill is not None and self._kill_after is not None:
            self._kill_after(kill.invocation_id)
        with suppress(KeyboardInterrupt):
            engine_attempt()
        rules.Attempt(ours, self.tries, kill).run()

    def _kill(self, ours: rules.Execution, death: Death | None) -> rules.Kill | None:
        """Choose among the bodies that will run if nothing happens."""
        if death is None:
            return None
        undisturbed = rules.Attempt(copy.deepcopy(ours), self.tries.copy())
        undisturbed.run()
        inside = death.inside or self._kill_after is None
        # Which calls beside the flow body had begun by then is up to the machine.
        fit = [] if any(r.concurrent for r in undisturbed.ran) else undisturbed.ran
        if not fit:
            return None
        ran = fit[death.at % len(fit)]
        return rules.Kill(ran.invocation_id, ran.label, inside)

    def _compare(self, exec_id: str, ours: rules.Execution) -> None:
        """Both must tell the same."""
        assert self.world.tries == self.tries, "bodies did not run as the rules say"
        execution = self._client.executions.get(exec_id)
        assert _seen(execution) == _told(ours)
        results = [a for a in execution.artifacts if a.producing_call is None]
        found = results[0].load() if results else None
        assert found == ours.result


def _seen(execution: Any) -> dict[str, Any]:
    return {
        "status": execution.status.value,
        "waits": execution.pending_wait.name if execution.pending_wait else None,
        "calls": [
            (call.invocation_id, call.status, call.reused)
            for call in execution.checkpoints
            # One that was given up has no outcome, and runs again.
            if call.status != "cancelled"
        ],
    }


def _told(ours: rules.Execution) -> dict[str, Any]:
    open_waits = [name for name, q in ours.questions.items() if q.answer is None]
    ordered = sorted(ours.calls.items(), key=lambda item: item[1].order)
    return {
        "status": ours.status,
        "waits": open_waits[0] if open_waits else None,
        "calls": [(name, call.status, call.reused) for name, call in ordered],
    }
