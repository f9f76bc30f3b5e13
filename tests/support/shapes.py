"""Flows as plain data: random shapes, one generic flow that runs them, a record of it.

A shape is a list of nodes. Each node adds values to a list that the flow returns in the
end; `use` says which of them a call gets, `-1` a constant, `-2` what the clock says.
"""

from __future__ import annotations

import threading
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

import kitaru
from kitaru import Flow, checkpoint, flow
from tests.support.polling import DEADLINE

Node = dict[str, Any]
Shape = list[Node]

RETRIES = {"a": 0, "b": 0, "c": 2}
"""The checkpoints, and how many further attempts each of them has."""

CONSTANT = 5
NEVER = 99
CLOCK = "how often a flow body began"


class Trouble(Exception):
    """What failing checkpoints raise."""


def outcome(value: int, label: str, tries: int) -> int:
    """Return what a body returns: something else each time it runs."""
    return (value * 7 + zlib.crc32(label.encode()) % 101 + tries * 13) % 1009


class World:
    """What is outside: how often bodies ran, and when they fail.

    A concurrent body runs when the flow opens its gate, so that what is known at each
    moment does not depend on the speed of threads.
    """

    def __init__(self) -> None:
        self.tries: Counter[str] = Counter()
        self.interrupt: str | None = None
        self.gates: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def work(self, value: int, label: str, fails: int) -> int:
        """Be the body of a checkpoint."""
        if label in self.gates:
            assert self.gates[label].wait(DEADLINE), f"the gate of {label} stays closed"
        with self._lock:
            self.tries[label] += 1
            tries = self.tries[label]
        if self.interrupt == label:
            self.interrupt = None
            raise KeyboardInterrupt
        if tries <= fails:
            raise Trouble(label)
        return outcome(value, label, tries)

    def close_gate(self, label: str) -> threading.Event:
        """Let the body of `label` wait until the event is set."""
        gate = self.gates[label] = threading.Event()
        return gate


def make_flow(world: World) -> Flow[..., list[int]]:
    """Return the flow that runs any shape."""

    def declared(name: str, retries: int) -> Any:
        def body(value: int | datetime, label: str, fails: int) -> int:
            number = int(value.timestamp()) if isinstance(value, datetime) else value
            return world.work(number, label, fails)

        body.__name__ = name
        return checkpoint(retries=retries)(body)

    checkpoints = {name: declared(name, retries) for name, retries in RETRIES.items()}

    @flow
    def shaped(shape: Shape, n: int) -> list[int]:
        world.tries[CLOCK] += 1
        body = _Body(world, checkpoints, n)
        body.run(shape)
        return body.seen

    return shaped


class _Body:
    """One pass through the flow body."""

    def __init__(self, world: World, checkpoints: dict[str, Any], n: int) -> None:
        self.seen = [n]
        self._world = world
        self._checkpoints = checkpoints
        self._visits: Counter[int] = Counter()
        self._gates: list[threading.Event] = []

    def run(self, nodes: Shape) -> None:
        for node in nodes:
            getattr(self, node["do"])(node)

    def step(self, node: Node) -> None:
        label = self._label(node)
        call = self._checkpoints[node["name"]]
        self.seen.append(call(_as_given(node, self._used(node)), label, node["fails"]))

    def branch(self, node: Node) -> None:
        self.run(node["odd"] if self._used(node) % 2 else node["even"])

    def loop(self, node: Node) -> None:
        for _ in range(node["times"]):
            self.run(node["body"])

    def map(self, node: Node) -> None:
        label, value = self._label(node), self._used(node)
        labels = [f"{label}.{i}" for i in range(len(node["fails"]))]
        gates = [self._gate(each) for each in labels]
        values = [_as_given(node, value + i) for i in range(len(labels))]
        futures = self._checkpoints[node["name"]].map(values, labels, node["fails"])
        self._open(gates)
        self.seen += futures.results()

    def submit(self, node: Node) -> None:
        label = self._label(node)
        gate = self._gate(label)
        call = self._checkpoints[node["name"]]
        future = call.submit(_as_given(node, self._used(node)), label, node["fails"])
        try:
            self.run(node["meanwhile"])
        finally:
            self._open([gate])
            # Not a race with what follows, if `meanwhile` failed.
            future.settle()
        self.seen.append(future.result())

    def chain(self, node: Node) -> None:
        label = self._label(node)
        gates = [self._gate(f"{label}.{i}") for i in range(2)]
        call = self._checkpoints[node["name"]]
        given = _as_given(node, self._used(node))
        first = call.submit(given, f"{label}.0", node["fails"][0])
        second = call.submit(first, f"{label}.1", node["fails"][1])
        self._open(gates)
        self.seen.append(second.result())

    def guard(self, node: Node) -> None:
        try:
            self.run(node["body"])
        except Trouble:
            self.run(node["otherwise"])

    def wait(self, node: Node) -> None:
        self._open(list(self._gates))
        self.seen.append(kitaru.wait(schema=int, timeout=0))

    def _label(self, node: Node) -> str:
        self._visits[node["id"]] += 1
        return f"{node['id']}#{self._visits[node['id']]}"

    def _used(self, node: Node) -> int:
        use = node["use"]
        if use == -2:
            return self._world.tries[CLOCK]
        return CONSTANT if use < 0 else self.seen[use % len(self.seen)]

    def _gate(self, label: str) -> threading.Event:
        gate = self._world.close_gate(label)
        self._gates.append(gate)
        return gate

    def _open(self, gates: list[threading.Event]) -> None:
        for gate in gates:
            gate.set()
            with suppress(ValueError):
                self._gates.remove(gate)


