"""The first command of a new configuration folder: killed, and several at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.workspace import Workspace

# A set-up takes seconds, on a busy machine many.
LONG = 300.0
# Python tells of each file that is opened or renamed before it does so.
KILLED_BEFORE = """
    import os
    import signal
    import sys

    event, ending, time = sys.argv[1], sys.argv[2], int(sys.argv[3])

    def look(name, arguments):
        global time
        if name == event and any(str(a).endswith(ending) for a in arguments[:2]):
            time -= 1
            if time == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)
    from kitaru.cli.app import main

    sys.argv = ["kitaru", "status"]
    main()
    """


@pytest.mark.parametrize(
    ("event", "ending", "time"),
    [
        pytest.param("sqlite3.connect", "store.db", 1, id="the draft is filled"),
        pytest.param("os.rename", "zenml.db", 1, id="the draft gets its place"),
        pytest.param("sqlite3.connect", "zenml.db?mode=ro", 1, id="it is opened"),
        pytest.param("os.rename", "config.yaml", 2, id="it is noted where it is"),
    ],
)
def test_the_command_after_a_killed_set_up_works(
    tmp_path: Path, event: str, ending: str, time: int
) -> None:
    workspace = Workspace(tmp_path, tmp_path / "config")
    store = workspace.config / "local_stores" / "default_zen_store"
    program = workspace.script("killed.py", KILLED_BEFORE)
    first = workspace.start_python(program, event, ending, str(time)).finish(LONG)
    assert first.code == -9, first.both

    second = workspace.start_kitaru("status").finish(LONG)

    assert second.code == 0, second.both
    assert list(store.glob(".setup-*")) == []
    assert list(store.glob("*half-made*")) == []


def test_several_first_commands_make_one_store(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, tmp_path / "config")

    started = [workspace.start_kitaru("status") for _ in range(3)]
    ended = [one.finish(LONG) for one in started]

    assert [one.code for one in ended] == [0, 0, 0], [one.both for one in ended]
    store = workspace.config / "local_stores" / "default_zen_store"
    assert not list(store.glob("*half-made*"))
