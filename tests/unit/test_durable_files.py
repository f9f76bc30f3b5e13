"""Files are whole or not there, closed to others, and what the dead left is found."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kitaru._engine.disk import durable_files, private

WRITING = """
import sys
from pathlib import Path
from kitaru._engine.disk import durable_files
with durable_files.draft(Path(sys.argv[1])) as file:
    file.write(b"half")
    print("writing", flush=True)
    sys.stdin.read()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def writer(folder: Path) -> subprocess.Popen[bytes]:
    """Return a process that has written half a file."""
    started = subprocess.Popen(
        [sys.executable, "-c", WRITING, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == b"writing\n"
    return started


def test_what_a_killed_process_wrote_goes_and_what_a_living_one_writes_stays(
    tmp_path: Path,
) -> None:
    killed = writer(tmp_path)
    (left,) = tmp_path.iterdir()
    living = writer(tmp_path)
    killed.kill()
    killed.wait()
    an_hour_ago = time.time() - 3600
    for path in tmp_path.iterdir():
        os.utime(path, (an_hour_ago, an_hour_ago))

    removed = durable_files.remove_left(tmp_path)

    assert (removed, left.exists()) == (1, False)
    assert len(list(tmp_path.iterdir())) == 1
    living.communicate()
    assert living.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_draft_that_was_just_begun_is_nobodys_left_over(tmp_path: Path) -> None:
    (tmp_path / ".draft-just-begun").touch()

    assert durable_files.remove_left(tmp_path) == 0
    assert durable_files.remove_left(tmp_path / "nowhere") == 0


def test_files_written_together_are_all_whole(tmp_path: Path) -> None:
    files = {tmp_path / "a" / f"{n}" / "data": b"%d" % n * n for n in range(150)}

    durable_files.write_together(files, tmp_path)

    assert {path: path.read_bytes() for path in files} == files
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert {mode(path) for path in files} == {0o600}


def test_of_files_written_together_none_is_half_there(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    files = {tmp_path / "a": b"1", tmp_path / "taken" / "b": b"2"}

    with pytest.raises(OSError, match="taken"):
        durable_files.write_together(files, tmp_path)

    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} in (
        {"taken": b"", "a": b"1"},
        {"taken": b""},
    )


def test_what_is_written_for_the_user_is_the_users_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        durable_files.write(tmp_path / "made" / "here" / "settings", b"{}")
        durable_files.write(tmp_path / "shared", b"", mode=private.BY_UMASK)
    finally:
        os.umask(before)

    made = tmp_path / "made"
    assert [mode(made), mode(made / "here")] == [0o700, 0o700]
    assert mode(made / "here" / "settings") == 0o600
    assert mode(tmp_path / "shared") == 0o644


def test_a_folder_that_is_open_is_closed_with_what_is_named_in_it(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config"
    (config / "ours" / "deep").mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.touch()
    for path in (config / "ours" / "file", config / "ours" / "deep" / "program"):
        path.touch()
        path.chmod(0o755)
    (config / "theirs").touch()
    (config / "ours" / "link").symlink_to(outside)
    for path in (config, config / "ours", config / "ours" / "deep"):
        path.chmod(0o755)
    (config / "theirs").chmod(0o644)
    outside.chmod(0o644)

    link = tmp_path / "link"
    link.symlink_to(config)

    private.close_folder(link, ["ours", "missing"])

    closed = (config, config / "ours", config / "ours" / "deep")
    assert [mode(path) for path in closed] == [0o700] * 3
    assert mode(config / "ours" / "file") == 0o700
    assert mode(config / "ours" / "deep" / "program") == 0o700
    assert [mode(config / "theirs"), mode(outside)] == [0o644, 0o644]
