"""Signatures and docstrings of public names, read from the source without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

# The folder that holds the package `kitaru`.
_SOURCES = Path(__file__).resolve().parents[2]


def described(name: str) -> str:
    """Return what a dotted public name is, as Markdown: signature, docstring, members.

    Raises:
        LookupError: If there is no function or class of that name.
    """
    module, _, attribute = name.rpartition(".")
    found = _find(module, attribute)
    if isinstance(found, ast.ClassDef):
        return "\n\n".join(_class(name, found))
    return "\n\n".join(_function(name, found, level=3))


def _find(module: str, name: str) -> Definition:
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    tree = _parsed(module)
    for node in tree.body:
        if isinstance(node, definitions) and node.name == name and not _overload(node):
            return node
    for inner in ast.walk(tree):
        if isinstance(inner, ast.ImportFrom) and inner.module:
            for imported in inner.names:
                if (imported.asname or imported.name) == name:
                    return _find(inner.module, imported.name)
    raise LookupError(f"{module} has no function or class {name!r}")


@cache
def _parsed(module: str) -> ast.Module:
    path = _SOURCES.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        raise LookupError(f"there is no module {module!r}")
    return ast.parse(file.read_text(encoding="utf-8"))


def _class(name: str, node: ast.ClassDef) -> Iterator[str]:
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    yield f"### `{name}`"
    fields = [
        ast.unparse(member)
        for member in node.body
        if isinstance(member, ast.AnnAssign) and not _is_private(_target(member))
    ]
    body = "\n".join(f"    {field}" for field in fields) or "    ..."
    yield f"```python\nclass {node.name}({bases}):\n{body}\n```"
    yield _documented(node)
    for member in node.body:
        if (
            isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef)
            and (member.name == "__call__" or not _is_private(member.name))
            and ast.get_docstring(member)
            and not _overload(member)
        ):
            yield from _function(f"{node.name}.{member.name}", member, level=4)


def _function(name: str, node: Definition, *, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{name}`"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        is_property = any("property" in ast.unparse(d) for d in node.decorator_list)
        word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        if is_property:
            yield f"```python\n{node.name}:{returns.removeprefix(' ->')}\n```"
        else:
            arguments = ast.unparse(node.args)
            yield f"```python\n{word} {node.name}({arguments}){returns}\n```"
    yield _documented(node)


def _documented(node: Definition) -> str:
    return ast.get_docstring(node) or ""


def _overload(node: Definition) -> bool:
    return any(ast.unparse(d).endswith("overload") for d in node.decorator_list)


def _target(node: ast.AnnAssign) -> str:
    return node.target.id if isinstance(node.target, ast.Name) else "_"


def _is_private(name: str) -> bool:
    return name.startswith("_")
