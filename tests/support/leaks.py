"""Search everything that a store holds for a text that must not be there."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from pathlib import Path


def find_leaks(config: Path, value: str) -> list[str]:
    """Return the places below a configuration folder that hold `value`.

    Plain or in base64. ZenML keeps the values of its secrets in one column of one
    table, in base64; that column is the only place that may hold it.
    """
    plain = value.encode()
    forms = [plain, *_base64_forms(plain)]
    found = []
    files = sorted(path for path in config.rglob("*") if path.is_file())
    for file in files:
        is_store = file.name.startswith("zenml.db")
        looked_for = [plain] if is_store else forms
        content = file.read_bytes()
        if any(form in content for form in looked_for):
            found.append(f"{file.relative_to(config)}: file")
    # Last: closing a database removes the files beside it.
    for file in files:
        if file.name == "zenml.db":
            found += _in_tables(file, forms)
    return found


def _in_tables(file: Path, forms: list[bytes]) -> list[str]:
    found = []
    with closing(sqlite3.connect(file)) as db:
        names = "SELECT name FROM sqlite_master WHERE type = 'table'"
        for (table,) in db.execute(names).fetchall():
            cursor = db.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor:
                for column, cell in zip(columns, row, strict=True):
                    if (table, column) == ("secret", "values"):
                        continue
                    data = cell if isinstance(cell, bytes) else str(cell).encode()
                    if any(form in data for form in forms):
                        found.append(f"{table}: {column}")
    return found


def _base64_forms(data: bytes) -> list[bytes]:
    """Return what base64 makes of the data at each of the three possible offsets."""
    forms = []
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data)
        # The first and last characters depend on what stands around.
        forms.append(encoded[4 if offset else 0 : -4])
    return forms
