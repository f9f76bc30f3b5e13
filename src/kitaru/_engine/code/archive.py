"""Code as one archive per content, and as one folder per content where it runs.

The content has a hash: of names, executable bits and bytes, not of how they are packed,
so that a fresh clone is the same code. An archive and a folder are made beside their
place and renamed: they are whole, or not there.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import posixpath
import re
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

from kitaru._core.words import plain
from kitaru._engine.code import choose
from kitaru._engine.disk import durable_files, private
from kitaru.errors import KitaruBackendError, KitaruUsageError

_ENDING = ".tar.gz"
_HASH = re.compile("[0-9a-f]{32}")
_SCRATCH = ".new-"
_LEFT_AFTER = 3600.0
# Nobody edits a version by accident.
_READ_ONLY, _READ_ONLY_PROGRAM = 0o400, 0o500


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive of code.

    Attributes:
        hash: What tells its content from any other.
        files: How many files it holds.
        size: What they have together, in bytes.
        path: Where it is.
        is_new: Whether it was not there before.
    """

    hash: str
    files: int
    size: int
    path: Path
    is_new: bool


class _Kind(StrEnum):
    FILE = "file"
    PROGRAM = "program"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file; or a link, whose data is where it leads."""

    name: str
    kind: _Kind
    data: bytes


class _Content:
    """Takes entries one by one and knows what they are together."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.files = 0
        self.size = 0

    def add(self, entry: _Entry) -> None:
        data = hashlib.sha256(entry.data).hexdigest()
        about = f"\0{entry.kind}\0{data}\n".encode()
        self._hash.update(os.fsencode(entry.name) + about)
        self.files += 1
        self.size += len(entry.data)

    @property
    def hash(self) -> str:
        return self._hash.hexdigest()[:32]


class _Damaged(Exception):
    """An archive is not what it should be."""


def pack(root: Path, file: Path, destination: Path) -> Packed:
    """Make the archive of a project's code, if there is none of this content yet.

    Args:
        root: The folder that the flow is imported from.
        file: The flow's file, below it.
        destination: The folder for archives; made if needed.

    Raises:
        KitaruUsageError: If the project has nothing to pack, or too much.
        KitaruBackendError: If the archive cannot be written.
    """
    chosen = choose.files_of(root, file, without=[destination])
    content = _content_of(_read(chosen))
    path = destination / f"{content.hash}{_ENDING}"
    if is_whole(path, content.hash):
        _keep(path)
        return Packed(content.hash, content.files, content.size, path, is_new=False)
    try:
        with durable_files.draft(destination) as draft:
            # A file may have changed meanwhile: what was written counts.
            content = _write(draft, _read(chosen))
            path = destination / f"{content.hash}{_ENDING}"
            draft.become(path)
    except OSError as error:
        raise KitaruBackendError(
            f"the code cannot be stored in {destination}: {error.strerror or error}"
        ) from error
    return Packed(content.hash, content.files, content.size, path, is_new=True)


def is_whole(archive: Path, hash: str) -> bool:
    """Whether an archive is there and holds what its hash says."""
    try:
        return _content_of(_entries(archive)).hash == hash
    except (OSError, _Damaged):
        return False


def unpack(
    archive: Path,
    hash: str,
    folder: Path,
    *,
    origin: str | None = None,
) -> Path:
    """Return the folder with the content of an archive; made once, whole or not at all.

    Several processes may do it at once. The files are read-only.

    Args:
        archive: The archive; not looked at if the folder is there.
        hash: What its content must be.
        folder: The folder for unpacked code; made if needed.
        origin: Where the archive came from, for messages; by default its path.

    Raises:
        KitaruBackendError: If the archive is gone or damaged, or the disk refuses.
    """
    said = plain.line(origin or str(archive))
    if not _HASH.fullmatch(hash):
        raise KitaruBackendError(f"{plain.line(hash)!r} is no hash of code ({said})")
    home = folder / hash
    if home.is_dir():
        _keep(home)
        return home
    try:
        private.make_folder(folder)
        scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=folder))
        try:
            _fill(scratch, archive, hash)
            _put_in_place(scratch, home)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except _Damaged as error:
        raise KitaruBackendError(
            f"the code archive {said} of code {hash} is damaged: {error}; nothing was "
            "unpacked. Deploying the same code again writes it anew"
        ) from error
    except FileNotFoundError as error:
        if archive.exists():
            raise _refused(folder, error) from error
        raise KitaruBackendError(
            f"the code archive {said} of code {hash} is not there any more; deploying "
            "the same code again writes it anew"
        ) from error
    except OSError as error:
        raise _refused(folder, error) from error
    return home


