"""What a flow was deployed with, and what is different where it runs."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kitaru._engine.code import environment
from kitaru._engine.code.environment import Environment
from kitaru.version import __version__


def test_what_is_recorded_here_is_no_different_here() -> None:
    now = environment.recorded()

    assert (now.python, now.python_version) == (
        sys.executable,
        platform.python_version(),
    )
    assert now.packages["pytest"] == importlib.metadata.version("pytest")
    assert now.packages["kitaru"] == __version__
    assert environment.differences(now) == []
    assert Environment.from_dict(json.loads(json.dumps(now.to_dict()))) == now


def test_differences_are_said_in_words() -> None:
    before = Environment(
        python=sys.executable,
        python_version="3.4.1",
        packages={"pytest": "1.0", "never-installed": "2.1", "kitaru": __version__},
    )

    assert environment.differences(before) == [
        f"Python was 3.4.1 at deploy, is {platform.python_version()}",
        f"pytest was 1.0 at deploy, is {pytest.__version__}",
        "never-installed was 2.1 at deploy, is gone",
    ]


def test_the_recorded_interpreter_is_used_while_it_is_here(tmp_path: Path) -> None:
    other = tmp_path / "python"
    recorded = Environment(python=str(other), python_version="3.12.1")

    assert environment.interpreter(recorded) == sys.executable
    other.write_text("#!/bin/sh\n")
    assert environment.interpreter(recorded) == sys.executable
    other.chmod(0o700)
    assert environment.interpreter(recorded) == str(other)


@pytest.mark.parametrize(
    ("recorded", "here", "fits"),
    [
        ("3.12.1", "3.12.9", True),
        ("3.12.1", "3.13.1", False),
        ("3.1.2", "3.12.1", False),
    ],
)
def test_another_python_is_one_of_another_minor(
    recorded: str, here: str, fits: bool
) -> None:
    known = Environment(python=sys.executable, python_version=recorded)

    assert environment.fits_python(known, here) is fits
    mine = replace(known, python_version=platform.python_version())
    assert environment.fits_python(mine)
