from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kitaru._core.calls.records import (
    CallRecord,
    StoredArtifact,
    StoredValue,
    as_caught,
)
from kitaru._core.flows.facts import LocalFacts
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import SILENCE, Holder, LeaseLost
from kitaru.errors import KitaruStateError

Make = Callable[..., CallRecord]
DEAD = Holder.of(2**22 + 1)  # beyond the largest pid of Linux
ELSEWHERE = Holder("another-host.invalid", 1, "0")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    made = Journal(path)
    yield made
    made.close()


@pytest.fixture
def again(journal: Journal) -> Iterator[Journal]:
    """The same journal as another process sees it."""
    made = Journal(journal.path)
    yield made
    made.close()


# -- calls --------------------------------------------------------------------


def test_outcomes_come_back_whole_and_oldest_first(
    journal: Journal, again: Journal, call: Make, stored: Callable[..., StoredValue]
) -> None:
    artifact = StoredArtifact("id", "plan", "prompt", stored(b""), ("a",))
    elsewhere = replace(stored(b"x"), payload=None, uri="/values/x")
    records = [
        call("z", output=stored(b"1"), artifacts=(artifact,)),
        call("a", failed="no", caught=False),
        call("m", output=elsewhere, artifacts=(artifact,)),
        call("n", metadata={"cost": 1}),
    ]

    for record in records:
        journal.put_call(record)

    assert again.calls(records[0].execution_id) == records
    assert again.calls("another execution") == []


def test_several_outcomes_are_one_commit(journal: Journal, call: Make) -> None:
    before = journal.commits

    journal.put_calls([call("a"), call("b")])

    assert journal.commits == before + 1


def test_a_call_that_ran_again_replaces_its_outcome_in_place(
    journal: Journal, call: Make, stored: Callable[..., StoredValue], execution_id: str
) -> None:
    journal.put_calls([call("a", failed="no"), call("b")])
    journal.mark_caught(execution_id, [as_caught(call("a", failed="no"))])
    journal.mark_projecting(execution_id, ["a", "b"])
    journal.mark_projected(execution_id, ["a", "b"])

    journal.put_call(call("a", output=stored(b"2")))

    first, _ = journal.calls(execution_id)
    assert (first.status, first.caught) == ("completed", False)
    (unprojected,) = journal.calls(execution_id, unprojected=True)
    assert unprojected == first


def test_a_failure_is_marked_as_caught_and_shown_again(
    journal: Journal, call: Make, execution_id: str
) -> None:
    journal.put_calls([call("a", failed="no"), call("b", failed="no")])
    journal.mark_projecting(execution_id, ["a", "b"])
    journal.mark_projected(execution_id, ["a", "b"])

    journal.mark_caught(execution_id, [as_caught(call("a", failed="no"))])

    assert [record.caught for record in journal.calls(execution_id)] == [True, False]
    (shown,) = journal.calls(execution_id, unprojected=True)
    assert shown.invocation_id == "a"


def test_marking_as_projected_costs_no_flush(
    journal: Journal, again: Journal, call: Make, execution_id: str
) -> None:
    journal.put_call(call("a"))
    before = journal.commits

    journal.mark_projecting(execution_id, ["a"])
    journal.mark_projected(execution_id, ["a"])

    assert journal.commits == before
    assert again.calls(execution_id, unprojected=True) == []


# -- executions ---------------------------------------------------------------


def test_facts_of_an_execution_can_be_changed_one_by_one(journal: Journal) -> None:
    journal.put_execution("ex", LocalFacts(flow="f", cwd="/here"), Holder.me())
    journal.update_execution("ex", store="s")
    journal.update_execution("new", flow="g")

    assert journal.execution("ex") == LocalFacts(flow="f", cwd="/here", store="s")
    assert journal.execution("new") == LocalFacts(flow="g")
    assert journal.execution("unknown") is None


def test_a_cancel_reaches_the_runner(journal: Journal, again: Journal) -> None:
    journal.put_execution("ex", LocalFacts(), Holder.me())
    before = journal.cancel_requested("ex")

    again.request_cancel("ex")

    assert before is False
    assert journal.cancel_requested("ex") is True
    assert journal.cancel_requested("unknown") is False


def test_notes_merge_dicts_and_replace_the_rest(journal: Journal) -> None:
    journal.note("ex", {"cost": {"a": 1, "b": 1}, "step": 1, "kind": "x"})
    journal.note("ex", {"cost": {"b": 2, "c": 3}, "step": 2, "kind": {"y": 1}})
    journal.note("other", {"cost": 1})

    assert journal.notes("ex") == {
        "cost": {"a": 1, "b": 2, "c": 3},
        "step": 2,
        "kind": {"y": 1},
    }


