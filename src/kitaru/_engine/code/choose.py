"""Which files of a project come along when its flow runs elsewhere, or later.

What git does not ignore, or where there is no git, everything that is no environment and
no cache. Never what git keeps for itself, `.env` files, or links that lead out.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from kitaru._core import sources
from kitaru._core.words import plain
from kitaru._engine.code import git
from kitaru._engine.settings import folders
from kitaru.errors import KitaruUsageError

MOST_FILES = 5_000
MOST_BYTES = 50 * 2**20
_MIB = 2**20
_NAMED = 3
_LEFT_OUT = frozenset(
    {
        ".git",
        ".hg",
        ".jj",
        ".svn",
        ".zen",
        "__pycache__",
        "node_modules",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".hypothesis",
        ".nox",
        ".tox",
    }
)
_SECRETS = ".env"
_BYTE_CODE = (".pyc", ".pyo")
# An environment, and what a tool can make again (https://bford.info/cachedir).
_MARKS = ("pyvenv.cfg", "CACHEDIR.TAG")
_GIT_TIMEOUT = 60


def files_of(
    root: Path, file: Path, *, without: Iterable[Path] = ()
) -> dict[str, Path]:
    """Return the files of a project by their names in its archive, sorted.

    A link within the project is one of them if what it leads to is.

    Args:
        root: The folder that the flow is imported from.
        file: The flow's file, below it.
        without: Folders that are none of the project's.

    Raises:
        KitaruUsageError: If that would be the home folder, too much, or without the
            flow's own file; says what is in the way.
    """
    root, file = root.resolve(), file.resolve()
    _check_root(root, file)
    foreign = (folders.config_folder(), *without)
    rules = _Rules(root, (folder.resolve() for folder in foreign))
    listed = _listed(root)
    found = {
        path.relative_to(root).as_posix(): path
        for path in (_walked(rules, root) if listed is None else listed)
        if rules.file(path)
    }
    chosen = dict(sorted(_without_loose_links(found, root).items()))
    _check_file(chosen, root, file, is_listed=listed is not None)
    _check_limits(chosen, root)
    return chosen


def _check_root(root: Path, file: Path) -> None:
    if not root.is_dir():
        raise KitaruUsageError(f"there is no folder {plain.line(str(root))}")
    if root == root.parent or _home().is_relative_to(root):
        raise KitaruUsageError(
            f"{plain.line(str(file))} is in {plain.line(str(root))}, and all of that would "
            "come along; put the flow into a folder of its own"
        )
    if sources.is_installed(str(file)):
        raise KitaruUsageError(
            f"{plain.line(str(file))} belongs to an installed package, whose folder would "
            "come along; define the flow in a file of a project that imports the package"
        )


def _home() -> Path:
    try:
        return Path.home().resolve()
    except RuntimeError:
        # A container may run as somebody whom nobody knows.
        return Path("/")


class _Rules:
    """What belongs to a project.

    Args:
        root: Its folder.
        foreign: Folders that are none of the project's.
    """

    def __init__(self, root: Path, foreign: Iterable[Path]) -> None:
        self._root = root
        self._foreign = frozenset(foreign)
        self._known = {root: True}

    def file(self, path: Path) -> bool:
        """Whether a file comes along."""
        if path.suffix in _BYTE_CODE or path.name.startswith(_SECRETS):
            return False
        if path.name in _LEFT_OUT or not self.folder(path.parent):
            return False
        if path.is_symlink():
            return path.exists() and path.resolve().is_relative_to(self._root)
        return path.is_file()

    def folder(self, folder: Path) -> bool:
        """Whether a folder is one of the project's own."""
        known = self._known.get(folder)
        if known is None:
            known = self._is_own(folder) and self.folder(folder.parent)
            self._known[folder] = known
        return known

    def _is_own(self, folder: Path) -> bool:
        if folder.name in _LEFT_OUT or folder.name.startswith(_SECRETS):
            return False
        # What is behind a link is listed, if at all, where it is.
        if folder in self._foreign or folder.is_symlink():
            return False
        return not any((folder / mark).exists() for mark in _MARKS)


