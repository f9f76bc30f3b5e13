"""Each example, in memory: it dies after every checkpoint, and does nothing twice."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from kitaru.flows import Flow
from kitaru.testing import FlowTester

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Example(NamedTuple):
    """How an example is run, what it is answered, and what it returns then."""

    name: str
    inputs: tuple[str, ...]
    wait: str
    answer: Any
    result: str


ALL = [
    Example(
        "first_flow", ("tea",), "approve", True, "published: three facts about tea"
    ),
    Example("coding", ("BROKEN",), "review", {"accept": True}, "saved slug.py"),
    Example(
        "research", ("sockets",), "direction", {"go_on": "write"}, "# Sockets, a plain"
    ),
    Example("support", ("A-17",), "approve", {"verdict": "refund"}, "We have refunded"),
]


@pytest.fixture(params=ALL, ids=lambda example: example.name)
def example(request: pytest.FixtureRequest) -> Example:
    found: Example = request.param
    return found


@pytest.fixture
def module(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """The example's file, loaded in an empty folder."""
    monkeypatch.chdir(tmp_path)
    path = EXAMPLES / example.name / f"{example.name}.py"
    spec = importlib.util.spec_from_file_location(f"example_{example.name}", path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    yield loaded
    del sys.modules[spec.name]


def run(
    tester: FlowTester, module: ModuleType, example: Example, **options: Any
) -> Any:
    flow = next(v for v in vars(module).values() if isinstance(v, Flow))
    inputs = [getattr(module, value, value) for value in example.inputs]
    return tester.run(flow, *inputs, **options)


def test_it_asks_and_goes_on_with_the_answer(
    module: ModuleType, example: Example
) -> None:
    with FlowTester() as tester:
        begun = run(tester, module, example)
        assert begun.waits_for == example.wait

        begun.input(example.answer)

        assert begun.result.startswith(example.result)


def test_a_death_after_any_checkpoint_repeats_none(
    module: ModuleType, example: Example
) -> None:
    with FlowTester(answers={example.wait: example.answer}) as tester:
        whole = run(tester, module, example)
        for dies_after in whole.ran:
            begun = run(tester, module, example, kill_after=dies_after)
            finished = set(begun.ran)

            tester.retry(begun)

            assert begun.result == whole.result or example.name == "support"
            assert not finished & set(begun.ran)


def test_a_small_refund_asks_nobody_and_a_large_one_can_be_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(EXAMPLES / "support"))
    import support

    with FlowTester(answers={"approve": {"verdict": "refuse"}}) as tester:
        small = tester.run(support.refund, "B-02")
        large = tester.run(support.refund, "A-17")

        assert small.result.startswith("We have refunded order B-02")
        assert large.result == "refused: order A-17"
    assert len(support.BANK.read_text().splitlines()) == 1
