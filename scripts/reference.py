"""Write the pages that are made from the code: all commands, and who may do what.

Also the measured rows of the comparison, which are those of the page on performance.

python scripts/reference.py           writes the pages
python scripts/reference.py --check   fails if they are not up to date
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from kitaru._ops.capabilities import MATRIX, REMARKS, Op, Surface
from kitaru.cli.app import app

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
COMMANDS_HEAD = """# Commands

Every command and its options. `kitaru COMMAND --help` prints the same. How they work together:
[operating](operating.md).
"""
CAPABILITIES_HEAD = """# Who can do what, and where

Each job has its surface: the Python decorators and functions (SDK), `KitaruClient` (client), the `kitaru` command
(CLI), the MCP server for assistants (MCP) and [the page](ui.md).
"""
SURFACES_HEAD = """# Surfaces: who does what, and where

This is the table of the installed version. An empty cell means no: that surface does not offer the job, on purpose.
"""
SURFACES_TAIL = """
## What surprises

- The client launches nothing: a flow object does, an assistant does, or a deployment is invoked.
- A wait is answered by client, command line and assistant; it is given up (aborted) by the client only.
- There is no resume for assistants, and none is needed: after an answer an execution goes on by itself.
- Artifacts are browsed by client and assistant, not on the command line.
- There is no command that lists pending waits; `kitaru` alone shows what waits.
- Remote stacks are made on the command line or by an assistant, not from Python.
- Values of secrets go in through an assistant, if at all, and never come out.
- The command line has no `run`: flows are started from Python.

In a document, name the job with a word of the first column (launch, logs, answer, abort, replay, artifacts, ...).
"""
OTHERS = ("DBOS, SQLite", "LangGraph, SqliteSaver", "ZenML")
MEASURED_COLUMNS = 9
MEASURED = re.compile(
    r"(<!-- measured: .*?-->\n\n).*?(\n\n<!-- measured: end -->)", re.DOTALL
)


def commands() -> str:
    """Return the page of all commands."""
    root = typer.main.get_command(app)
    return "\n".join([COMMANDS_HEAD, *_described(root, "kitaru")]).rstrip() + "\n"


def capabilities() -> str:
    """Return the table of capabilities."""
    head = [str(surface) for surface in Surface]
    lines = [f"| | {' | '.join(head)} |", "|---|" + "---|" * len(head)]
    for op in Op:
        cells = [_cell(op, surface) for surface in Surface]
        lines.append(f"| {op} | {' | '.join(cells)} |")
    return "\n".join([CAPABILITIES_HEAD, *lines]) + "\n"


def surfaces() -> str:
    """Return the table of capabilities, as the skill that scopes flows has it."""
    table = capabilities().removeprefix(CAPABILITIES_HEAD)
    return f"{SURFACES_HEAD}{table}{SURFACES_TAIL}"


def comparison() -> str:
    """Return the comparison with others, with what was measured last."""
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    measured = (DOCS / "performance.md").read_text(encoding="utf-8")
    rows: dict[str, dict[str, str]] = {}
    workload = ""
    for line in measured.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != MEASURED_COLUMNS:
            continue
        if cells[0]:
            workload = cells[1]
            rows[workload] = {"Kitaru": cells[2].partition(" (")[0]}
        if workload and cells[4] in OTHERS:
            rows[workload][cells[4]] = cells[5]
    table = [
        f"| | Kitaru | {' | '.join(OTHERS)} |",
        "|---|---|" + "---|" * len(OTHERS),
        *(
            f"| {name} | {' | '.join(row.get(o, '') for o in ('Kitaru', *OTHERS))} |"
            for name, row in rows.items()
            if {"DBOS, SQLite", "ZenML"} & set(row)
        ),
    ]
    return MEASURED.sub(
        lambda match: match[1] + "\n".join(table) + match[2], page, count=1
    )


def _cell(op: Op, surface: Surface) -> str:
    remark = REMARKS.get((op, surface), "")
    if surface not in MATRIX[op]:
        return f"no ({remark})" if remark else ""
    return f"yes ({remark})" if remark else "yes"


def _described(command: Any, path: str) -> Iterator[str]:
    context = command.make_context(path, [], resilient_parsing=True)
    nested = getattr(command, "commands", {})
    yield f"{'##' if nested else '###'} `{path}`\n"
    yield f"{command.help}\n"
    if not nested:
        usage = context.get_usage().removeprefix("Usage: ")
        yield f"```\n{' '.join(usage.split())}\n```\n"
    told = [line for line in (command.epilog or "").split("\n\n")[1:] if line]
    if told:
        yield "```bash\n" + "\n".join(told) + "\n```\n"
    rows = [
        record
        for parameter in command.get_params(context)
        if (record := parameter.get_help_record(context))
        and (not nested or path == "kitaru")
        and "--help" not in record[0]
    ]
    if rows:
        yield "| option | |\n|---|---|"
        for names, text in rows:
            yield f"| {_code(names)} | {_cell_text(text)} |"
        yield ""
    for name, child in sorted(
        nested.items(), key=lambda item: hasattr(item[1], "commands")
    ):
        yield from _described(child, f"{path} {name}")


def _code(text: str) -> str:
    # A bar in code in a cell is shown with its backslash by some, as a border by others.
    return f"`{_cell_text(text.replace('|', ' or '))}`"


def _cell_text(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PAGES = {
    DOCS / "commands.md": commands,
    DOCS / "capabilities.md": capabilities,
    DOCS / "comparison.md": comparison,
    ROOT / "skills" / "kitaru-scoping" / "references" / "surfaces.md": surfaces,
}


def main() -> None:
    """Write the pages, or say which differ."""
    stale = []
    for path, page in PAGES.items():
        text = page()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(ROOT).as_posix())
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv[1:]:
        sys.exit(
            f"{', '.join(stale)} differ from what they are made of; run: python scripts/reference.py"
        )


if __name__ == "__main__":
    main()
