"""Which files come along: the project's, and none that is secret, foreign or made."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kitaru._engine.code import choose, commits
from kitaru.errors import KitaruUsageError

ALWAYS_LEFT_OUT = [
    ".env",
    ".env.local",
    "config/.env",
    ".envrc",
    "__pycache__/agent.cpython-311.pyc",
    "lib/module.pyc",
    ".zen/config.yaml",
    "venv/pyvenv.cfg",
    "venv/lib/python3.11/site-packages/package.py",
    "node_modules/left/pad.js",
    "cache/CACHEDIR.TAG",
    "cache/built.bin",
]


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def git(root: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "-C", root, *who, *words], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "my project"
    put(root, "agent.py", "two words.py", "data/a b.txt", "prompts/völlig.md")
    return root


def names(root: Path, **more: list[Path]) -> list[str]:
    return list(choose.files_of(root, root / "agent.py", **more))


@pytest.mark.parametrize("with_git", [False, True])
def test_what_is_no_code_stays_here_and_names_with_spaces_come_along(
    project: Path, with_git: bool
) -> None:
    put(project, *ALWAYS_LEFT_OUT)
    if with_git:
        git(project, "init", "-q")
        # What is tracked by mistake is no less secret.
        git(project, "add", "-f", ".")

    assert names(project) == [
        "agent.py",
        "data/a b.txt",
        "prompts/völlig.md",
        "two words.py",
    ]


def test_what_git_ignores_stays_here_and_what_is_new_comes_along(project: Path) -> None:
    put(project, "keys/private.pem", "notes.txt", "gone.py", "above/.gitkeep")
    (project / ".gitignore").write_text("keys/\n*.log\n")
    git(project, "init", "-q")
    git(project, "add", ".")
    put(project, "new one.py", "trace.log", "line\nbreak.txt")
    (project / "gone.py").unlink()

    found = names(project)

    assert {"new one.py", "line\nbreak.txt", ".gitignore"} <= set(found)
    assert not {"keys/private.pem", "trace.log", "gone.py"} & set(found)


def test_a_folder_of_a_repository_is_a_project_of_its_own(project: Path) -> None:
    put(project, "service/agent.py", "service/own.py")
    git(project, "init", "-q")

    assert names(project / "service") == ["agent.py", "own.py"]


def test_a_repository_in_the_repository_comes_along_by_its_own_rules(
    project: Path,
) -> None:
    git(project, "init", "-q")
    for inner in ("tracked", "not tracked"):
        put(project / inner, "module.py", "secret.key", "deep/er.py")
        (project / inner / ".gitignore").write_text("*.key\n")
        git(project / inner, "init", "-q")
        git(project / inner, "add", ".")
        git(project / inner, "commit", "-q", "-m", "first")
    git(project, "add", "tracked")

    found = names(project)

    for inner in ("tracked", "not tracked"):
        assert {f"{inner}/module.py", f"{inner}/deep/er.py"} <= set(found)
        assert f"{inner}/secret.key" not in found


@pytest.mark.parametrize("with_git", [False, True])
def test_links_come_along_if_what_they_lead_to_does(
    project: Path, tmp_path: Path, with_git: bool
) -> None:
    put(project, ".env")
    put(tmp_path, "elsewhere/of others.txt")
    links = {
        "to file": project / "two words.py",
        "to folder": "data",
        "out": tmp_path / "elsewhere" / "of others.txt",
        "folder out": tmp_path / "elsewhere",
        "to secret": ".env",
        "to nothing": "nowhere",
        "to itself": "to itself",
        "to all": ".",
    }
    for name, to in links.items():
        (project / name).symlink_to(to)
    if with_git:
        git(project, "init", "-q")

    assert set(names(project)) & links.keys() == {"to file", "to folder"}


def test_a_folder_that_became_a_link_out_brings_nothing_of_others(
    project: Path, tmp_path: Path
) -> None:
    put(tmp_path, "elsewhere/a b.txt")
    git(project, "init", "-q")
    git(project, "add", ".")
    (project / "data" / "a b.txt").unlink()
    (project / "data").rmdir()
    (project / "data").symlink_to(tmp_path / "elsewhere")

    assert not [name for name in names(project) if name.startswith("data")]


def test_the_folder_of_the_store_is_none_of_the_projects(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(project, "state/kitaru/journal.db", "archives/code.tar.gz")
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(project / "state"))

    found = names(project, without=[project / "archives"])

    assert not [name for name in found if name.startswith(("state", "archives"))]


def test_a_hook_of_another_repository_changes_nothing(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "other", "other.py")
    git(tmp_path / "other", "init", "-q")
    git(project, "init", "-q")
    git(project, "commit", "-q", "--allow-empty", "-m", "ours")
    ours = commits.of(project)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))

    assert "agent.py" in names(project)
    assert commits.of(project) == ours != (None, False)


def test_without_an_answer_of_git_nothing_ignored_can_slip_through(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(project, "init", "-q")
    (project / ".git" / "HEAD").write_text("what is that")
    with pytest.raises(KitaruUsageError, match="git does not say what it ignores"):
        names(project)

    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(KitaruUsageError, match="git does not say what it ignores"):
        names(project)


def test_a_flow_that_git_ignores_is_refused_with_a_way_out(project: Path) -> None:
    (project / ".gitignore").write_text("agent.py\n")
    git(project, "init", "-q")

    with pytest.raises(
        KitaruUsageError, match=r"ignored by git .* git add -f agent\.py"
    ):
        names(project)


def test_a_flow_in_an_environment_is_refused(project: Path) -> None:
    put(project, "venv/pyvenv.cfg", "venv/agent.py")

    with pytest.raises(KitaruUsageError, match="left out; move it"):
        choose.files_of(project, project / "venv" / "agent.py")


def test_the_home_folder_and_all_above_it_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home" / "ann"
    put(home, "agent.py", "project/agent.py")
    monkeypatch.setenv("HOME", str(home))

    for root in (home, home.parent, Path("/")):
        with pytest.raises(KitaruUsageError, match="a folder of its own"):
            choose.files_of(root, home / "agent.py")
    assert names(home / "project") == ["agent.py"]


def test_an_installed_package_is_no_project() -> None:
    file = Path(pytest.__file__)

    with pytest.raises(KitaruUsageError, match="installed package"):
        choose.files_of(file.parents[1], file)


def test_too_large_code_is_refused_and_names_the_largest(project: Path) -> None:
    for name, size in (("weights.bin", 40), ("more weights.bin", 11)):
        with (project / name).open("wb") as file:
            file.truncate(size * 2**20)

    with pytest.raises(KitaruUsageError) as refused:
        names(project)

    assert "6 files of 51.0 MiB; at most 5000 of 50 MiB" in str(refused.value)
    assert "weights.bin (40.0 MiB), more weights.bin (11.0 MiB)" in str(refused.value)


def test_too_many_files_are_refused_and_the_fullest_folder_is_named(
    project: Path,
) -> None:
    (project / "pages").mkdir()
    for number in range(choose.MOST_FILES):
        (project / "pages" / str(number)).touch()

    with pytest.raises(KitaruUsageError, match=r"5004 files .*pages \(5000 files\)"):
        names(project)


def test_what_a_name_does_to_a_terminal_is_shown_escaped(project: Path) -> None:
    with (project / "big\x1b[2J\n.bin").open("wb") as file:
        file.truncate(choose.MOST_BYTES + 1)

    with pytest.raises(KitaruUsageError) as refused:
        names(project)

    assert "big\\x1b[2J\\n.bin" in str(refused.value)
    assert "\x1b" not in str(refused.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_not_passed_over(project: Path) -> None:
    (project / "data").chmod(0)
    try:
        with pytest.raises(KitaruUsageError, match="cannot be read"):
            names(project)
    finally:
        (project / "data").chmod(0o700)
