"""`kitaru init` adds what is missing and changes nothing else."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kitaru._ops import projects
from kitaru.cli.app import app
from kitaru.errors import KitaruUsageError

OWN = """\
# My project.
[project]
name = "agent"   # short

[tool.ruff]
line-length = 88
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["init", *arguments, "-o", "json"])
    if done.exception:
        raise done.exception
    item: dict[str, Any] = json.loads(done.stdout)["item"]
    return item


def said(*arguments: str) -> str:
    return CliRunner().invoke(app, ["init", *arguments]).stdout


def test_an_empty_folder_gets_a_table_that_says_nothing_yet(folder: Path) -> None:
    assert init()["written"] == ["pyproject.toml"]

    assert tomllib.loads((folder / "pyproject.toml").read_text()) == {
        "tool": {"kitaru": {}}
    }


def test_every_offered_line_is_a_setting(folder: Path) -> None:
    init()
    text = (folder / "pyproject.toml").read_text()
    offered = [line for line in text.splitlines() if " = " in line]

    table = tomllib.loads("\n".join(line.removeprefix("# ") for line in offered))

    assert set(table) == {
        "stack",
        "image",
        "cache",
        "retries",
        "budget",
        "recover",
        "notify",
        "project",
    }


@pytest.mark.parametrize("own", [OWN, OWN.rstrip("\n"), OWN.replace("\n", "\r\n"), ""])
def test_what_stands_in_the_file_stays_byte_by_byte(own: str, folder: Path) -> None:
    path = folder / "pyproject.toml"
    path.write_bytes(own.encode())
    path.chmod(0o640)

    init()

    now = path.read_bytes().decode()
    assert now.startswith(own)
    assert "[tool.kitaru]" in now
    assert ("\r\n" in own) == ("\r\n" in now.removeprefix(own))
    assert path.stat().st_mode & 0o777 == 0o640
    tomllib.loads(now)


def test_a_second_time_there_is_nothing_to_do(folder: Path) -> None:
    init("--example")
    before = {path: path.read_bytes() for path in folder.iterdir()}

    again = init("--example")

    assert again["written"] == []
    assert again["kept"] == ["pyproject.toml", "first_flow.py", "first_flow.md"]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert "nothing to do; there already: pyproject.toml" in said()


def test_a_linked_file_stays_a_link(folder: Path) -> None:
    (folder / "real.toml").write_text(OWN)
    (folder / "pyproject.toml").symlink_to("real.toml")

    init()

    assert (folder / "pyproject.toml").is_symlink()
    assert "[tool.kitaru]" in (folder / "real.toml").read_text()


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("x = ", "is not valid TOML"),
        ("tool = { ruff = {} }\n", r"write its tables as \[tool.NAME\]"),
        ("[tool]\nkitaru = 1\n", "must be a table, got 1"),
    ],
)
def test_a_file_that_cannot_take_the_table_is_left_alone(
    own: str, message: str, folder: Path
) -> None:
    path = folder / "pyproject.toml"
    path.write_text(own)

    with pytest.raises(KitaruUsageError, match=message):
        init("--example")

    assert [found.name for found in folder.iterdir()] == ["pyproject.toml"]
    assert path.read_text() == own


def test_a_folder_is_made_and_the_next_steps_name_it(folder: Path) -> None:
    text = said("new/agent")

    assert (folder / "new" / "agent" / "pyproject.toml").exists()
    assert "  kitaru init new/agent --example " in text
    assert "  python new/agent/first_flow.py " in said("new/agent", "--example")


def test_a_file_is_no_project(folder: Path) -> None:
    (folder / "file").write_text("")

    with pytest.raises(KitaruUsageError, match="file is not a folder"):
        init("file")


def test_hiding_the_settings_of_a_folder_around_is_said(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.kitaru]\nretries = 1\n")

    assert f"the settings in {folder}/pyproject.toml do not count" in said("inner")
    assert init("inner")["notes"] == []


@pytest.mark.parametrize("name", projects.examples())
def test_an_example_comes_with_what_to_look_at(folder: Path, name: str) -> None:
    done = init("--example", name)

    assert done["example"] == f"{name}.py"
    assert done["written"] == ["pyproject.toml", f"{name}.py", f"{name}.md"]
    page = (folder / f"{name}.md").read_text(encoding="utf-8")
    assert f"python {name}.py" in page
    assert len((folder / f"{name}.py").read_text().splitlines()) < 150


@pytest.mark.parametrize("words", [["--example", "suport"], ["--example", "my-agents"]])
def test_an_example_that_is_none_is_refused_with_the_names(
    folder: Path, words: list[str]
) -> None:
    with pytest.raises(KitaruUsageError, match="there are coding, data_quality"):
        init(*words)

    assert list(folder.iterdir()) == []


def test_an_example_without_a_name_is_the_first(folder: Path) -> None:
    assert init("new", "--example")["example"] == "new/first_flow.py"
