"""A stored value: as a tree, text, table or image; never run, never unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitaru._ops import looking
from kitaru._ops.capabilities import PAGE, Op, exposes
from kitaru._ops.looking import Look
from kitaru.errors import KitaruUsageError
from kitaru.ui.routes import Answer, Asked, Raw, Shown, at

# What is sent at once; the rest is on the next pages.
PIECE = 50_000
ROWS = 100
_ITEMS = 200
_DEEPEST = 8


@at("GET", "/executions/{exec_id}/values/{artifact_id}")
@exposes(Op.ARTIFACT_GET, on=PAGE)
def show(asked: Asked) -> Answer:
    """Show a value, or the piece of it that the address names."""
    exec_id = asked.path["exec_id"]
    found = looking.look(exec_id, asked.path["artifact_id"])
    start = asked.said("from")
    offset = int(start) if start.isdecimal() and len(start) < 12 else 0
    facts = {"exec_id": exec_id, "look": found, **_part(found, offset)}
    return Shown("value.html", facts)


@at("GET", "/executions/{exec_id}/values/{artifact_id}/image")
@exposes(Op.ARTIFACT_GET, on=PAGE)
def image(asked: Asked) -> Answer:
    """Return the bytes of an image."""
    found = looking.look(asked.path["exec_id"], asked.path["artifact_id"])
    if found.form != "image":
        raise KitaruUsageError(f"artifact {found.artifact.artifact_id} is no image")
    return Raw(found.content, found.media_type)


def _part(found: Look, offset: int) -> Mapping[str, Any]:
    """Return what is shown of a value: rows, a tree, or a piece of its text."""
    value = found.value
    table = _table(value) if found.form == "data" else None
    if table is not None:
        head, rows = table
        step = ROWS
        shown = rows[offset : offset + step]
        return _view("table", offset, step, len(rows), head=head, rows=shown)
    if found.form == "text":
        return _view(
            "text", offset, PIECE, len(value), text=value[offset : offset + PIECE]
        )
    if found.form == "data":
        return _view("tree", 0, 1, 1, tree=cut_short(value))
    return _view(found.form, 0, 1, 1)


def _view(kind: str, offset: int, step: int, total: int, **more: Any) -> dict[str, Any]:
    before = max(offset - step, 0) if offset else None
    after = offset + step if offset + step < total else None
    return {
        "view": kind,
        "offset": offset,
        "before": before,
        "after": after,
        "total": total,
        **more,
    }


def _table(value: Any) -> tuple[list[str], list[list[Any]]] | None:
    """Return head and rows of a list of like objects; `None` if it is something else."""
    is_list = isinstance(value, list) and len(value) > 1
    if not is_list or not all(isinstance(row, dict) and row for row in value):
        return None
    head = list(dict.fromkeys(name for row in value for name in row))
    if len(head) > 30 or len(head) > 2 * len(value[0]):
        return None
    return head, [[row.get(name) for name in head] for row in value]


def cut_short(value: Any, depth: int = 0) -> Any:
    """Return JSON data of which a page can show everything; what is left out is counted.

    Long texts stay: the template shows their beginning.
    """
    if isinstance(value, dict):
        items = list(value.items())
        if depth >= _DEEPEST and items:
            return f"… {len(items)} more within"
        kept = {key: cut_short(item, depth + 1) for key, item in items[:_ITEMS]}
        if len(items) > _ITEMS:
            kept["…"] = f"{len(items) - _ITEMS} more"
        return kept
    if isinstance(value, list):
        if depth >= _DEEPEST and value:
            return f"… {len(value)} more within"
        kept_items = [cut_short(item, depth + 1) for item in value[:_ITEMS]]
        if len(value) > _ITEMS:
            kept_items.append(f"… {len(value) - _ITEMS} more")
        return kept_items
    return value
