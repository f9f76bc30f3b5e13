"""No function inside another has the name of one of its module: it would call itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "kitaru"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def names_of_module(tree: ast.Module) -> Iterator[str]:
    for part in tree.body:
        if isinstance(part, ast.Import | ast.ImportFrom):
            yield from (one.asname or one.name for one in part.names)
        elif isinstance(part, (*FUNCTIONS, ast.ClassDef)):
            yield part.name


def inner_functions(tree: ast.Module) -> Iterator[str]:
    for outer in ast.walk(tree):
        if isinstance(outer, FUNCTIONS):
            for inner in ast.walk(outer):
                if isinstance(inner, FUNCTIONS) and inner is not outer:
                    yield inner.name


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE))
)
def test_an_inner_function_has_a_name_of_its_own(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert not set(inner_functions(tree)) & set(names_of_module(tree))
