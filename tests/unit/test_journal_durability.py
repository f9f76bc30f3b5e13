from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kitaru._core.calls.records import CallRecord
from kitaru._core.flows.facts import LocalFacts
from kitaru._engine.journal import leases
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder
from kitaru.errors import KitaruBackendError

Make = Callable[..., CallRecord]

# Writes rows of payload to a journal and says so; the tests start it many times.
WRITER = """
import hashlib, itertools, sys
from datetime import UTC, datetime
from pathlib import Path
from kitaru._core.calls.records import CallRecord, StoredValue
from kitaru._engine.journal.journal import Journal

path, name, rows, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
now = datetime(2026, 1, 2, tzinfo=UTC)
journal = Journal(Path(path))
for number in itertools.count() if rows < 0 else range(rows):
    payload = f"{name}/{number}".encode().ljust(size)
    output = StoredValue(
        "bytes", "b", hashlib.sha256(payload).hexdigest(), size, payload
    )
    journal.put_call(
        CallRecord("ex", f"{name}_{number}", name, "completed", now, now, output=output)
    )
    print(number, flush=True)
"""


def writer(path: Path, name: str, rows: int, size: int = 100) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, path, name, str(rows), str(size)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


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


# -- durability ---------------------------------------------------------------


def test_processes_share_a_new_journal_and_lose_nothing(path: Path) -> None:
    writers = [writer(path, f"w{number}", rows=50) for number in range(8)]

    ended = [(*process.communicate(), process.returncode) for process in writers]

    assert [(err, code) for _, err, code in ended] == [("", 0)] * 8
    with_all = Journal(path)
    names = {record.invocation_id for record in with_all.calls("ex")}
    with_all.close()
    assert names == {f"w{w}_{row}" for w in range(8) for row in range(50)}


def test_a_killed_process_loses_no_committed_row(path: Path) -> None:
    process = writer(path, "w", rows=-1, size=5_000)
    assert process.stdout is not None
    said = [int(process.stdout.readline()) for _ in range(40)]

    process.kill()
    rest, _ = process.communicate()

    # The last line may be cut short by the kill.
    said += [int(line) for line in rest.split("\n")[:-1]]
    after = Journal(path)
    records = after.calls("ex")
    after.close()
    assert {f"w_{number}" for number in said} <= {r.invocation_id for r in records}
    assert {r.output and len(r.output.payload or b"") for r in records} == {5_000}


def test_every_commit_is_flushed_to_disk(journal: Journal) -> None:
    journal.mark_projecting("ex", ["a"])
    journal.mark_projected("ex", ["a"])

    with journal.transaction() as db:
        level = db.execute("PRAGMA synchronous").fetchone()[0]

    assert level == 2  # FULL (https://sqlite.org/pragma.html#pragma_synchronous)


def test_a_failed_transaction_changes_nothing(
    journal: Journal, call: Make, execution_id: str
) -> None:
    with pytest.raises(KeyError):
        write_and_raise(journal)

    assert journal.lease("ex") is None
    journal.put_call(call("a"))
    assert len(journal.calls(execution_id)) == 1


def test_a_commit_that_fails_leaves_no_transaction_open(
    journal: Journal, again: Journal, call: Make, execution_id: str
) -> None:
    with pytest.raises(KitaruBackendError):
        break_a_promise(journal)

    journal.put_call(call("a"))

    assert len(again.calls(execution_id)) == 1


def write_and_raise(journal: Journal) -> None:
    with journal.transaction() as db:
        leases.write(db, "ex", Holder.me())
        raise KeyError("a")


def break_a_promise(journal: Journal) -> None:
    """Write a row whose foreign key is missing, which only the commit finds."""
    with journal.transaction() as db:
        # The pragma does nothing inside a transaction.
        db.execute("COMMIT")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("BEGIN IMMEDIATE")
        db.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        db.execute(
            "CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
        )
        db.execute("INSERT INTO child VALUES (7)")


# -- what can be wrong with the place -----------------------------------------


