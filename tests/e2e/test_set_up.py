"""The first command of a new configuration folder: killed, and several at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.polling import eventually
from tests.support.workspace import Workspace

# A set-up takes seconds, on a busy machine many.
LONG = 300.0


def draft_begun(store: Path) -> bool:
    return any(store.glob(".setup-*/store.db"))


def draft_grows(store: Path) -> bool:
    return any(draft.stat().st_size for draft in store.glob(".setup-*/store.db"))


def in_place(store: Path) -> bool:
    return (store / "zenml.db").exists()


@pytest.mark.parametrize(
    "stage", [draft_begun, draft_grows, in_place], ids=lambda stage: stage.__name__
)
def test_the_command_after_a_killed_set_up_works(
    tmp_path: Path, stage: Callable[[Path], bool]
) -> None:
    workspace = Workspace(tmp_path, tmp_path / "config")
    store = workspace.config / "local_stores" / "default_zen_store"
    first = workspace.start_kitaru("status")
    try:
        eventually(lambda: stage(store), what=stage.__name__, within=LONG)
    except FileNotFoundError:
        # It was renamed between the look at the folder and at the file.
        assert in_place(store)
    first.kill()

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