def _as_given(node: Node, value: int) -> int | datetime:
    """Return an argument: the time of day, which differs in each run, as a time."""
    return datetime.fromtimestamp(value, UTC) if node["use"] == -2 else value


# -- random shapes -------------------------------------------------------------

_NAMES = st.sampled_from(sorted(RETRIES))
_USES = st.integers(-1, 5)
_USES_CLOCK = st.integers(-2, 5)
_FAILS = st.sampled_from([0, 0, 0, 0, 1, 2, 4])
_FAILS_OFTEN = st.sampled_from([0, 1, NEVER, NEVER])


def _node(do: str, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Node]:
    return st.fixed_dictionaries({"do": st.just(do), **parts})


def _leaves(fails: st.SearchStrategy[int]) -> st.SearchStrategy[Node]:
    step = _node("step", name=_NAMES, use=_USES_CLOCK, fails=fails)
    several = st.lists(fails, min_size=1, max_size=3)
    return st.one_of(
        step,
        step,
        _node("wait"),
        _node("map", name=_NAMES, use=_USES_CLOCK, fails=several),
        _node(
            "chain",
            name=_NAMES,
            use=_USES_CLOCK,
            fails=st.tuples(fails, fails).map(list),
        ),
    )


def _containers(
    nodes: Callable[[], st.SearchStrategy[Shape]],
) -> st.SearchStrategy[Node]:
    some = st.deferred(nodes)
    failing = st.lists(_leaves(_FAILS_OFTEN), min_size=1, max_size=3)
    return st.one_of(
        _node("branch", use=_USES, odd=some, even=some),
        _node("loop", times=st.integers(0, 3), body=some),
        _node("submit", name=_NAMES, use=_USES, fails=_FAILS, meanwhile=some),
        _node("guard", body=st.one_of(failing, some), otherwise=some),
    )


def _nodes() -> st.SearchStrategy[Shape]:
    leaf = _leaves(_FAILS)
    return st.lists(st.one_of(leaf, leaf, _containers(_nodes)), max_size=3)


def _numbered(shape: Shape, start: int = 0) -> int:
    """Give each node an id of its own."""
    for node in shape:
        node["id"] = start
        start += 1
        for inner in ("odd", "even", "body", "meanwhile", "otherwise"):
            start = _numbered(node.get(inner, []), start)
    return start


def _finished(shape: Shape) -> Shape:
    _numbered(shape)
    return shape


def shapes(max_size: int = 5) -> st.SearchStrategy[Shape]:
    """Return a strategy for shapes with up to `max_size` nodes at the top."""
    leaf = _leaves(_FAILS)
    node = st.one_of(leaf, _containers(_nodes))
    return st.lists(node, min_size=1, max_size=max_size).map(_finished)