def unused(folder: Path, is_named: Callable[[str], bool]) -> list[Path]:
    """Return archives, unpacked code, and what dead processes had begun to unpack.

    What was used within the hour stays: somebody may be about to name it.

    Args:
        folder: One of archives or of unpacked code.
        is_named: Whether a version or an execution names the code of a hash.
    """
    found = [path for path in _in(folder) if _age(path) > _LEFT_AFTER]
    return [
        path
        for path in found
        if path.name.startswith(_SCRATCH)
        or (_HASH.fullmatch(_hash_in(path)) and not is_named(_hash_in(path)))
    ]


def remove(path: Path) -> None:
    """Remove what `unused` has returned; nobody finds half a folder meanwhile.

    Raises:
        KitaruBackendError: If the disk refuses.
    """
    try:
        if path.is_dir():
            gone = path.with_name(f"{_SCRATCH}{uuid4().hex}")
            path.rename(gone)
            shutil.rmtree(gone)
        else:
            path.unlink()
    except FileNotFoundError:
        # Another process cleans the same.
        return
    except OSError as error:
        raise KitaruBackendError(
            f"{path} cannot be removed: {error.strerror or error}"
        ) from error


def _content_of(entries: Iterable[_Entry]) -> _Content:
    content = _Content()
    for entry in entries:
        content.add(entry)
    return content


def _read(chosen: dict[str, Path]) -> Iterator[_Entry]:
    for name, path in chosen.items():
        try:
            if path.is_symlink():
                to = os.path.relpath(path.resolve(), path.parent)
                yield _Entry(name, _Kind.LINK, os.fsencode(to))
            else:
                is_program = path.stat().st_mode & 0o100
                kind = _Kind.PROGRAM if is_program else _Kind.FILE
                yield _Entry(name, kind, path.read_bytes())
        except OSError as error:
            raise KitaruUsageError(
                f"{plain.line(str(path))} belongs to the code and cannot be read: "
                f"{error.strerror or error}"
            ) from error


class _Sink(io.RawIOBase):
    """A draft, as what an archive can be written to."""

    def __init__(self, draft: durable_files.Draft) -> None:
        self._draft = draft

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # any bytes-like
        self._draft.write(data)
        return len(data)


def _write(draft: durable_files.Draft, entries: Iterable[_Entry]) -> _Content:
    content = _Content()
    with (
        gzip.GzipFile("", "wb", fileobj=_Sink(draft), mtime=0) as packed,
        tarfile.open(mode="w|", fileobj=packed, format=tarfile.PAX_FORMAT) as tar,
    ):
        for entry in entries:
            about = tarfile.TarInfo(entry.name)
            if entry.kind is _Kind.LINK:
                about.type, about.linkname = tarfile.SYMTYPE, os.fsdecode(entry.data)
                tar.addfile(about)
            else:
                about.mode = 0o755 if entry.kind is _Kind.PROGRAM else 0o644
                about.size = len(entry.data)
                tar.addfile(about, io.BytesIO(entry.data))
            content.add(entry)
    return content


