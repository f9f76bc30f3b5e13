"""Put words of one machine in the place of those of another: paths, hosts, addresses.

Stores hold them in text, in JSON and base64 inside of it. What has a checksum is never
touched: a word found there is an error.
"""

from __future__ import annotations

import base64
import binascii
import re
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

_SEAL = re.compile(r',"sum":"[0-9a-f]{8}"\}\Z')
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_Cell = str | bytes


class Relocation:
    """Replaces words; those that hold others come first."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = dict(sorted(words.items(), key=lambda w: -len(w[0])))

    def text(self, text: str) -> str:
        """Return a text with the words of the other machine."""
        for old, new in self._words.items():
            text = text.replace(old, new)
        return text

    def data(self, data: bytes) -> bytes:
        """Return UTF-8 text with the words of the other machine."""
        for old, new in self._words.items():
            data = data.replace(old.encode(), new.encode())
        return data

    def database(self, path: Path) -> None:
        """Replace the words in all cells of an SQLite database."""
        with closing(sqlite3.connect(path)) as db, db:
            for table, column in _columns(db):
                for (cell,) in db.execute(
                    f'SELECT DISTINCT "{column}" FROM "{table}" '
                    f"WHERE typeof(\"{column}\") IN ('text', 'blob')"
                ).fetchall():
                    moved = self._cell(cell)
                    if moved != cell:
                        db.execute(
                            f'UPDATE "{table}" SET "{column}" = ? WHERE "{column}" = ?',
                            (moved, cell),
                        )

    def _cell(self, cell: _Cell) -> _Cell:
        if isinstance(cell, bytes):
            moved = self.data(cell)
            # A blob of ZenML is encoded text; one of the journal has a checksum.
            return (
                moved if moved != cell else self._encoded(cell.decode("latin-1"), cell)
            )
        moved_text = self.text(cell)
        if moved_text == cell:
            return self._encoded(cell, cell)
        # What the journal says of a call has a seal, which the change breaks.
        return _SEAL.sub("}", moved_text)

    def _encoded(self, text: str, cell: _Cell) -> _Cell:
        """Return a cell that is base64 as a whole with the words in it replaced."""
        if _BASE64.fullmatch(text) is None:
            return cell
        inner = decoded(text)
        if inner is None or self.data(inner) == inner:
            return cell
        again = base64.b64encode(self.data(inner))
        return again if isinstance(cell, bytes) else again.decode()


def found_in(data: bytes, words: list[str]) -> set[str]:
    """Return which of the words are in some bytes, also packed or encoded ones."""
    found = {word for word in words if word.encode() in data}
    for inner in _inside(data):
        found |= found_in(inner, words)
    return found


def _inside(data: bytes) -> Iterator[bytes]:
    for start in (b"x\x9c", b"\x1f\x8b"):
        if data.startswith(start):
            yield zlib.decompressobj(wbits=47).decompress(data)
    for match in _BASE64.finditer(data.decode("latin-1")):
        inner = decoded(match.group())
        if inner:
            yield inner


def decoded(text: str) -> bytes | None:
    """Return what a text is in base64, `None` if it is not."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def cells(path: Path) -> Iterator[tuple[str, _Cell]]:
    """Yield all text and bytes of an SQLite database, and where they are."""
    with closing(sqlite3.connect(path)) as db:
        for table, column in _columns(db):
            for (cell,) in db.execute(f'SELECT DISTINCT "{column}" FROM "{table}"'):
                if isinstance(cell, str | bytes):
                    yield f"{path.name} {table}.{column}", cell


def _columns(db: sqlite3.Connection) -> list[tuple[str, str]]:
    tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return [
        (table, column[1])
        for (table,) in tables.fetchall()
        for column in db.execute(f'PRAGMA table_info("{table}")')
    ]
