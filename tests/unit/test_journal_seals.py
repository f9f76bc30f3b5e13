"""What the journal says is as it was written, or refused, or left out."""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kitaru._core.calls import records
from kitaru._core.calls.records import CallRecord, StoredValue
from kitaru._core.flows.facts import LocalFacts
from kitaru._engine.journal import compaction, due, health, sealing
from kitaru._engine.journal.breakpoints import JournalBreakpoints
from kitaru._engine.journal.due import Due
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder
from kitaru._engine.runners.queue import Queue
from kitaru.errors import KitaruBackendError

Make = Callable[..., CallRecord]
FACTS = LocalFacts(flow="writing", cwd="/home/Zoë", uses=("a",))
ELSEWHERE = Holder("another-host.invalid", 1, "boot/7", "pid:[1]")
NOTHING: tuple[object, ...] = (None, [], {}, False, ())


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db")
    yield made
    made.close()


@pytest.fixture
def filled(
    journal: Journal, call: Make, stored: Callable[..., StoredValue], execution_id: str
) -> Journal:
    """A journal that has a row in each table."""
    record = call("a", output=stored(b"1"), metadata={"cost": 1}, cache_key="key")
    journal.put_call(record)
    journal.put_execution(execution_id, FACTS, ELSEWHERE)
    journal.note(execution_id, {"who": "Zoë"})
    journal.decide("w1", execution_id, {"value": True, "by": "anna"})
    journal.release(execution_id, ELSEWHERE, completed=True)
    due.put(journal, Due("w2", execution_id, due.WAIT, due.now(), {}))
    JournalBreakpoints(journal).change(execution_id, add=["draft"])
    journal.hand_over(execution_id, ELSEWHERE)
    queue = Queue(journal)
    queue.join(execution_id, "full", ELSEWHERE)
    with journal.transaction() as db:
        db.execute("INSERT INTO queue (execution_id, pool) VALUES ('ex', 'full')")
        db.execute(
            "INSERT INTO schedules (project, name, body) VALUES ('p', 'n', '{}')"
        )
    return journal