def _entries(archive: Path) -> Generator[_Entry]:
    """Yield what an archive holds.

    Raises:
        _Damaged: If it cannot be read to its end, or holds what no archive of ours does.
        OSError: If the disk refuses.
    """
    with archive.open("rb") as file:
        try:
            with tarfile.open(fileobj=file, mode="r:gz") as tar:
                yield from _members(tar)
        except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise _Damaged(str(error) or "it ends early") from error


def _members(tar: tarfile.TarFile) -> Iterator[_Entry]:
    size = 0
    for count, member in enumerate(tar, 1):
        size += member.size
        if count > choose.MOST_FILES or size > choose.MOST_BYTES:
            raise _Damaged("it holds more than code can have")
        if member.issym():
            yield _Entry(member.name, _Kind.LINK, os.fsencode(member.linkname))
            continue
        data = tar.extractfile(member) if member.isreg() else None
        if data is None:
            raise _Damaged(f"{plain.line(member.name)} is neither a file nor a link")
        kind = _Kind.PROGRAM if member.mode & 0o100 else _Kind.FILE
        yield _Entry(member.name, kind, data.read())


def _fill(scratch: Path, archive: Path, hash: str) -> None:
    content, written, links = _Content(), dict[str, Path](), list[_Entry]()
    with closing(_entries(archive)) as entries:
        for entry in entries:
            _check_name(entry.name)
            content.add(entry)
            if entry.kind is _Kind.LINK:
                links.append(entry)
            else:
                written[entry.name] = _write_file(scratch, entry)
    if content.hash != hash:
        raise _Damaged(f"it holds other code, {content.hash}")
    # Links are the last: nothing was written through one.
    for entry in links:
        to = os.fsdecode(entry.data)
        _check_link(entry.name, to, written)
        _place(scratch, entry.name).symlink_to(to)
    _flush(scratch, written.values())


def _check_name(name: str) -> None:
    """Refuse names that lead out of the folder, or to one place by two names."""
    if name.startswith(("/", "../")) or name in (".", "..", ""):
        raise _Damaged(f"{plain.line(name)!r} leads out of its folder")
    if posixpath.normpath(name) != name or "\0" in name:
        raise _Damaged(f"{plain.line(name)!r} is no name of a file")


def _check_link(name: str, to: str, written: dict[str, Path]) -> None:
    """Refuse a link to anything but one of the files, or a folder of some."""
    folder = posixpath.dirname(name)
    leads_to = posixpath.normpath(posixpath.join(folder, to))
    is_straight = posixpath.relpath(leads_to, folder or ".") == to
    is_inside = leads_to in written or any(
        one.startswith(f"{leads_to}/") for one in written
    )
    if to.startswith("/") or not (is_straight and is_inside):
        raise _Damaged(f"{plain.line(name)} leads to {plain.line(to)}")


def _write_file(scratch: Path, entry: _Entry) -> Path:
    mode = _READ_ONLY_PROGRAM if entry.kind is _Kind.PROGRAM else _READ_ONLY
    path = _place(scratch, entry.name)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(entry.data)
    return path


def _place(scratch: Path, name: str) -> Path:
    path = scratch / name
    if not path.parent.is_dir():
        private.make_folder(path.parent)
    return path


def _flush(scratch: Path, files: Iterable[Path]) -> None:
    """Have it all on disk before it has its name: all at once is fastest."""
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    for folder, _, _ in os.walk(scratch):
        durable_files.flush_folder(Path(folder))


def _put_in_place(scratch: Path, home: Path) -> None:
    try:
        scratch.rename(home)
    except OSError:
        # Another process was first, with the same.
        if not home.is_dir():
            raise
    durable_files.flush_folder(home.parent)


def _refused(folder: Path, error: OSError) -> KitaruBackendError:
    return KitaruBackendError(
        f"code cannot be unpacked to {folder}: {error.strerror or error}"
    )


def _in(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _hash_in(path: Path) -> str:
    return path.name.removesuffix(_ENDING)


def _keep(path: Path) -> None:
    """Say that it is used: `unused` goes by that."""
    with suppress(OSError):
        os.utime(path)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
