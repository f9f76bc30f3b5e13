"""What each checkpoint printed and logged by itself, as ZenML shows it in its step."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pydantic_core import from_json

from kitaru._engine.disk import private
from kitaru._engine.output import log_folders
from kitaru._engine.values.value_files import folder_name

# ZenML's word for the log of a step.
SHOWN_AS = "step"
_OF_A_STEP = b'"source":"step"'


def written(log: Path, folder: Path) -> dict[str, Path]:
    """Write the lines of each checkpoint to a file of its own.

    What earlier attempts wrote is written again, so that a death in between does no harm.

    Args:
        log: The log of the execution.
        folder: The folder of the execution in the artifact store.

    Returns:
        The files by invocation id, of the calls that printed or logged something. None
        where the disk refuses: Kitaru itself reads the log of the execution.
    """
    lines: dict[str, list[bytes]] = {}
    files: dict[str, Path] = {}
    with suppress(OSError):
        with log.open("rb") as file:
            for line in file:
                name = _checkpoint(line)
                if name is not None:
                    lines.setdefault(name, []).append(line)
        for name, those in lines.items():
            path = log_folders.shown_in(folder / folder_name(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "wb", opener=private.opener) as out:
                out.writelines(those)
            files[name] = path
    return files


def _checkpoint(line: bytes) -> str | None:
    """Return in which call a line of a log was written, `None` if in none."""
    # Most lines are not: they are not read as JSON.
    if _OF_A_STEP not in line:
        return None
    try:
        entry = from_json(line)
    except ValueError:
        # Written past us, or by a process that died.
        return None
    name = entry.get("checkpoint") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None
