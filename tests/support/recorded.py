"""Stores that versions of Kitaru have recorded: pack one, and restore it anywhere.

A recording is a folder below `tests/recorded`: `flows.py`, `facts.json` with the
executions by name, and `store.tar.xz`, in which databases are SQL and each path of the
machine is a word such as `@@ROOT@@`.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import socket
import sqlite3
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import relocation
from tests.support.relocation import Relocation

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "tests" / "recorded"
_ARCHIVE, _FACTS = "store.tar.xz", "facts.json"
FLOWS = "flows.py"
_SQL = ".sql"
# Written anew by who needs them, or part of a database that is dumped.
_LEFT_OUT = (".lock", ".db-wal", ".db-shm", ".pyc", "__pycache__")


@dataclass(frozen=True)
class Recording:
    """One recorded store."""

    folder: Path

    @property
    def executions(self) -> dict[str, str]:
        """The executions by what happened to them."""
        executions: dict[str, str] = self._facts["executions"]
        return executions

    @property
    def is_whole(self) -> bool:
        """Whether the flows are still those whose executions were recorded."""
        return bool(self._facts["flows"] == _hash(self.flows))

    @property
    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.folder / _FACTS).read_text("utf-8"))
        return facts

    @property
    def flows(self) -> Path:
        """The file of the flows."""
        return self.folder / FLOWS

    def restore(self, root: Path, words: Mapping[str, str] | None = None) -> None:
        """Restore the store below a folder.

        Args:
            root: The folder, which may be there.
            words: More words of this machine, by their place-holders.
        """
        known = {v: k for k, v in places(root).items()} | dict(words or {})
        here = Relocation(known)
        with tarfile.open(self.folder / _ARCHIVE) as archive:
            archive.extractall(root, filter="data")
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            if path.suffix == _SQL:
                _load(path, here)
            elif not _is_value(path):
                path.write_bytes(here.data(path.read_bytes()))
        project = root / "project"
        project.mkdir(exist_ok=True)
        shutil.copy(self.flows, project)


def all_of(kind: str) -> list[Recording]:
    """Return the recordings of one kind, the oldest format first."""
    found = FOLDER.glob(f"{kind}-*")
    return [
        Recording(f) for f in sorted(found, key=lambda f: int(f.name.split("-")[1]))
    ]


def places(root: Path) -> dict[str, str]:
    """Return the words of this machine, and what stands for them in a recording."""
    return {
        str(root): "@@ROOT@@",
        str(REPOSITORY): "@@KITARU@@",
        sys.prefix: "@@PREFIX@@",
        socket.gethostname(): "@@HOST@@",
    }


def pack(
    root: Path,
    target: Path,
    *,
    parts: tuple[str, ...],
    executions: Mapping[str, str],
    words: Mapping[str, str] | None = None,
    secrets: tuple[str, ...] = (),
) -> None:
    """Make a recording of a store that nobody uses any more.

    Args:
        root: The folder that holds it.
        target: The folder of the recording, with the flows.
        parts: What to take of it.
        executions: The executions by what happened to them.
        words: More words of this machine, and their place-holders.
        secrets: What must not be in it.

    Raises:
        AssertionError: If something of this machine would be in it.
    """
    known = places(root) | dict(words or {})
    away = Relocation(known)
    forbidden = [*known, *secrets]
    begun = target / f"{_ARCHIVE}.begun"
    with tarfile.open(begun, "w:xz", preset=9) as archive:
        for part in parts:
            for path in _files(root / part):
                name, data = _packed(path, away, forbidden)
                member = tarfile.TarInfo(str((path.parent / name).relative_to(root)))
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    begun.rename(target / _ARCHIVE)
    from kitaru import __version__

    facts = {
        "kitaru": __version__,
        "flows": _hash(target / FLOWS),
        "executions": dict(executions),
    }
    text = json.dumps(facts, indent=1)
    (target / _FACTS).write_text(text + "\n", encoding="utf-8")


def _files(part: Path) -> Iterator[Path]:
    for path in sorted([part] if part.is_file() else part.rglob("*")):
        left_out = path.name.endswith(_LEFT_OUT) or "__pycache__" in path.parts
        if path.is_file() and not left_out:
            yield path


def _packed(path: Path, away: Relocation, forbidden: list[str]) -> tuple[str, bytes]:
    if path.suffix == ".db":
        return path.name + _SQL, _dump(path, away, forbidden)
    data = path.read_bytes()
    moved = data if _is_value(path) else away.data(data)
    left = relocation.found_in(moved, forbidden)
    assert not left, f"{path} holds {left}"
    return path.name, moved


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _is_value(path: Path) -> bool:
    """Whether a file holds a value, which has a checksum, or code."""
    return path.name.startswith("data.") or path.suffix in (".py", ".pkl", ".gz")


def _dump(path: Path, away: Relocation, forbidden: list[str]) -> bytes:
    copy = path.with_name("copy-of-" + path.name)
    with (
        closing(sqlite3.connect(path)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
    away.database(copy)
    for where, cell in relocation.cells(copy):
        data = cell if isinstance(cell, bytes) else cell.encode()
        left = relocation.found_in(data, forbidden)
        assert not left, f"{where} holds {left}: {cell[:300]!r}"
    with closing(sqlite3.connect(copy)) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        lines = [f"PRAGMA user_version = {version};", *db.iterdump()]
    copy.unlink()
    return "\n".join(lines).encode()


def _load(dump: Path, here: Relocation) -> None:
    database = dump.with_suffix("")
    with closing(sqlite3.connect(database)) as db:
        db.executescript(dump.read_text(encoding="utf-8"))
    dump.unlink()
    here.database(database)
