"""What can be kept, and how it comes back, on every engine."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy
import pandas
import pytest

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru.errors import KitaruPickleWarning, KitaruUserCodeError

pytestmark = pytest.mark.usefixtures("engine")


class Oddity:
    """Neither data nor model: only a pickle can hold it."""

    def __init__(self, n: int) -> None:
        self.n = n


def test_a_saved_file_comes_back_as_a_copy_with_its_name(
    client: KitaruClient, tmp_path: Path
) -> None:
    report = tmp_path / "report.v2.md"
    report.write_bytes(b"# All is well\n" * 10_000)

    @checkpoint
    def publish() -> None:
        kitaru.save("report", report, type="blob")

    @flow
    def publishing() -> None:
        publish()

    handle = publishing.run()
    report.unlink()

    (ref,) = client.artifacts.list(handle.exec_id, name="report")
    copy = ref.load()
    assert (copy.name, copy.read_bytes()) == (
        "report.v2.md",
        b"# All is well\n" * 10_000,
    )
    assert ref.kind == "file"


def test_a_file_that_grows_while_it_is_saved_is_kept_as_it_was_read(
    client: KitaruClient, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 30_000_000)
    saved = threading.Event()

    def grow() -> None:
        with log.open("ab", buffering=0) as file:
            while not saved.is_set():
                file.write(b"x" * 1000)

    @checkpoint
    def publish() -> None:
        growing = threading.Thread(target=grow)
        growing.start()
        try:
            kitaru.save("log", log)
        finally:
            saved.set()
            growing.join()

    @flow
    def publishing() -> None:
        publish()

    handle = publishing.run()

    (ref,) = client.artifacts.list(handle.exec_id, name="log")
    kept = ref.load().read_bytes()
    assert len(kept) >= 30_000_000
    assert kept.strip(b"x") == b""


@pytest.mark.parametrize(
    ("what", "message"), [("missing", "there is no file"), ("folder", "is a folder")]
)
def test_what_is_no_file_cannot_be_saved_as_one(
    tmp_path: Path, what: str, message: str
) -> None:
    path = tmp_path if what == "folder" else tmp_path / "missing"

    @checkpoint
    def publish() -> None:
        kitaru.save("report", path)

    @flow
    def publishing() -> None:
        publish()

    with pytest.raises(KitaruUserCodeError, match=message):
        publishing.run().wait()


def test_arrays_and_numpy_scalars_keep_type_and_shape(client: KitaruClient) -> None:
    @checkpoint
    def make() -> Any:
        return numpy.arange(6, dtype="float32").reshape(2, 3)

    @checkpoint
    def scalar() -> Any:
        return numpy.float64(0.5)

    @flow
    def making() -> None:
        make()
        scalar()

    array, number, _ = [
        ref.load() for ref in client.artifacts.list(making.run().exec_id)
    ]

    assert (array.dtype, array.tolist()) == (numpy.float32, [[0, 1, 2], [3, 4, 5]])
    assert (type(number), number) == (numpy.float64, 0.5)


def test_data_frames_keep_their_types(client: KitaruClient) -> None:
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})

    @checkpoint
    def make() -> Any:
        return frame

    @flow
    def making() -> None:
        make()

    ref, _ = client.artifacts.list(making.run().exec_id)

    assert ref.kind == "parquet"
    assert ref.load().equals(frame)


def test_what_must_be_pickled_warns_and_names_the_type(client: KitaruClient) -> None:
    # Each type is named once per process.
    kind = type(f"Local{uuid4().hex}", (Oddity,), {})

    @checkpoint
    def make() -> Oddity:
        return kind(3)

    @flow
    def making() -> int:
        return make().n

    with pytest.warns(KitaruPickleWarning, match=f"{kind.__name__} have no portable"):
        handle = making.run()

    ref, _ = client.artifacts.list(handle.exec_id)
    assert (ref.kind, ref.load().n) == ("pickle", 3)


def test_large_values_do_not_pass_through_the_journal(client: KitaruClient) -> None:
    large = bytes(range(256)) * 4096

    @checkpoint
    def make() -> bytes:
        return large

    @checkpoint
    def size(data: bytes) -> int:
        return len(data)

    @flow
    def making() -> int:
        return size(make())

    with warnings.catch_warnings():
        warnings.simplefilter("error", KitaruPickleWarning)
        handle = making.run()

    assert handle.wait() == len(large)
    assert client.artifacts.list(handle.exec_id)[0].load() == large
