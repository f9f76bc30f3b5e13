"""The one place that writes files, so that each is whole and on disk, or not there.

A draft is written in a folder of the same disk, flushed, and renamed to its place; the
folders that got an entry are flushed, too. A draft of a process that died stays behind
under a name of its own; a lock, which dies with the process, tells it from others.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from kitaru._engine.disk import private

_PREFIX = ".draft-"
# Between the making of a draft and its lock a process may be held up.
_GRACE = 60.0
# Files that are open at the same time.
_TOGETHER = 64
# Flushes that are asked for at the same time.
_SIDE_BY_SIDE = 4

T = TypeVar("T")


class Draft:
    """A file that has no name yet which others know."""

    def __init__(self, path: Path, descriptor: int, mode: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._mode = mode

    def write(self, data: bytes) -> None:
        """Write more of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def become(self, path: Path) -> None:
        """Put it in its place, whole and on disk; whatever was there goes."""
        self.flush()
        for folder in self.move(path):
            flush_folder(folder)

    def flush(self) -> None:
        """Return when all that was written is on disk."""
        os.fsync(self._descriptor)

    def move(self, path: Path) -> list[Path]:
        """Put it in its place once it is flushed; return the folders to flush then."""
        grown = _make_folder(path.parent, self._mode)
        self._path.replace(path)
        return [path.parent, *grown]

    def keep_mode_of(self, path: Path) -> None:
        """Let it be readable for whom a file is, if there is that file."""
        with suppress(FileNotFoundError):
            os.fchmod(self._descriptor, stat.S_IMODE(path.stat().st_mode))


@contextmanager
def draft(folder: Path, *, mode: int = private.FILE) -> Iterator[Draft]:
    """Yield a file in a folder to write; what has not become another goes.

    Args:
        folder: Made if needed; on the disk of the place that the file is for.
        mode: Who may read it, by default only the user.

    Raises:
        OSError: If the disk is full, or refuses.
    """
    for above in _make_folder(folder, mode):
        flush_folder(above)
    path = folder / f"{_PREFIX}{uuid4().hex}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with suppress(OSError):
            # Some network disks know no locks.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield Draft(path, descriptor, mode)
    finally:
        # On a full disk the part that was written would take the last room.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def write(path: Path, data: bytes, *, mode: int = private.FILE) -> None:
    """Write a file so that it is whole and on disk when this returns.

    Raises:
        OSError: If the disk is full, or refuses; the file is as it was.
    """
    with draft(path.parent, mode=mode) as file:
        file.write(data)
        file.become(path)


def write_together(
    files: Mapping[Path, bytes], drafts: Path, *, mode: int = private.FILE
) -> None:
    """Write files so that all are whole and on disk when this returns.

    The disk is asked once for each file and each folder, after all are written: what the
    first flush waits for the others find done.

    Args:
        files: Their contents, by their places.
        drafts: A folder on the disk of all of them, for what is not whole yet.
        mode: Who may read them, by default only the user.

    Raises:
        OSError: If the disk is full, or refuses; some of them may be there.
    """
    rest = list(files.items())
    while rest:
        part, rest = rest[:_TOGETHER], rest[_TOGETHER:]
        with ExitStack() as open_files:
            made = []
            for path, data in part:
                file = open_files.enter_context(draft(drafts, mode=mode))
                file.write(data)
                made.append((file, path))
            _for_all(Draft.flush, [file for file, _ in made])
            _for_all(
                flush_folder,
                {grown for one, path in made for grown in one.move(path)},
            )


def _for_all(work: Callable[[T], None], those: Iterable[T]) -> None:
    """Do something with each; the disk flushes several in the time it takes for one."""

    def do(some: Sequence[T]) -> None:
        for one in some:
            work(one)

    rest = [*those]
    if len(rest) < 2:
        do(rest)
        return
    with ThreadPoolExecutor(_SIDE_BY_SIDE, "kitaru-flush") as pool:
        parts = [rest[begin::_SIDE_BY_SIDE] for begin in range(_SIDE_BY_SIDE)]
        for done in [pool.submit(do, part) for part in parts if part]:
            done.result()


def put_in_place(source: Path, target: Path) -> None:
    """Flush a file that is whole, and rename it to its place in a folder that exists."""
    descriptor = os.open(source, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    source.replace(target)
    flush_folder(target.parent)


def remove_left(folder: Path) -> int:
    """Remove the drafts of dead processes from a folder; return how many there were."""
    count = 0
    with suppress(OSError):
        for path in folder.glob(f"{_PREFIX}*"):
            if _is_left(path):
                path.unlink(missing_ok=True)
                count += 1
    return count


def _is_left(path: Path) -> bool:
    try:
        if time.time() - path.stat().st_mtime < _GRACE:
            return False
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _make_folder(folder: Path, mode: int) -> list[Path]:
    """Make a folder with those above it; return the folders that got a new entry."""
    grown: list[Path] = []
    above = folder
    while not above.is_dir():
        above = above.parent
        grown.append(above)
    if grown and mode == private.FILE:
        private.make_folder(folder)
    elif grown:
        folder.mkdir(parents=True, exist_ok=True)
    return grown


def flush_folder(folder: Path) -> None:
    """Make new entries durable (fsync(2): a folder needs a flush of its own)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
