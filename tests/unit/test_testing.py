from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydantic import BaseModel, field_validator

import kitaru
from kitaru import checkpoint, flow
from kitaru.errors import (
    KitaruStateError,
    KitaruUsageError,
    KitaruUserCodeError,
    KitaruWaitValidationError,
)
from kitaru.testing import FlowRun, FlowTester

broken: list[str] = []


@checkpoint
def gather(n: int) -> int:
    return n + 1


@checkpoint
def publish(n: int) -> str:
    if broken:
        raise OSError("no network")
    return f"published {n}"


@flow
def writing(n: int = 1) -> str:
    total = gather(n)
    if kitaru.wait(schema=bool, name="ok"):
        return publish(total)
    return "dropped"


@flow
def asking() -> list[int]:
    return [kitaru.wait(schema=int, name="n") for _ in range(3)]


@flow
def straight(n: int = 1) -> str:
    return publish(gather(gather(n)))


class Even(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value


@flow
def choosing() -> int:
    chosen: Even = kitaru.wait(schema=Even, name="choice")
    return chosen.n


@pytest.fixture
def tester() -> Iterator[FlowTester]:
    broken.clear()
    with FlowTester() as opened:
        yield opened


# -- running -------------------------------------------------------------------


def test_a_run_has_result_status_and_what_ran(tester: FlowTester) -> None:
    run = tester.run(straight, 2)

    assert (run.status, run.result) == ("completed", "published 4")
    assert run.ran == ["gather", "gather_2", "publish"]
    assert run.reused == []
    assert run.execution.flow_name == "straight"
    assert run.exec_id == tester.client.executions.latest().exec_id


def test_arguments_are_those_of_the_flow(tester: FlowTester) -> None:
    assert tester.run(straight, n=5).result == "published 7"
    with pytest.raises(KitaruUsageError, match="no input 'm'"):
        tester.run(straight, m=5)


def test_a_failure_is_raised_from_the_users_exception(tester: FlowTester) -> None:
    broken.append("publish")

    run = tester.run(straight)

    assert run.status == "failed"
    with pytest.raises(KitaruUserCodeError, match="no network") as caught:
        _ = run.result
    assert isinstance(caught.value.__cause__, OSError)


def test_async_flows_run(tester: FlowTester) -> None:
    @checkpoint
    async def fetch() -> int:
        return 3

    @flow
    async def fetching() -> int:
        return await fetch()

    assert tester.run(fetching).result == 3


@pytest.mark.parametrize(
    "use",
    [
        lambda tester, run: tester.run(straight),
        lambda tester, run: tester.retry(run),
        lambda tester, run: tester.replay(run, from_="gather"),
    ],
    ids=["run", "retry", "replay"],
)
def test_a_tester_that_is_not_open_runs_nothing(
    use: Callable[[FlowTester, FlowRun | None], FlowRun],
) -> None:
    with FlowTester() as tester:
        run = tester.run(straight)

    with pytest.raises(KitaruUsageError, match="with FlowTester"):
        use(tester, run)


def test_testers_know_nothing_of_one_another(tester: FlowTester) -> None:
    tester.run(straight)

    with FlowTester() as other:
        assert other.client.executions.list() == []
    assert len(tester.client.executions.list()) == 1


# -- answers -------------------------------------------------------------------


def test_scripted_answers_are_given() -> None:
    with FlowTester(answers={"ok": True}) as tester:
        run = tester.run(writing)

    assert run.answered == ["ok"]
    with FlowTester(answers={"ok": False}) as tester:
        assert tester.run(writing).result == "dropped"


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        pytest.param({"n": 7}, [7, 7, 7], id="one for all"),
        pytest.param({"n": [1, 2, 3]}, [1, 2, 3], id="one each"),
        pytest.param({"n": 7, "n_2": 8}, [7, 8, 7], id="one by its own name"),
    ],
)
def test_waits_of_one_name_are_answered(
    answers: dict[str, object], result: list[int]
) -> None:
    with FlowTester(answers=answers) as tester:
        first, second = tester.run(asking), tester.run(asking)

        assert (first.result, second.result) == (result, result)


