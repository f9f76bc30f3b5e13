"""What the journal says of calls and executions is as it was written, or refused."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kitaru._core.calls import records
from kitaru._core.calls.records import CallRecord, StoredValue
from kitaru._core.flows.facts import LocalFacts
from kitaru._engine.journal import descriptions, sealing
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import Holder
from kitaru.errors import KitaruBackendError

Make = Callable[..., CallRecord]
FACTS = LocalFacts(flow="writing", cwd="/home/me", uses=("a",))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.db")
    yield made
    made.close()


def change(journal: Journal, statement: str, *values: object) -> None:
    """Change the file behind the journal's back."""
    with sqlite3.connect(journal.path) as database:
        database.execute(statement, values)
    database.close()


def body_of(journal: Journal, table: str) -> bytes:
    ((body,),) = journal.read(f"SELECT CAST(body AS BLOB) FROM {table}", ())
    return bytes(body)


def flips(text: str) -> Iterator[str]:
    """Yield a text with each of its bits flipped in turn, where that is text."""
    whole = text.encode()
    for place in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        with suppress(UnicodeDecodeError):
            yield flipped.decode()


def test_every_flipped_bit_of_a_call_is_found(
    call: Make, stored: Callable[..., StoredValue]
) -> None:
    record = call("a", output=stored(b"1"), metadata={"cost": 1, "who": "Zoë"})
    execution_id, name, body, payloads, _ = descriptions.written_call(record)

    def read(text: str) -> CallRecord | None:
        with suppress(KitaruBackendError):
            return descriptions.read_call(
                Path("j"), execution_id, name, text, payloads, 0
            )
        return None

    assert read(body) == record
    assert [text for text in flips(body) if read(text) is not None] == []


def test_every_flipped_bit_of_an_execution_is_found() -> None:
    body = descriptions.written_facts(FACTS, "ex")

    def read(text: str) -> LocalFacts | None:
        with suppress(KitaruBackendError):
            return descriptions.read_facts(Path("j"), text, "ex")
        return None

    assert read(body) == FACTS
    assert [text for text in flips(body) if read(text) is not None] == []


def test_bytes_that_are_no_text_are_called_damaged(
    journal: Journal, call: Make, execution_id: str
) -> None:
    journal.put_call(call("a"))

    change(journal, "UPDATE calls SET body = CAST(X'FF' AS TEXT)")

    with pytest.raises(KitaruBackendError, match="is damaged"):
        journal.calls(execution_id)


@pytest.mark.parametrize(
    ("change_of", "told"),
    [
        ("invocation_id = 'b'", "call 'b' of"),
        ("payloads = X'5B5D0A'", "call 'a' of"),
        ("payloads = X'7B'", "call 'a' of"),
        ("body = '{'", "call 'a' of"),
        ("body = '[]'", "call 'a' of"),
        ("body = replace(body, '\"name\"', '\"nome\"')", "does not match its checksum"),
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

    change(journal, f"UPDATE calls SET {change_of}")

    with pytest.raises(KitaruBackendError) as caught:
        journal.calls(execution_id)
    assert told in str(caught.value)
    assert execution_id in str(caught.value)
    assert "put back a copy of the file" in str(caught.value)
    assert journal.execution("other") == FACTS


def without_seal(body: bytes) -> str:
    text = body.decode()
    data = json.loads(text)
    del data["sum"]
    return json.dumps(data)


def test_rows_from_before_the_format_had_seals_are_read(
    journal: Journal, call: Make, execution_id: str
) -> None:
    journal.put_call(call("a"))
    journal.put_execution("ex", FACTS, Holder.me())
    for table in ("calls", "executions"):
        old = without_seal(body_of(journal, table))
        change(journal, f"UPDATE {table} SET body = ?", old)
    change(journal, "PRAGMA user_version = 3")

    later = Journal(journal.path)

    assert later.calls(execution_id) == [call("a")]
    assert later.execution("ex") == FACTS
    assert later.read("PRAGMA user_version", ()) == [(4,)]
    later.close()


@pytest.mark.parametrize("table", ["calls", "executions"])
def test_a_field_that_nobody_knows_is_refused(
    journal: Journal, call: Make, execution_id: str, table: str
) -> None:
    journal.put_call(call("a"))
    journal.put_execution("ex", FACTS, Holder.me())
    data: dict[str, Any] = json.loads(without_seal(body_of(journal, table)))
    change(journal, f"UPDATE {table} SET body = ?", json.dumps({**data, "moon": 1}))

    with pytest.raises(KitaruBackendError, match="moon"):
        journal.calls(execution_id) if table == "calls" else journal.execution("ex")


def test_facts_without_a_version_may_have_fields_that_went_since(
    journal: Journal,
) -> None:
    journal.put_execution("ex", FACTS, Holder.me())
    old = json.dumps({"flow": "writing", "source": {"file": "a.py"}, "version": 0})
    change(journal, "UPDATE executions SET body = ?", old)

    assert journal.execution("ex") == LocalFacts(flow="writing", version=0)


def test_a_record_in_zenml_that_is_none_is_an_error_of_ours() -> None:
    with pytest.raises(KitaruBackendError, match="cannot be read"):
        records.from_json("{}")


@pytest.mark.parametrize("text", ['{"a":1}', '{"a":"\\ud800"}', '{"sum":"00000000"}'])
def test_what_is_sealed_is_json_and_comes_back(text: str) -> None:
    sealed = sealing.sealed(text, "ex", "a")

    assert json.loads(sealed).keys() >= json.loads(text).keys()
    assert sealing.opened(sealed, "ex", "a") == text
    with pytest.raises(ValueError, match="checksum"):
        sealing.opened(sealed, "exa")
