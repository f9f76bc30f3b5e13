from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from kitaru._core.calls.records import StoredValue
from kitaru._core.values import codec
from kitaru._core.values.codec import Encoded
from kitaru._engine.disk import durable_files
from kitaru._engine.values import saved_files, value_files
from kitaru._engine.values.value_files import FileValues
from kitaru.errors import KitaruBackendError, KitaruRuntimeError

LARGE = Encoded("bytes", "builtins:bytes", b"x" * 100)


@pytest.fixture
def values(tmp_path: Path) -> FileValues:
    return FileValues(tmp_path / "values", inline_limit=50)


@pytest.fixture
def large(values: FileValues) -> StoredValue:
    return values.put(LARGE, owner="draft", name="output")


def test_a_value_up_to_the_limit_stays_inline(
    values: FileValues, tmp_path: Path
) -> None:
    encoded = Encoded("bytes", "builtins:bytes", b"x" * 50)

    stored = values.put(encoded, owner="draft", name="output")

    assert (stored.payload, stored.uri, stored.size) == (encoded.payload, None, 50)
    assert not (tmp_path / "values").exists()
    assert values.get(stored, what="it") == encoded.payload


def test_a_larger_value_goes_to_a_file(values: FileValues, large: StoredValue) -> None:
    assert large.payload is None
    assert large.uri is not None
    assert Path(large.uri).read_bytes() == LARGE.payload
    assert [file.name for file in Path(large.uri).parent.iterdir()] == [
        "data.bytes.bin"
    ]
    assert values.get(large, what="it") == LARGE.payload


def test_values_with_other_content_keep_their_files(
    values: FileValues, large: StoredValue
) -> None:
    other = replace(LARGE, payload=b"y" * 100)

    values.put(other, owner="draft", name="output")

    assert values.get(large, what="it") == LARGE.payload


@pytest.mark.parametrize(
    "name",
    ["a/b", "..", ".", "x" * 200, "ü" * 200, "[/ :]" * 40, ".hidden", "a b", "%41"],
    ids=lambda name: name[:8],
)
def test_any_valid_name_gives_a_file_of_its_own_below_the_folder(
    values: FileValues, tmp_path: Path, name: str
) -> None:
    stored = values.put(LARGE, owner=name, name=name)
    other = values.put(LARGE, owner=name[:-1] + "z", name=name)

    path = Path(stored.uri or "")
    assert path.resolve().relative_to(tmp_path / "values").parts[2] == path.name
    assert path.parents[1] != Path(other.uri or "").parents[1]
    assert values.get(stored, what="it") == LARGE.payload


@pytest.mark.parametrize(
    "value", [{"a": 1}, (1,), "x" * 70_000, b"x"], ids=["json", "tagged", "text", "b"]
)
def test_the_serializer_can_be_read_off_the_file_name(value: object) -> None:
    stored = value_files.describe(codec.encode(value))

    assert (
        value_files.serializer_of(f"/a/b.c/{value_files.file_name(stored)}")
        == stored.serializer
    )


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b"x" * 99), id="cut"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(b"y" * 100), id="changed"),
    ],
)
def test_a_damaged_file_is_named(
    values: FileValues, large: StoredValue, damage: object
) -> None:
    path = Path(large.uri or "")
    damage(path)  # type: ignore[operator]  # a table of functions

    with pytest.raises(KitaruRuntimeError) as caught:
        values.get(large, what="the result of 'draft'")

    message = str(caught.value)
    assert message.startswith("the result of 'draft' is damaged: ")
    assert str(path) in message
    assert "replay from a checkpoint" in message


def test_a_missing_file_is_named(values: FileValues, large: StoredValue) -> None:
    path = Path(large.uri or "")
    path.unlink()

    with pytest.raises(KitaruRuntimeError, match=r"is missing: .*data.bytes.bin") as it:
        values.get(large, what="the result of 'draft'")

    assert not isinstance(it.value, KitaruBackendError)


def test_a_file_that_cannot_be_read_is_the_disks_fault(
    values: FileValues, large: StoredValue
) -> None:
    path = Path(large.uri or "")
    path.unlink()
    path.mkdir()

    with pytest.raises(KitaruBackendError, match="cannot be read"):
        values.get(large, what="the result of 'draft'")


def test_a_damaged_inline_value_is_found(values: FileValues) -> None:
    stored = values.put(Encoded("bytes", "b", b"x"), owner="draft", name="output")

    with pytest.raises(KitaruRuntimeError, match="the journal does not have"):
        values.get(replace(stored, payload=b"y"), what="it")


def test_a_value_without_a_place_says_so(values: FileValues) -> None:
    with pytest.raises(KitaruRuntimeError, match="no stored bytes"):
        values.get(value_files.describe(LARGE), what="it")


def test_a_place_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "values").write_text("in the way")

    with pytest.raises(KitaruBackendError, match="make room or check the permissions"):
        FileValues(tmp_path / "values", inline_limit=0).put(
            LARGE, owner="draft", name="output"
        )


def test_a_disk_that_is_full_keeps_no_half_of_a_file(tmp_path: Path) -> None:
    program = """
import resource, sys
from pathlib import Path
from kitaru._core.values.codec import Encoded
from kitaru._engine.values.value_files import FileValues
from kitaru.errors import KitaruBackendError
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
values = FileValues(Path(sys.argv[1]) / "a", inline_limit=0)
try:
    values.put(Encoded("bytes", "bytes", b"x" * 20_000), owner="draft", name="output")
except KitaruBackendError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "make room" in done.stdout
    assert list((tmp_path / "a").iterdir()) == []


def test_threads_may_write_the_same_value_at_once(values: FileValues) -> None:
    def put(_: int) -> StoredValue:
        return values.put(LARGE, owner="draft", name="output")

    with ThreadPoolExecutor(8) as pool:
        stored = set(pool.map(put, range(40)))

    assert len(stored) == 1
    assert values.get(stored.pop(), what="it") == LARGE.payload


def test_a_name_that_exists_holds_the_whole_value(tmp_path: Path) -> None:
    payload = os.urandom(500_000)
    path = tmp_path / "data.bin"
    context = multiprocessing.get_context("fork")
    writer = context.Process(target=write_for_ever, args=(path, payload))

    writer.start()
    seen = []
    while len(seen) < 20:
        if path.exists():
            seen.append(path.read_bytes())
    writer.kill()
    writer.join()

    assert set(seen) == {payload}
    assert path.read_bytes() == payload


def write_for_ever(path: Path, payload: bytes) -> None:
    while True:
        durable_files.write(path, payload)


def test_every_folder_that_got_an_entry_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fsync(2): a file in a new folder is only there if the folders above are flushed."""
    flushed: list[int] = []
    flush = os.fsync

    def noting(descriptor: int) -> None:
        flushed.append(os.fstat(descriptor).st_ino)
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    file = tmp_path / "execution" / "call" / "value"

    durable_files.write(file, b"data")

    expected = (file, file.parent, file.parent.parent, tmp_path)
    assert {path.stat().st_ino for path in expected} <= set(flushed)


@pytest.mark.parametrize("written", ["../../taken", "/taken", "..", ""])
def test_a_saved_file_is_copied_under_a_name_only(written: str, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.write_bytes(b"x")
    stored = saved_files.copied(saved, "saved", bytes)
    folder = saved_files.local_copy(stored, b"x").parent

    copy = saved_files.local_copy(replace(stored, file_name=written), b"x")

    assert copy.parent == folder
    assert copy.read_bytes() == b"x"