def test_a_list_that_is_used_up_pauses_the_run(tester: FlowTester) -> None:
    tester.answer("n", [1, 2])

    run = tester.run(asking)

    assert (run.status, run.waits_for) == ("waiting", "n_3")
    with pytest.raises(KitaruStateError, match="waiting for 'n_3'"):
        _ = run.result
    assert run.input(3).result == [1, 2, 3]


def test_a_run_without_answers_waits_for_a_person(tester: FlowTester) -> None:
    run = tester.run(writing)
    assert run.waits_for == "ok"

    run.input(True, wait="ok")

    assert (run.waits_for, run.result) == (None, "published 2")


def test_an_answer_is_checked_like_any_other(tester: FlowTester) -> None:
    tester.answer("ok", "yes")

    with pytest.raises(KitaruWaitValidationError, match="must be a boolean"):
        tester.run(writing)


def test_an_answer_that_a_validator_refuses_is_not_given_for_ever(
    tester: FlowTester,
) -> None:
    tester.answer("choice", {"n": 3})
    run = tester.run(choosing)
    assert run.waits_for == "choice"

    tester.answer("choice", [{"n": 3}, {"n": 4}])

    assert tester.run(choosing).result == 4


# -- deaths and retries --------------------------------------------------------


def test_a_killed_run_goes_on_where_it_died(tester: FlowTester) -> None:
    run = tester.run(straight, kill_after="gather")
    assert run.status == "failed"
    assert run.execution.failure is not None
    assert run.execution.failure.origin == "runtime"

    again = tester.retry(run, kill_after="gather_2")
    assert (again.status, again.ran) == ("failed", ["gather_2"])
    tester.retry(run)

    assert run.result == "published 3"
    run.assert_reused("gather", "gather_2")
    run.assert_ran("publish")


def test_a_run_can_die_after_a_wait_with_a_scripted_answer(tester: FlowTester) -> None:
    tester.answer("ok", True)

    run = tester.run(writing, kill_after="publish")

    assert run.status == "failed"
    assert tester.retry(run).result == "published 2"
    run.assert_ran()


@pytest.mark.parametrize("unknown", ["gather_3", "nothing"])
def test_a_death_that_does_not_come_is_an_error(
    tester: FlowTester, unknown: str
) -> None:
    with pytest.raises(KitaruUsageError, match=f"{unknown}.*had a result"):
        tester.run(straight, kill_after=unknown)

    assert tester.run(straight).status == "completed"


def test_only_a_failed_run_can_be_retried(tester: FlowTester) -> None:
    run = tester.run(straight)

    with pytest.raises(KitaruStateError):
        tester.retry(run)

    assert run.ran == ["gather", "gather_2", "publish"]


# -- replays -------------------------------------------------------------------


def test_a_replay_is_a_run_of_its_own(tester: FlowTester) -> None:
    first = tester.run(straight)

    again = tester.replay(first, from_="gather_2")

    assert again.exec_id != first.exec_id
    again.assert_reused("gather")
    again.assert_ran("gather_2", "publish")


def test_a_replay_takes_overrides_and_inputs(tester: FlowTester) -> None:
    first = tester.run(writing)
    first.input(True)
    tester.answer("ok", True)

    overridden = tester.replay(
        first, from_="publish", overrides={"checkpoint.gather": 9}
    )
    changed = tester.replay(first, from_="publish", n=5, reuse_waits=True)

    assert (overridden.result, changed.result) == ("published 9", "published 6")
    overridden.assert_reused("gather")
    assert (overridden.answered, changed.answered) == (["ok"], [])


def test_a_replay_can_die_and_go_on(tester: FlowTester) -> None:
    first = tester.run(straight)

    again = tester.replay(first, from_="gather_2", kill_after="gather_2")
    assert again.status == "failed"
    tester.retry(again)

    again.assert_ran("publish")


# -- assertions -------------------------------------------------------


@pytest.mark.parametrize("what", ["ran", "reused"])
def test_assertions_show_both_sides(tester: FlowTester, what: str) -> None:
    run = tester.run(straight)
    check = run.assert_ran if what == "ran" else run.assert_reused

    with pytest.raises(AssertionError, match=rf"{what} \[.*, expected \['other'\]"):
        check("other")