def test_a_file_that_is_no_database_is_called_damaged(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all, but long enough to have a header" * 50)

    with pytest.raises(KitaruBackendError, match=r"is damaged.*move it away") as caught:
        Journal(path)

    assert str(path) in str(caught.value)


def test_a_journal_damaged_in_the_middle_is_called_damaged(
    path: Path, call: Make, execution_id: str
) -> None:
    journal = Journal(path)
    journal.put_calls([call(f"c{n}", metadata={"x": "y" * 500}) for n in range(200)])
    journal.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    damaged = Journal(path)

    with pytest.raises(KitaruBackendError, match=r"is damaged.*move it away"):
        damaged.calls(execution_id)

    damaged.close()


def test_a_folder_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)

    with pytest.raises(KitaruBackendError, match="can be written"):
        Journal(path)


def test_a_file_in_place_of_its_folder_is_refused(path: Path) -> None:
    path.parent.write_text("in the way")

    with pytest.raises(KitaruBackendError, match="cannot be used"):
        Journal(path)


def test_a_newer_format_asks_for_a_newer_kitaru(path: Path) -> None:
    Journal(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(KitaruBackendError, match=r"format 99.*upgrade kitaru"):
        Journal(path)


def test_a_closed_journal_is_not_called_damaged(path: Path) -> None:
    journal = Journal(path)
    journal.close()

    with pytest.raises(KitaruBackendError, match="closed database") as caught:
        journal.calls("ex")

    assert "damaged" not in str(caught.value)


READ_ONLY = """
import os, sys
from pathlib import Path
from kitaru._engine.journal.journal import Journal
from kitaru.errors import KitaruBackendError
if os.geteuid() == 0:
    os.setuid(65534)  # root may write anywhere
try:
    Journal(Path(sys.argv[1])).request_cancel("ex")
except KitaruBackendError as error:
    print(error)
"""


@pytest.mark.parametrize("exists", [False, True], ids=["no journal", "a journal"])
def test_a_folder_that_cannot_be_written_says_so(exists: bool) -> None:
    # pytest's own folders are closed to other users.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if exists:
            Journal(folder / "journal.db").close()
        folder.chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, folder / "journal.db"],
            capture_output=True,
            text=True,
            check=True,
        )
        folder.chmod(0o755)

    assert "check that the folder exists and can be written" in done.stdout


FULL = """
import resource, sys
from pathlib import Path
from kitaru._engine.journal.journal import Journal
from kitaru.errors import KitaruBackendError
journal = Journal(Path(sys.argv[1]))
journal.update_execution("before", flow="running")
room = Path(sys.argv[1] + "-wal").stat().st_size + 20_000
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
for large in ("x" * 100_000, "x" * 3_000_000):
    try:
        journal.update_execution("large", flow=large)
    except KitaruBackendError as error:
        print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
journal.update_execution("after", flow="running")
"""


def test_a_disk_that_takes_no_more_breaks_nothing(path: Path) -> None:
    path.parent.mkdir()

    done = subprocess.run(
        [sys.executable, "-c", FULL, path], capture_output=True, text=True, check=True
    )

    after = Journal(path)
    facts: dict[str, Any] = {
        name: after.execution(name) for name in ("before", "large", "after")
    }
    after.close()
    first, second = done.stdout.splitlines()
    assert "disk I/O error" in first
    assert "disk I/O error" in second
    assert facts == {
        "before": LocalFacts(flow="running"),
        "large": None,
        "after": LocalFacts(flow="running"),
    }


def test_a_full_disk_is_named_as_the_cause(journal: Journal) -> None:
    with journal.transaction() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
    with journal.transaction() as db:
        # The limit of the database stands for that of the disk: the same SQLITE_FULL.
        db.execute(f"PRAGMA max_page_count = {pages + 1}")

    with pytest.raises(KitaruBackendError, match="the disk is full; make room"):
        journal.update_execution("large", flow="x" * 100_000)

    assert journal.execution("large") is None


def test_a_small_outcome_writes_few_pages(tmp_path: Path, call: Make) -> None:
    journal = Journal(tmp_path / "journal.db")
    log = tmp_path / "journal.db-wal"
    before = log.stat().st_size

    for number in range(100):
        journal.put_call(call(f"a_{number}"))

    # The row, its key, and now and then a page more; each index would add one.
    assert (log.stat().st_size - before) / (4096 + 24) < 100 * 2.5
    journal.close()
