"""Help that helps: examples that work, and a guess at what somebody meant."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from kitaru.cli.app import app
from kitaru.cli.examples import EXAMPLES

ROOT: Any = typer.main.get_command(app)


def everything(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all commands and groups by what is typed after `kitaru`."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from everything(child, f"{path} {name}".strip())


def parse(command: Any, words: list[str], name: str) -> None:
    """Read the words of a command line without running anything."""
    with command.make_context(name, list(words)) as context:
        rest = [*context._protected_args, *context.args]
        if rest and hasattr(command, "commands"):
            found, child, left = command.resolve_command(context, rest)
            parse(child, left, found)


ALL = dict(everything(ROOT))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.replace(" ", "-") or "root")
def test_every_help_ends_with_an_example_of_that_command(path: str) -> None:
    done = CliRunner().invoke(app, [*path.split(), "--help"])

    assert done.exit_code == 0
    said = " ".join(done.output.split())
    assert "For example:" in said
    for example in EXAMPLES[path]:
        assert example.startswith(f"kitaru {path}".strip())
        assert " ".join(example.split()) in said


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.replace(" ", "-") or "root")
def test_every_command_has_two_examples(path: str) -> None:
    assert len(set(EXAMPLES[path])) >= 2


def test_no_example_is_left_of_a_command_that_is_gone() -> None:
    assert set(EXAMPLES) == set(ALL)


@pytest.mark.parametrize(
    "example", [line for lines in EXAMPLES.values() for line in lines]
)
def test_every_example_is_read_by_its_command(example: str) -> None:
    program, *words = shlex.split(example)

    assert program == "kitaru"
    parse(ROOT, words, program)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["exec", "list"], "'kitaru executions'"),
        (["executons"], "'kitaru executions'"),
        (["executions", "lst"], "'kitaru executions list'"),
        (["logs", "1b2c3d4e"], "'kitaru executions logs' or"),
        (["secret", "list"], "'kitaru secrets'"),
        (["run", "flow.py"], "flows are started from Python"),
    ],
)
def test_a_command_that_is_none_is_answered_with_what_was_meant(
    words: list[str], meant: str
) -> None:
    done = CliRunner().invoke(app, words)

    assert done.exit_code == 2
    assert meant in " ".join(done.output.replace("│", " ").split())


def test_an_output_before_a_command_is_refused_with_its_place() -> None:
    done = CliRunner().invoke(app, ["-o", "json", "executions", "list"])

    assert "-o stands behind the command: kitaru executions" in str(done.exception)
    assert json.dumps(done.output) == '""'
