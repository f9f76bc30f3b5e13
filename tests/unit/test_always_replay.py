"""A tester that runs the body again after every call finds what is hidden."""

from __future__ import annotations

import random

import pytest

import kitaru
from kitaru import checkpoint, flow
from kitaru.errors import KitaruDivergenceError
from kitaru.testing import FlowTester


@checkpoint
def double(number: int) -> int:
    return number * 2


@checkpoint
def add(number: int) -> int:
    return number + 1


@checkpoint
def fails() -> None:
    raise LookupError("nothing there")


def test_checkpoints_run_once_and_the_body_after_every_call() -> None:
    began: list[int] = []

    @flow
    def adding() -> int:
        began.append(1)
        doubles = double.map([1, 2]).results()
        try:
            fails()
        except LookupError:
            kitaru.log(seen="no")
        if not kitaru.wait(schema=bool, name="ok"):
            return 0
        return double(sum(doubles))

    with FlowTester(answers={"ok": True}, always_replay=True) as tester:
        run = tester.run(adding)
        assert run.result == 12

    assert sorted(run.ran) == ["double", "double_2", "double_3", "fails"]
    assert len(began) >= 4


def test_a_hidden_number_fails_the_test() -> None:
    numbers = random.Random(1)

    @flow
    def guessing() -> int:
        return double(double(numbers.randrange(10**9)))

    with FlowTester() as tester:
        assert tester.run(guessing).status == "completed"
    with FlowTester(always_replay=True) as tester:
        run = tester.run(guessing)
        with pytest.raises(KitaruDivergenceError, match="other arguments than before"):
            _ = run.result


def test_a_hidden_choice_fails_the_test() -> None:
    turns = iter(range(100))

    @flow
    def choosing() -> int:
        return double(1) if next(turns) % 2 else add(2)

    with FlowTester(always_replay=True) as tester:
        run = tester.run(choosing)
        with pytest.raises(
            KitaruDivergenceError, match="took another path than before"
        ):
            _ = run.result
