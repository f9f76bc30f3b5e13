"""A few processes take turns at what is to go on; none queues for nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder
from kitaru._engine.runners.queue import AT_ONCE, Queue
from kitaru.errors import KitaruUsageError

ME = Holder.me()
PARENT = Holder.of(1)
DEAD = replace(ME, pid=2**22 + 1, started="never")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.db")
    yield opened
    opened.close()


@pytest.fixture
def queue(journal: Journal) -> Queue:
    return Queue(journal)


def filled(queue: Queue, runner: Holder = ME) -> None:
    """Take all places of pool `p`."""
    for number in range(AT_ONCE):
        assert queue.admit(f"busy-{number}", "p", runner)


def test_what_comes_to_a_full_pool_queues_in_order(
    queue: Queue, journal: Journal
) -> None:
    filled(queue)
    for name in ("a", "b"):
        journal.acquire(name, ME)
        assert not queue.admit(name, "p", ME)

    taken = [queue.take("p", PARENT) for _ in range(3)]

    assert taken == ["a", "b", None]
    lease = journal.lease("a")
    assert lease is not None
    assert lease.holder == PARENT


def test_what_queues_has_no_runner(queue: Queue, journal: Journal) -> None:
    filled(queue)
    journal.acquire("a", ME)

    queue.admit("a", "p", ME)

    assert queue.holds("a")
    assert journal.lease("a") is None


def test_pools_do_not_share_places(queue: Queue) -> None:
    filled(queue)

    assert queue.admit("a", "another", ME)


def test_places_of_dead_processes_are_free(queue: Queue) -> None:
    filled(queue, DEAD)

    assert queue.admit("a", "p", ME)


def test_an_empty_queue_gives_the_place_back(queue: Queue) -> None:
    filled(queue)

    assert queue.take("p", ME) is None

    assert queue.admit("a", "p", PARENT)


def test_one_that_another_process_runs_by_now_is_not_taken(
    queue: Queue, journal: Journal
) -> None:
    filled(queue)
    queue.admit("a", "p", ME)
    journal.acquire("a", PARENT)

    assert queue.take("p", ME) is None

    assert not queue.holds("a")


def test_what_queues_is_stranded_once_the_whole_pool_is_dead(queue: Queue) -> None:
    filled(queue)
    queue.admit("a", "p", ME)
    assert queue.stranded() == []
    queue.leave(ME)

    assert queue.stranded() == ["a"]


def test_no_process_is_added_while_one_starts_or_has_just_begun(queue: Queue) -> None:
    filled(queue)
    queue.admit("a", "p", ME)

    assert queue.relieve("p", ME) is None

    for number in range(AT_ONCE):
        queue.join(f"busy-{number}", "p", ME)
    assert queue.relieve("p", ME) is None


def test_a_container_with_our_name_and_our_pids_has_places_of_its_own(
    queue: Queue, journal: Journal
) -> None:
    theirs = replace(ME, space="pid:[1]")
    journal.acquire("theirs", theirs)
    assert queue.admit("theirs", "p", theirs)
    assert queue.admit("ours", "p", ME)

    queue.leave(ME)
    queue.forget_dead()

    # Our system cannot be asked about it, and it was heard of.
    assert journal.read("SELECT execution_id FROM places", ()) == [("theirs",)]


def test_a_process_is_added_when_all_are_busy_for_long(
    queue: Queue, journal: Journal
) -> None:
    filled(queue)
    queue.admit("a", "p", ME)
    queue.admit("b", "p", ME)
    with journal.transaction() as db:
        db.execute("UPDATE places SET busy_since = 1.0")

    added = [queue.relieve("p", ME) for _ in range(2)]

    # The second waits for the first to start.
    assert added == ["a", None]


def test_a_pool_does_not_grow_beyond_its_size(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_RUNNERS", "1")
    queue = Queue(journal)
    assert queue.admit("busy", "p", ME)
    assert not queue.admit("a", "p", ME)
    with journal.transaction() as db:
        db.execute("UPDATE places SET busy_since = 1.0")

    assert queue.relieve("p", ME) is None


@pytest.mark.parametrize("text", ["0", "-1", "many"])
def test_a_bad_size_is_refused(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("KITARU_RUNNERS", text)

    with pytest.raises(KitaruUsageError, match=f"KITARU_RUNNERS is '{text}'"):
        Queue(journal)
