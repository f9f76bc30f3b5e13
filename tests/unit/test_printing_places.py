"""All that Kitaru prints goes through one door, which cleans it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "kitaru"
DOOR = "_engine/output/streams.py"
# Who may write what is clean already: lines, drawings, and the user's own output.
WITH_CLEAN_TEXT = {
    DOOR,
    "_ops/speech.py",
    "_engine/output/log_capture.py",
    "_engine/output/reporter.py",
    "_engine/session/terminal_question.py",
    "_engine/isolation/child_process.py",
    "cli/screen.py",
}
DRAWS = "cli/screen.py"


def files() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(SOURCE.rglob("*.py")):
        name = file.relative_to(SOURCE).as_posix()
        if not name.startswith("shipped/examples/"):
            yield name, parsed(file.read_text())


def parsed(text: str) -> ast.Module:
    """Parse a module; Python 3.11 miscounts depths if another thread parses, too."""
    for _ in range(10):
        try:
            return ast.parse(text)
        except SystemError:
            continue
    return ast.parse(text)


def raw_prints(module: ast.AST) -> list[str]:
    """Return what prints without the door, as source."""
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    return [ast.unparse(call) for call in calls if _is_raw(ast.unparse(call.func))]


def _is_raw(called: str) -> bool:
    return called in ("print", "typer.echo", "typer.secho") or called in (
        f"sys.{stream}.{method}"
        for stream in ("stdout", "stderr", "__stdout__", "__stderr__")
        for method in ("write", "writelines", "buffer.write")
    )


def imported(module: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("source", ["print(x)", "sys.stderr.write(x)", "typer.echo(x)"])
def test_a_raw_print_is_found(source: str) -> None:
    assert raw_prints(ast.parse(source)) == [source]


def test_nothing_prints_past_the_door() -> None:
    found = {name: raw_prints(module) for name, module in files()}

    assert {name: calls for name, calls in found.items() if calls} == {}


def test_only_few_may_write_text_that_is_not_cleaned_for_them() -> None:
    users = {
        name
        for name, module in files()
        if {"kitaru._engine.output.streams.put", "kitaru._ops.speech.put"}
        & imported(module)
    }

    assert users | {DOOR, "_engine/output/log_capture.py"} == WITH_CLEAN_TEXT


def test_only_the_screen_draws_with_rich() -> None:
    users = {
        name
        for name, module in files()
        if any(one == "rich" or one.startswith("rich.") for one in imported(module))
    }

    assert users == {DRAWS}
