"""The files that docs/testing.md shows do what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"
FILE = re.compile(
    r"^```python\n# (?P<name>\S+\.py)\n(?P<code>.*?)^```\n", re.MULTILINE | re.DOTALL
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the page in a folder."""
    for match in FILE.finditer(PAGE.read_text(encoding="utf-8")):
        (tmp_path / match["name"]).write_text(match["code"], encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_python_of_the_page_is_in_files() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert len(FILE.findall(text)) == text.count("```python")


def test_the_tests_of_the_page_pass(folder: Path) -> None:
    printed = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert "9 passed" in printed


def test_the_script_of_the_page_prints_the_result(folder: Path) -> None:
    assert run(folder, "plain.py") == "published: cats 1 and cats 2\n"
