"""`kitaru skills install` writes what is missing, and changes nothing of anybody's."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kitaru._ops import skills
from kitaru.cli.app import app
from kitaru.errors import KitaruUsageError
from tests.support.golden import assert_golden

NAMES = ("kitaru-authoring", "kitaru-scoping")
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def install(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["skills", "install", *arguments, "-o", "json"])
    if done.exception:
        raise done.exception
    item: dict[str, Any] = json.loads(done.stdout)["item"]
    return item


def outcomes(item: dict[str, Any]) -> set[str]:
    return {file["outcome"] for file in item["files"]}


@pytest.mark.parametrize("name", NAMES)
def test_a_skill_has_what_the_format_asks_for(name: str) -> None:
    text = (skills.FOLDER / name / "SKILL.md").read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in head.splitlines())

    assert fields["name"] == name
    assert 100 < len(fields["description"]) <= 1024
    assert len(body.splitlines()) < 500


def test_every_link_of_a_skill_leads_to_a_file_of_it() -> None:
    for page in skills.FOLDER.rglob("*.md"):
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            assert (page.parent / link).is_file(), (page, link)


def test_the_code_that_a_skill_teaches_passes_its_own_tests(folder: Path) -> None:
    references = skills.FOLDER / "kitaru-authoring" / "references"
    for page, name in (("flows.md", "refund.py"), ("testing.md", "test_refund.py")):
        text = (references / page).read_text(encoding="utf-8")
        (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
        (folder / name).write_text(code)
    (folder / "conftest.py").write_text('pytest_plugins = ["kitaru.testing"]\n')

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "5 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "place", "servers"),
    [
        ("claude", ".claude/skills", ".mcp.json"),
        ("codex", ".agents/skills", ".codex/config.toml"),
        ("cursor", ".cursor/skills", ".cursor/mcp.json"),
        ("vscode", ".github/skills", ".vscode/mcp.json"),
    ],
)
def test_an_assistant_gets_both_skills_and_the_server(
    folder: Path, name: str, place: str, servers: str
) -> None:
    install("--to", name)

    for skill in NAMES:
        assert (folder / place / skill / "SKILL.md").is_file()
    text = (folder / servers).read_text(encoding="utf-8")
    body = tomllib.loads(text) if servers.endswith("toml") else json.loads(text)
    entry = body[skills.ASSISTANTS[name].key]["kitaru"]
    assert entry["command"] == "kitaru-mcp"


def test_a_second_time_nothing_is_left_to_do(folder: Path) -> None:
    install("--to", "claude", "--to", "codex")

    again = install()

    assert set(again["targets"]) == {"claude", "codex"}
    assert outcomes(again) == {"same"}


def test_other_servers_and_their_order_stay(folder: Path) -> None:
    (folder / ".mcp.json").write_text('{"mcpServers": {"b": {"command": "b"}}, "x": 1}')

    install("--to", "claude")

    body = json.loads((folder / ".mcp.json").read_text())
    assert list(body["mcpServers"]) == ["b", "kitaru"]
    assert body["x"] == 1


def test_what_stands_in_a_toml_file_stays_with_its_comments(folder: Path) -> None:
    path = folder / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text('model = "x"  # mine\n\n[mcp_servers.other]\ncommand = "o"\n')

    install("--to", "codex")

    text = path.read_text()
    assert text.startswith('model = "x"  # mine\n')
    assert set(tomllib.loads(text)["mcp_servers"]) == {"other", "kitaru"}


@pytest.mark.parametrize("text", ["{not json", "[]", '{"mcpServers": []}'])
def test_a_file_that_cannot_be_read_stops_it_before_anything_is_written(
    folder: Path, text: str
) -> None:
    (folder / ".mcp.json").write_text(text)

    with pytest.raises(KitaruUsageError, match="nothing was written"):
        install("--to", "claude")

    assert (folder / ".mcp.json").read_text() == text
    assert not (folder / ".claude").exists()


def test_the_command_prints_its_golden_json(folder: Path) -> None:
    item = install("--to", "vscode")

    # What is left to do depends on what is installed here.
    assert_golden(
        "skills-install", {"command": "skills install", "item": item | {"notes": []}}
    )


def test_a_dry_run_tells_and_writes_nothing(folder: Path) -> None:
    item = install("--to", "claude", "--dry-run")

    assert outcomes(item) == {"written"}
    assert list(folder.iterdir()) == []


def test_a_changed_skill_is_kept_unless_told_otherwise(folder: Path) -> None:
    install("--to", "claude")
    path = folder / ".claude/skills/kitaru-scoping/SKILL.md"
    path.write_text("mine")

    kept = install("--to", "claude")

    assert "kept" in outcomes(kept)
    assert "--force" in kept["notes"][0]
    assert path.read_text() == "mine"
    assert "updated" in outcomes(install("--to", "claude", "--force"))
    assert path.read_text() != "mine"


def test_a_folder_gets_the_skills_alone(folder: Path) -> None:
    install("--to", "./given")

    assert sorted(p.name for p in (folder / "given").iterdir()) == list(NAMES)


def test_without_a_target_those_in_use_are_meant(folder: Path) -> None:
    (folder / ".cursor").mkdir()

    assert install()["targets"] == ["cursor"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no assistant is used in"),
        (["--to", "clade"], "no assistant 'clade'; did you mean 'claude'"),
    ],
)
def test_what_is_not_clear_is_refused_with_the_choices(
    folder: Path, arguments: list[str], said: str
) -> None:
    with pytest.raises(KitaruUsageError, match=said):
        install(*arguments)

    assert list(folder.iterdir()) == []


def test_a_link_stays_a_link(folder: Path) -> None:
    (folder / "real.json").write_text("{}")
    (folder / ".mcp.json").symlink_to("real.json")

    install("--to", "claude")

    assert (folder / ".mcp.json").is_symlink()
    assert "kitaru" in (folder / "real.json").read_text()
