"""Logs go where they are told to, and those that exist can still be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kitaru import KitaruClient, checkpoint, flow, wait
from kitaru._ops import log_stores
from kitaru.errors import (
    KitaruBackendError,
    KitaruLogRetrievalError,
    KitaruUsageError,
)


@checkpoint
def speak() -> None:
    print("spoken")


@flow
def speaking() -> None:
    speak()


@flow
def speaking_twice() -> None:
    print("before")
    wait(timeout=0)
    print("after")


def messages(client: KitaruClient, execution_id: str) -> list[str]:
    return [
        entry.message for entry in client.executions.logs(execution_id, source="all")
    ]


def test_new_logs_go_to_the_folder_that_is_set_and_old_ones_stay(
    client: KitaruClient, config: Path, tmp_path: Path
) -> None:
    before = speaking.run().exec_id

    found = log_stores.choose(str(tmp_path / "logs" / "here"))
    after = speaking.run().exec_id
    shown = log_stores.show()

    assert found.folder == str(tmp_path / "logs" / "here")
    assert not found.is_default
    assert (tmp_path / "logs" / "here" / f"{after}.jsonl").exists()
    assert [place.logs for place in shown.places] == [1, 1]
    assert shown.places[0].size > 0
    assert "spoken" in messages(client, before)
    assert "spoken" in messages(client, after)


def test_an_execution_goes_on_in_the_log_it_has(
    client: KitaruClient, config: Path, tmp_path: Path
) -> None:
    log_stores.choose(str(tmp_path / "first"))
    handle = speaking_twice.run()

    log_stores.choose(str(tmp_path / "second"))
    log_stores.reset()
    client.executions.input(handle.exec_id)
    said = [
        entry.message
        for entry in client.executions.logs(handle.exec_id, source="all", follow=True)
    ]

    assert said.index("before") < said.index("after")
    assert list((tmp_path / "second").glob("*")) == []


def test_reset_leaves_no_setting_but_the_places_of_old_logs(
    config: Path, tmp_path: Path
) -> None:
    log_stores.choose(str(tmp_path / "first"))

    found = log_stores.reset()

    assert (found.is_default, found.folder) == (True, str(config / "kitaru" / "logs"))
    settings = json.loads((config / "kitaru" / "settings.json").read_text())
    assert settings == {"log_store": {"earlier": [str(tmp_path / "first")]}}


def test_other_settings_stay(config: Path, tmp_path: Path) -> None:
    file = config / "kitaru" / "settings.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text('{"other": 1}')

    log_stores.choose(str(tmp_path / "first"))
    log_stores.choose(str(config / "kitaru" / "logs"))

    assert json.loads(file.read_text())["other"] == 1
    assert log_stores.show().is_default


def test_a_relative_folder_is_meant_from_here(config: Path) -> None:
    found = log_stores.choose("logs")

    assert found.folder == str(Path.cwd() / "logs")


@pytest.mark.parametrize("where", ["file", "file/below", "/proc/nowhere"])
def test_a_folder_that_cannot_be_used_changes_nothing(
    config: Path, tmp_path: Path, where: str
) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(
        KitaruUsageError, match=r"logs cannot go to .*Nothing was changed"
    ):
        log_stores.choose(str(tmp_path / where))

    assert log_stores.show().is_default
    assert not (config / "kitaru" / "settings.json").exists()


def test_a_flow_runs_though_its_log_folder_is_gone(
    client: KitaruClient, config: Path, tmp_path: Path
) -> None:
    log_stores.choose(str(tmp_path / "first"))
    (tmp_path / "first").rmdir()
    (tmp_path / "first").write_text("in the way")

    handle = speaking.run()

    assert handle.status == "completed"
    with pytest.raises(KitaruLogRetrievalError, match="cannot be read"):
        messages(client, handle.exec_id)


def test_damaged_settings_do_not_keep_a_flow_from_running(
    client: KitaruClient, config: Path
) -> None:
    (config / "kitaru" / "settings.json").write_text("{")

    handle = speaking.run()

    assert "spoken" in messages(client, handle.exec_id)
    with pytest.raises(KitaruBackendError, match="damaged"):
        log_stores.show()