def test_notes_of_many_threads_are_all_kept(journal: Journal) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: journal.note("ex", {"all": {str(n): n}}), range(40)))

    assert journal.notes("ex")["all"] == {str(n): n for n in range(40)}


# -- leases and answers -------------------------------------------------------


@pytest.mark.parametrize(
    ("holder", "heard"),
    [
        pytest.param(None, 0.0, id="nobody"),
        pytest.param(Holder.me(), 0.0, id="this process itself"),
        pytest.param(DEAD, 0.0, id="a dead process"),
        pytest.param(ELSEWHERE, SILENCE + 1, id="a silent host"),
    ],
)
def test_an_execution_nobody_runs_can_be_taken(
    journal: Journal, holder: Holder | None, heard: float
) -> None:
    if holder is not None:
        journal.hand_over("ex", holder)
        with journal.transaction() as db:
            db.execute("UPDATE leases SET heartbeat = ?", (time.time() - heard,))

    journal.acquire("ex", Holder.me())

    lease = journal.lease("ex")
    assert lease is not None
    assert lease.holder == Holder.me()
    assert lease.is_live


def test_an_execution_that_runs_cannot_be_taken(journal: Journal) -> None:
    journal.hand_over("ex", ELSEWHERE)

    with pytest.raises(
        KitaruStateError, match=r"process 1 on another-host.*logs ex --follow"
    ):
        journal.acquire("ex", Holder.me())

    lease = journal.lease("ex")
    assert lease is not None
    assert lease.holder == ELSEWHERE


def test_of_many_who_want_to_run_an_execution_one_wins(path: Path) -> None:
    together = threading.Barrier(8)
    Journal(path).close()

    def take(number: int) -> bool:
        own = Journal(path)
        together.wait()
        try:
            own.acquire("ex", Holder("another-host.invalid", number, "0"))
        except KitaruStateError:
            return False
        finally:
            own.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(take, range(8)))

    assert won.count(True) == 1


def test_a_heartbeat_keeps_a_runner_alive(journal: Journal) -> None:
    journal.hand_over("ex", ELSEWHERE)
    with journal.transaction() as db:
        db.execute("UPDATE leases SET heartbeat = 0")
    silent = journal.lease("ex")

    journal.heartbeat("ex")

    heard = journal.lease("ex")
    assert silent is not None
    assert heard is not None
    assert (silent.is_live, heard.is_live) == (False, True)


def test_a_runner_gives_up_its_own_lease_only(journal: Journal) -> None:
    journal.hand_over("ex", ELSEWHERE)

    assert journal.release("ex", Holder.me())
    kept = journal.lease("ex")
    assert journal.release("ex", ELSEWHERE)

    assert kept is not None
    assert journal.lease("ex") is None


def test_a_lease_is_given_up_only_by_the_very_process_that_has_it(
    journal: Journal,
) -> None:
    me = Holder.me()
    journal.hand_over("ex", me)

    for other in (replace(me, started="later"), replace(me, space="pid:[1]")):
        journal.release("ex", other)

    assert journal.lease("ex") is not None


def test_a_runner_that_lost_its_execution_stores_nothing(
    journal: Journal, call: Make, execution_id: str
) -> None:
    token = journal.acquire(execution_id, Holder.me()).token
    journal.put_call(call("a"), token)
    journal.hand_over(execution_id, ELSEWHERE)
    silent = journal.lease(execution_id)

    for store in (
        lambda: journal.put_call(call("b"), token),
        lambda: journal.put_call(call("a", failed="no"), token),
        lambda: journal.put_calls([call("b")], token),
        lambda: journal.note(execution_id, {"x": 1}, token),
        lambda: journal.check_held(execution_id, token),
    ):
        with pytest.raises(LeaseLost, match=r"process 1 on another-host.* runs it now"):
            store()
    journal.heartbeat(execution_id, token)

    assert journal.calls(execution_id) == [call("a")]
    assert journal.notes(execution_id) == {}
    assert journal.lease(execution_id) == silent


def test_a_runner_taken_for_dead_has_lost_its_execution(journal: Journal) -> None:
    lease = journal.acquire("ex", Holder.me())

    journal.take_away(lease)

    with pytest.raises(LeaseLost, match="it was ended meanwhile"):
        journal.check_held("ex", lease.token)
    with pytest.raises(LeaseLost, match="it was ended meanwhile"):
        journal.token_of("ex", Holder.me())


