"""The floor: what the disk itself takes for the same promise."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from pathlib import Path

from saying import say


def commits(path: Path, count: int) -> list[float]:
    """Return the seconds of each flushed commit of 100 bytes."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, b BLOB)")
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        database.execute("INSERT INTO t (b) VALUES (?)", (b"x" * 100,))
        taken.append(time.perf_counter() - began)
    database.close()
    return taken


def write_and_read(path: Path, data: bytes) -> float:
    """Return the seconds to write, flush and read back some bytes."""
    began = time.perf_counter()
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    assert len(path.read_bytes()) == len(data)
    taken = time.perf_counter() - began
    path.unlink()
    return taken


if __name__ == "__main__":
    here = Path(os.environ["BENCH_FOLDER"]) / "floor.db"
    say(each=commits(here, int(sys.argv[1])))