def behind(path: Path, statement: str, *values: object) -> None:
    """Change the file behind the journal's back."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute(statement, values)
        database.commit()


def flips(value: Any) -> Iterator[object]:
    """Yield a value of a column with one bit flipped, at many places."""
    if value is None:
        yield from (0, "", b"")
    elif isinstance(value, int):
        yield from (value ^ 1 << bit for bit in range(63))
    elif isinstance(value, float):
        (bits,) = struct.unpack("q", struct.pack("d", value))
        for bit in range(63):
            (flipped,) = struct.unpack("d", struct.pack("q", bits ^ 1 << bit))
            yield flipped if flipped == flipped else None  # SQLite has no NaN
    else:
        whole = value.encode()
        # One bit of a kind of row says text or bytes.
        yield whole
        for place in range(len(whole)):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << place % 8
            yield bytes(flipped)


def answered(read: Callable[[], object]) -> object:
    try:
        return read()
    except KitaruBackendError as error:
        return None if "is damaged" in str(error) else error


def readers(journal: Journal, execution_id: str) -> dict[str, Callable[[], object]]:
    queue = Queue(journal)
    return {
        "executions": lambda: journal.execution(execution_id),
        "calls": lambda: [journal.calls(execution_id), journal.cached("key")],
        "notes": lambda: journal.notes(execution_id),
        "leases": lambda: [
            journal.lease(execution_id),
            journal.leases(),
            journal.held_by(ELSEWHERE),
        ],
        "answers": lambda: journal.answer("w1"),
        # Whom no pool takes for sure is started for itself.
        "queue": lambda: [queue.holds("ex") or None, queue.is_awaited("full") or None],
    }


COLUMNS = [
    pytest.param(table, column, id=f"{table} {column}")
    for table in ("executions", "calls", "notes", "leases", "answers")
    for column in (*sealing.SEALED[table].key, *sealing.SEALED[table].others, "sum")
]


def parts(answer: object) -> list[object]:
    return answer if isinstance(answer, list) else [answer]


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_no_flipped_bit_makes_another_fact(
    filled: Journal, execution_id: str, table: str, column: str
) -> None:
    read = readers(filled, execution_id)[table]
    was = answered(read)
    ((before,),) = filled.read(f"SELECT {column} FROM {table}", ())
    is_text = isinstance(before, str)

    for flipped in flips(before):
        as_text = is_text and flipped != before.encode()
        value = "CAST(?1 AS TEXT)" if as_text else "?1"
        behind(filled.path, f"UPDATE {table} SET {column} = {value}", flipped)
        now = answered(read)

        for part, whole in zip(
            parts(now) if now is not None else [None] * len(parts(was)),
            parts(was),
            strict=True,
        ):
            assert part == whole or part in NOTHING, (table, column, flipped)
        behind(filled.path, f"UPDATE {table} SET {column} = ?", before)
    assert answered(read) == was


def test_each_table_is_sealed_in_all_that_is_not_checked_otherwise(
    journal: Journal,
) -> None:
    tables = {
        str(name)
        for (name,) in journal.read(
            "SELECT name FROM sqlite_master WHERE type = 'table' "
            "AND name NOT LIKE 'sqlite_%'",
            (),
        )
    }
    left = {
        f"{table}.{row[1]}"
        for table, sealed in sealing.SEALED.items()
        for row in journal.read(f"PRAGMA table_info({table})", ())
        if row[1] not in (*sealed.key, *sealed.others, "sum")
    }

    assert tables == {*sealing.SEALED, "own"}
    assert left == {"calls.payloads", "executions.cancel"}


@pytest.mark.parametrize("damaged", ["pool = 'empty'", "seq = 9", "sum = sum + 1"])
def test_what_queues_for_a_pool_that_cannot_be_read_is_started_for_itself(
    filled: Journal, damaged: str
) -> None:
    queue = Queue(filled)
    assert queue.stranded() == []

    behind(filled.path, f"UPDATE queue SET {damaged}")

    assert queue.stranded() == ["ex"]
    assert queue.take("full", Holder.me()) is None


def test_a_damaged_place_is_none(filled: Journal) -> None:
    behind(filled.path, "UPDATE places SET pid = pid + 1")

    Queue(filled).forget_dead()

    assert filled.read("SELECT * FROM places", ()) == []


@pytest.mark.parametrize("bit", range(63))
def test_no_flipped_bit_asks_a_runner_to_stop(
    filled: Journal, execution_id: str, bit: int
) -> None:
    behind(filled.path, "UPDATE executions SET cancel = cancel | ?", 1 << bit)

    assert not filled.cancel_requested(execution_id)
    filled.request_cancel(execution_id)
    assert filled.cancel_requested(execution_id)


def test_outcomes_that_may_not_be_shown_stay_when_the_journal_is_compacted(
    filled: Journal, execution_id: str
) -> None:
    filled.take_away(filled.leases()[0])
    behind(filled.path, "UPDATE calls SET projected = 1")

    assert compaction.compact(filled, 0) == 0

    assert filled.read("SELECT count(*) FROM calls", ()) == [(1,)]


@pytest.mark.parametrize("table", sealing.SEALED)
def test_who_looks_through_the_file_finds_a_damaged_row(
    filled: Journal, table: str
) -> None:
    before = health.check(filled.path)

    behind(filled.path, f"UPDATE {table} SET sum = sum + 1")

    after = health.check(filled.path)
    assert (before.problem, before.is_damaged) == (None, False)
    assert after.problem == f"a row of '{table}' does not match its checksum"
    assert after.is_damaged


def test_bytes_that_are_no_text_are_called_damaged(
    journal: Journal, call: Make, execution_id: str
) -> None:
    journal.put_call(call("a"))

    behind(journal.path, "UPDATE calls SET body = CAST(X'FF' AS TEXT)")

    with pytest.raises(KitaruBackendError, match="is damaged"):
        journal.calls(execution_id)


@pytest.mark.parametrize(
    ("change_of", "told"),
    [
        ("invocation_id = 'b'", "call 'b' of"),
        ("body = '{'", "call 'a' of"),
        ("payloads = X'5B5D0A'", "call 'a' of"),
        ("payloads = X'7B'", "call 'a' of"),
        ("caught = 1", "does not match its checksum"),
        ("cache_key = 'another'", "does not match its checksum"),
        ("seq = seq + 1", "does not match its checksum"),
    ],
)
def test_a_damaged_call_is_named_and_no_other_one(
    journal: Journal,
    call: Make,
    stored: Callable[..., StoredValue],
    execution_id: str,
    change_of: str,
    told: str,
) -> None:
    journal.put_call(call("a", output=stored(b"1")))
    journal.put_execution("other", FACTS, Holder.me())

    behind(journal.path, f"UPDATE calls SET {change_of}")

    with pytest.raises(KitaruBackendError) as caught:
        journal.calls(execution_id)
    assert told in str(caught.value)
    assert execution_id in str(caught.value)
    assert "put back a copy of the file" in str(caught.value)
    assert journal.execution("other") == FACTS


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("answers", "the answer to a wait of"),
        ("leases", "who runs"),
        ("notes", "the metadata"),
    ],
)
def test_what_is_damaged_is_said(
    filled: Journal, execution_id: str, table: str, told: str
) -> None:
    behind(filled.path, f"UPDATE {table} SET sum = sum + 1")

    with pytest.raises(KitaruBackendError, match=f"what it says of {told}") as caught:
        readers(filled, execution_id)[table]()
    assert execution_id in str(caught.value)


def test_clean_does_not_go_by_damaged_descriptions(
    filled: Journal, execution_id: str
) -> None:
    behind(filled.path, "UPDATE calls SET body = replace(body, 'a', 'b')")

    with pytest.raises(KitaruBackendError, match="the values of execution"):
        filled.mentions(execution_id, "/kitaru/")


def test_rows_from_before_the_format_had_seals_are_read(
    filled: Journal, call: Make, execution_id: str
) -> None:
    was = filled.calls(execution_id)
    for table in sealing.SEALED:
        behind(filled.path, f"ALTER TABLE {table} DROP COLUMN sum")
    behind(filled.path, "PRAGMA user_version = 3")

    with closing(Journal(filled.path)) as later:
        assert later.calls(execution_id) == was
        assert later.execution(execution_id) == FACTS
        assert later.notes(execution_id) == {"who": "Zoë"}
        assert later.read("PRAGMA user_version", ()) == [(6,)]
        # From now on it is as any other.
        later.note(execution_id, {"who": "Ann"})
        behind(later.path, "UPDATE notes SET value = '1'")
        with pytest.raises(KitaruBackendError, match="checksum"):
            later.notes(execution_id)


@pytest.mark.parametrize("table", ["calls", "executions"])
def test_a_field_that_nobody_knows_is_refused(
    filled: Journal, execution_id: str, table: str
) -> None:
    ((body,),) = filled.read(f"SELECT body FROM {table}", ())
    changed = json.dumps({**json.loads(body), "moon": 1})

    with filled.transaction() as db:
        db.execute(f"UPDATE {table} SET body = ?", (changed,))

    with pytest.raises(KitaruBackendError, match="moon"):
        filled.calls(execution_id) if table == "calls" else filled.execution(
            execution_id
        )


def test_facts_without_a_version_may_have_fields_that_went_since(
    journal: Journal,
) -> None:
    journal.put_execution("ex", FACTS, Holder.me())
    old = json.dumps({"flow": "writing", "source": {"file": "a.py"}, "version": 0})

    with journal.transaction() as db:
        db.execute("UPDATE executions SET body = ?", (old,))

    assert journal.execution("ex") == LocalFacts(flow="writing", version=0)


def test_a_record_in_zenml_that_is_none_is_an_error_of_ours() -> None:
    with pytest.raises(KitaruBackendError, match="cannot be read"):
        records.from_json("{}")
