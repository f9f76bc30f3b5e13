"""The rules of retry, resume and replay, written down a second time.

A plain interpreter of shapes, from the documents alone: it calls none of our code, runs
no thread, stores nothing. What it says about an execution must be true of every engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.shapes import CLOCK, CONSTANT, RETRIES, Node, Shape, Trouble, outcome


class Pause(Exception):
    """A wait has no answer yet."""


class Dead(Exception):
    """The process is gone."""


@dataclass
class Call:
    """One checkpoint call that has an outcome."""

    order: int
    status: str
    args: tuple[int, str, int]
    value: int = 0
    caught: bool = False
    reused: bool = False


@dataclass
class Question:
    """One wait; `asked` counts the calls that were made before it."""

    asked: int
    answer: int | None = None


@dataclass
class Plan:
    """What a replay is to do."""

    source: Execution
    anchor: str
    overrides: dict[str, int]
    changed: bool
    reuse_waits: bool

    @property
    def limit(self) -> int:
        """The place of the anchor."""
        return self.source.calls[self.anchor].order


@dataclass
class Execution:
    """What is known of one execution."""

    shape: Shape
    n: int
    plan: Plan | None = None
    calls: dict[str, Call] = field(default_factory=dict)
    questions: dict[str, Question] = field(default_factory=dict)
    status: str = "running"
    result: list[int] | None = None


@dataclass(frozen=True)
class Kill:
    """Where the process dies: after the outcome of a call, or inside its body."""

    invocation_id: str
    label: str
    inside: bool


@dataclass
class Ran:
    """A body that ran to an outcome."""

    invocation_id: str
    label: str
    concurrent: bool


@dataclass
class Pending:
    """A concurrent call: its work, and what came of it."""

    work: Callable[[], int]
    invocation_id: str
    done: bool = False
    value: int = 0
    failed: bool = False
    dead: bool = False
    blame: list[str] = field(default_factory=list)


class Attempt:
    """One run of the flow body from the top.

    Args:
        execution: What earlier attempts left; is changed.
        tries: How often each body ran, in all executions; is changed.
        kill: Where the process dies, if it does.
    """

    def __init__(
        self, execution: Execution, tries: Counter[str], kill: Kill | None = None
    ) -> None:
        self.ran: list[Ran] = []
        self._execution = execution
        self._tries = tries
        self._kill = kill
        self._seen = [execution.n]
        self._visits: Counter[int] = Counter()
        self._ids: Counter[str] = Counter()
        self._order = 0
        self._given: list[str] = []
        self._pending: list[Pending] = []
        self._dead = False

    def run(self) -> None:
        """Run to the end, the next open question, a failure or the death."""
        execution = self._execution
        self._tries[CLOCK] += 1
        try:
            self._nodes(execution.shape)
            execution.status, execution.result = "completed", self._seen
        except Pause:
            execution.status = "waiting"
        except (Trouble, Dead):
            execution.status = "failed"
        if self._dead:
            execution.status, execution.result = "failed", None

    # -- nodes ---------------------------------------------------------------

    def _nodes(self, nodes: Shape) -> None:
        for node in nodes:
            getattr(self, "_" + node["do"])(node)

    def _step(self, node: Node) -> None:
        label = self._label(node)
        args = (self._used(node), label, node["fails"])
        invocation_id, order = self._ask(node["name"])
        try:
            value = self._outcome(node["name"], invocation_id, order, args)
        except Trouble:
            self._given.append(invocation_id)
            raise
        self._seen.append(value)

    def _branch(self, node: Node) -> None:
        self._nodes(node["odd"] if self._used(node) % 2 else node["even"])

    def _loop(self, node: Node) -> None:
        for _ in range(node["times"]):
            self._nodes(node["body"])

    def _map(self, node: Node) -> None:
        label, value = self._label(node), self._used(node)
        calls = [
            self._submitted(node["name"], lambda i=i: value + i, f"{label}.{i}", fails)
            for i, fails in enumerate(node["fails"])
        ]
        for call in calls:
            self._finish(call)
        # The flow is given the failure of the whole group.
        blame = [name for call in calls for name in call.blame]
        values = [self._take(call, blame) for call in calls]
        self._seen += values

    def _submit(self, node: Node) -> None:
        label, value = self._label(node), self._used(node)
        call = self._submitted(node["name"], lambda: value, label, node["fails"])
        try:
            self._nodes(node["meanwhile"])
        finally:
            self._finish(call)
        self._seen.append(self._take(call, call.blame))

    def _chain(self, node: Node) -> None:
        label, value = self._label(node), self._used(node)
        name, fails = node["name"], node["fails"]
        first = self._submitted(name, lambda: value, f"{label}.0", fails[0])
        second = self._submitted(
            name, lambda: self._passed_on(first), f"{label}.1", fails[1]
        )
        self._finish(second)
        # A call whose argument failed passes that failure on.
        blame = first.blame or second.blame
        self._seen.append(self._take(second, blame))

    def _guard(self, node: Node) -> None:
        try:
            self._nodes(node["body"])
        except Trouble:
            self._nodes(node["otherwise"])

    def _wait(self, node: Node) -> None:
        self._check_alive()
        for call in list(self._pending):
            self._finish(call)
        self._check_alive()
        self._go_on()
        self._ids["wait"] += 1
        name = _numbered("wait", self._ids["wait"])
        known = self._execution.questions.setdefault(name, self._asked(name))
        if known.answer is None:
            raise Pause
        self._seen.append(known.answer)

    def _asked(self, name: str) -> Question:
        question = Question(asked=self._order)
        plan = self._execution.plan
        if plan is not None and plan.reuse_waits and name in plan.source.questions:
            before = plan.source.questions[name]
            if before.asked < plan.limit:
                question.answer = before.answer
        return question

    # -- calls ---------------------------------------------------------------

    def _label(self, node: Node) -> str:
        self._visits[node["id"]] += 1
        return f"{node['id']}#{self._visits[node['id']]}"

    def _used(self, node: Node) -> int:
        use = node["use"]
        if use == -2:
            return self._tries[CLOCK]
        return CONSTANT if use < 0 else self._seen[use % len(self._seen)]

    def _check_alive(self) -> None:
        if self._dead:
            raise Dead

    def _go_on(self) -> None:
        """The flow goes on: what it was given and survived is an outcome now."""
        for invocation_id in self._given:
            self._execution.calls[invocation_id].caught = True
        self._given.clear()

    def _ask(self, name: str) -> tuple[str, int]:
        self._check_alive()
        self._go_on()
        self._ids[name] += 1
        self._order += 1
        return _numbered(name, self._ids[name]), self._order

    def _submitted(
        self, name: str, value: Callable[[], int], label: str, fails: int
    ) -> Pending:
        invocation_id, order = self._ask(name)

        def work() -> int:
            args = (value(), label, fails)
            return self._outcome(name, invocation_id, order, args, concurrent=True)

        call = Pending(work, invocation_id)
        self._pending.append(call)
        return call

    def _finish(self, call: Pending) -> None:
        if call.done:
            return
        call.done = True
        self._pending.remove(call)
        try:
            call.value = call.work()
        except Trouble:
            call.failed = True
            # A call that never came to its body has no failure of its own.
            if call.invocation_id in self._execution.calls:
                call.blame = [call.invocation_id]
        except Dead:
            call.dead = True

    def _passed_on(self, call: Pending) -> int:
        self._finish(call)
        if call.dead:
            raise Dead
        if call.failed:
            raise Trouble
        return call.value

    def _take(self, call: Pending, blame: list[str]) -> int:
        if call.failed:
            self._given += blame
        return self._passed_on(call)

    def _outcome(
        self,
        name: str,
        invocation_id: str,
        order: int,
        args: tuple[int, str, int],
        *,
        concurrent: bool = False,
    ) -> int:
        calls, plan = self._execution.calls, self._execution.plan
        if invocation_id not in calls and plan is not None:
            taken = _taken_over(plan, invocation_id, args)
            if taken is not None:
                taken.order, taken.args = order, taken.args if taken.reused else args
                calls[invocation_id] = taken
        known = calls.get(invocation_id)
        if known is not None and known.status == "completed":
            return known.value
        if known is not None and known.caught:
            raise Trouble
        calls[invocation_id] = call = self._body(name, order, args)
        self.ran.append(Ran(invocation_id, args[1], concurrent))
        if self._kill and self._kill.invocation_id == invocation_id:
            self._kill = None
            self._dead = True
            raise Dead
        if call.status == "failed":
            raise Trouble
        return call.value

    def _body(self, name: str, order: int, args: tuple[int, str, int]) -> Call:
        value, label, fails = args
        for _ in range(RETRIES[name] + 1):
            self._tries[label] += 1
            if self._kill and self._kill.inside and self._kill.label == label:
                self._kill = None
                self._dead = True
                raise Dead
            if self._tries[label] > fails:
                result = outcome(value, label, self._tries[label])
                return Call(order, "completed", args, result)
        return Call(order, "failed", args)


def _taken_over(
    plan: Plan, invocation_id: str, args: tuple[int, str, int]
) -> Call | None:
    """Return what a replay gives instead of running the call."""
    if invocation_id in plan.overrides:
        return Call(0, "completed", args, plan.overrides[invocation_id])
    before = plan.source.calls.get(invocation_id)
    if before is None or before.order >= plan.limit:
        return None
    if before.status == "failed" and not before.caught:
        return None
    if (plan.changed or plan.overrides) and before.args != args:
        return None
    return Call(0, before.status, before.args, before.value, before.caught, reused=True)


def _numbered(name: str, count: int) -> str:
    return name if count == 1 else f"{name}_{count}"