def _without_loose_links(found: dict[str, Path], root: Path) -> dict[str, Path]:
    """Leave out links to what does not come along."""
    real = {path for path in found.values() if not path.is_symlink()}
    inside = real | {above for path in real for above in path.parents}
    inside -= {root, *root.parents}
    return {
        name: path
        for name, path in found.items()
        if path in real or path.resolve() in inside
    }


def _listed(folder: Path) -> list[Path] | None:
    """Return what git does not ignore in a folder; `None` without a repository."""
    if not any((above / ".git").exists() for above in (folder, *folder.parents)):
        return None
    command = ["git", "-C", str(folder), "ls-files", "-z"]
    command += ["--cached", "--others", "--exclude-standard"]
    try:
        said = subprocess.run(
            command,
            capture_output=True,
            check=True,
            timeout=_GIT_TIMEOUT,
            env=git.environment(),
        ).stdout
    except subprocess.CalledProcessError as error:
        raise _no_git(folder, os.fsdecode(error.stderr).strip()) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _no_git(folder, str(error)) from error
    return list(_with_repositories(folder, said))


def _with_repositories(folder: Path, said: bytes) -> Iterator[Path]:
    for name in filter(None, said.split(b"\0")):
        path = folder / os.fsdecode(name)
        if path.is_dir() and not path.is_symlink():
            # A submodule, or a repository in the repository, is one entry for git.
            if (path / ".git").exists():
                yield from _listed(path) or ()
        else:
            yield path


def _no_git(folder: Path, why: str) -> KitaruUsageError:
    # Without it, what is ignored would come along: keys, data, anything.
    return KitaruUsageError(
        f"{plain.line(str(folder))} is in a git repository, and git does not say what it "
        f"ignores there: {plain.line(why)}"
    )


def _walked(rules: _Rules, root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root, onerror=_refuse_unreadable):
        here = Path(folder)
        yield from (here / name for name in (*names, *below))
        below[:] = [name for name in below if rules.folder(here / name)]


def _refuse_unreadable(error: OSError) -> None:
    raise KitaruUsageError(
        f"{plain.line(str(error.filename))} may belong to the code and cannot be read: "
        f"{error.strerror}; move it out of the project, or make it readable"
    ) from error


def _check_file(
    chosen: dict[str, Path], root: Path, file: Path, *, is_listed: bool
) -> None:
    if file in chosen.values():
        return
    name = plain.line(os.path.relpath(file, root))
    if is_listed:
        raise KitaruUsageError(
            f"{name} has the flow and is ignored by git in {plain.line(str(root))}, so it "
            f"would not come along; take it out of .gitignore, or: git add -f {name}"
        )
    raise KitaruUsageError(
        f"{name} has the flow and does not belong to the code of "
        f"{plain.line(str(root))}: it lies in an environment, a cache or another folder "
        "that is left out; move it"
    )


def _check_limits(chosen: dict[str, Path], root: Path) -> None:
    sizes = {name: _size(path) for name, path in chosen.items()}
    total = sum(sizes.values())
    if len(chosen) <= MOST_FILES and total <= MOST_BYTES:
        return
    if total > MOST_BYTES:
        largest = Counter(sizes).most_common(_NAMED)
        named = [f"{plain.line(n)} ({size / _MIB:.1f} MiB)" for n, size in largest]
    else:
        crowded = Counter(name.partition("/")[0] for name in chosen)
        named = [
            f"{plain.line(n)} ({n_} files)" for n, n_ in crowded.most_common(_NAMED)
        ]
    raise KitaruUsageError(
        f"the code in {plain.line(str(root))} is {len(chosen)} files of "
        f"{total / _MIB:.1f} MiB; at most {MOST_FILES} of {MOST_BYTES // _MIB} MiB can "
        f"come along. The largest: {', '.join(named)}. Let git ignore what is no code, "
        "or move it out of the folder"
    )


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        # Gone meanwhile; who reads it says so.
        return 0