def test_a_process_takes_an_execution_that_it_runs_only_if_it_was_handed_over(
    journal: Journal,
) -> None:
    first = journal.acquire("ex", Holder.me(), own=False)

    with pytest.raises(KitaruStateError, match=r"is run by process .* already"):
        journal.acquire("ex", Holder.me(), own=False)
    held = journal.token_of("ex", Holder.me())
    second = journal.acquire("ex", Holder.me(), own=True)

    assert held == first.token
    assert second.token != first.token


def test_what_queues_for_a_process_is_taken_by_nobody_else(journal: Journal) -> None:
    with journal.transaction() as db:
        db.execute("INSERT INTO queue (execution_id, pool) VALUES ('ex', 'p')")

    with pytest.raises(KitaruStateError, match="queues for a process already"):
        journal.acquire("ex", Holder.me(), own=False)
    assert journal.lease("ex") is None
    assert journal.acquire("ex", Holder.me(), own=False, queued=True).is_live
    assert journal.read("SELECT * FROM queue", ()) == []


def test_the_leases_of_an_earlier_format_stay(path: Path) -> None:
    Journal(path).close()
    with closing(sqlite3.connect(path)) as db:
        for column in ("space", "steady", "token", "sum"):
            db.execute(f"ALTER TABLE leases DROP COLUMN {column}")
        db.execute(
            "INSERT INTO leases VALUES ('ex', 'another-host.invalid', 1, '0', 5)"
        )
        db.execute("PRAGMA user_version = 3")
        db.commit()

    again = Journal(path)

    (lease,) = again.leases()
    assert (lease.holder, lease.steady, lease.is_live) == (ELSEWHERE, None, False)
    assert again.acquire("ex", Holder.me()).is_live
    again.close()


def test_a_runner_about_to_leave_does_not_miss_an_answer(journal: Journal) -> None:
    journal.acquire("ex", Holder.me())
    told = journal.decide("w1", "ex", {"value": True})

    released = journal.release("ex", Holder.me(), ("w1",))

    assert told is not None
    assert told.holder == Holder.me()
    assert not released
    assert journal.lease("ex") is not None


def test_an_answer_after_the_runner_left_reaches_nobody(journal: Journal) -> None:
    journal.acquire("ex", Holder.me())
    journal.release("ex", Holder.me(), ("w1",))

    told = journal.decide("w1", "ex", {"value": [1, None]})

    assert told is None
    assert journal.answer("w1") == {"value": [1, None]}
    assert journal.answer("w2") is None


def test_a_dead_runner_is_not_told_of_an_answer(journal: Journal) -> None:
    journal.hand_over("ex", DEAD)

    assert journal.decide("w1", "ex", {}) is None


def test_the_first_answer_stands_whoever_comes_second(
    journal: Journal, again: Journal
) -> None:
    journal.decide("w1", "ex", {"value": 1})

    with pytest.raises(KitaruStateError, match="by somebody else a moment ago"):
        again.decide("w1", "ex", {"value": 2})
    again.carry_over("w1", "ex", {"value": 3})

    assert journal.answer("w1") == {"value": 1}


def test_of_many_answers_at_once_one_wins(path: Path) -> None:
    together = threading.Barrier(8)
    Journal(path).close()

    def give(number: int) -> bool:
        own = Journal(path)
        together.wait()
        try:
            own.decide("w1", "ex", {"value": number})
        except KitaruStateError:
            return False
        finally:
            own.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(give, range(8)))

    journal = Journal(path)
    assert won.count(True) == 1
    assert journal.answer("w1") == {"value": won.index(True)}
    journal.close()


def test_an_outcome_that_changed_while_it_was_projected_is_projected_again(
    journal: Journal, call: Make
) -> None:
    first, second = call("a", failed="no"), call("a")
    journal.put_call(first)
    journal.mark_projecting(first.execution_id, ["a"])

    journal.put_call(second)
    journal.mark_projected(first.execution_id, ["a"])

    assert journal.calls(first.execution_id, unprojected=True) == [second]


def test_what_was_started_here_stays_so_where_zenml_keeps_it(journal: Journal) -> None:
    for execution_id in ("kept", "gone"):
        started = LocalFacts(python="/usr/bin/python")
        journal.put_execution(execution_id, started, Holder.me())
    journal.update_execution("seen", store="elsewhere")

    journal.forget("kept", stays=True)
    journal.forget("gone")
    journal.forget("seen", stays=True)

    known = [journal.was_started_here(name) for name in ("kept", "gone", "seen")]
    assert known == [True, False, False]
