"""What Kitaru writes is for the user alone, whatever the umask says."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workspace import Workspace

PROGRAM = """
from kitaru import checkpoint, flow


@checkpoint
def draft() -> bytes:
    print("drafting")
    return b"secret " * 20_000


@flow
def writing() -> bytes:
    return draft()


if __name__ == "__main__":
    print(writing.run().exec_id)
"""


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Return what others could read, if they reached it."""
    return [
        str(path.relative_to(folder))
        for path in (folder, *folder.rglob("*"))
        if path.lstat().st_mode & 0o077
    ]


def ours_open_to_others(config: Path) -> list[str]:
    """The same without values and other things of ZenML, in a folder that is closed."""
    return [
        path
        for path in open_to_others(config)
        if not path.startswith("local_stores/") or path.endswith(".db")
    ]


@pytest.mark.usefixtures("umask")
def test_all_of_a_new_configuration_folder_is_closed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, tmp_path / "deep" / "config")

    script = workspace.script("writing.py", PROGRAM)
    exec_id = workspace.python(script).stdout.split()[-1]
    workspace.kitaru("log-store", "set", str(tmp_path / "logs"))
    workspace.python(script)

    assert "drafting" in workspace.log_text(exec_id)
    assert stat.S_IMODE(workspace.config.stat().st_mode) == 0o700
    assert ours_open_to_others(workspace.config) == []
    assert open_to_others(tmp_path / "logs") == []


@pytest.mark.usefixtures("umask")
def test_one_that_others_could_read_is_closed_by_the_next_command(
    workspace: Workspace,
) -> None:
    workspace.python(workspace.script("writing.py", PROGRAM))
    for path in (workspace.config, *workspace.config.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))

    workspace.kitaru("status")

    assert open_to_others(workspace.config) == []
