"""Skills for assistants: put them where an assistant looks, and judge their outcome."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kitaru._core.designs import rules
from kitaru._core.words.similar import did_you_mean
from kitaru._engine.disk import durable_files, private
from kitaru._ops.capabilities import MATRIX
from kitaru.errors import KitaruUsageError
from kitaru.models import Record

FOLDER = Path(__file__).parents[1] / "shipped" / "skills"
COMMAND = "kitaru-mcp"
_LONGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Assistant:
    """Where an assistant looks for skills and MCP servers, below a project's folder.

    Attributes:
        marks: Folders or files that show that a project is used with it.
        skills: The folder of its skills.
        servers: The file that names its MCP servers.
        key: What they stand under in that file.
        arguments: What the server is started with there.
    """

    marks: tuple[str, ...]
    skills: str
    servers: str
    key: str
    arguments: tuple[str, ...] = ()


ASSISTANTS = {
    "claude": Assistant(
        (".claude", "CLAUDE.md", ".mcp.json"),
        ".claude/skills",
        ".mcp.json",
        "mcpServers",
    ),
    "codex": Assistant(
        (".codex", ".agents"), ".agents/skills", ".codex/config.toml", "mcp_servers"
    ),
    "cursor": Assistant(
        (".cursor",), ".cursor/skills", ".cursor/mcp.json", "mcpServers"
    ),
    "vscode": Assistant(
        (".vscode", ".github/skills"),
        ".github/skills",
        ".vscode/mcp.json",
        "servers",
        ("--project", "${workspaceFolder}"),
    ),
}


class InstalledFile(Record):
    """A file of `kitaru skills install`.

    Attributes:
        path: Where it is, below the folder of the project if it is in it.
        outcome: `written` (new), `updated`, `same` (nothing to do) or `kept` (it was
            changed by somebody; `--force` replaces it). With `dry_run`: what would be.
    """

    path: str
    outcome: Literal["written", "updated", "same", "kept"]


class SkillsInstalled(Record):
    """What `kitaru skills install` has done.

    Attributes:
        folder: The project.
        targets: The assistants or folders that were meant.
        files: Every file, in the order in which it was written.
        notes: What is left to do by hand.
        dry_run: Whether nothing was written.
    """

    folder: str
    targets: tuple[str, ...]
    files: tuple[InstalledFile, ...]
    notes: tuple[str, ...] = ()
    dry_run: bool = False


class DesignProblem(Record):
    """What is wrong in a document.

    Attributes:
        line: Its line, from 1.
        message: What is wrong, and what to do.
    """

    line: int
    message: str


class DesignReport(Record):
    """What `kitaru skills check` found.

    Attributes:
        file: The document.
        problems: In the order of the document; none if it can be built from.
    """

    file: str
    problems: tuple[DesignProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Planned:
    path: Path
    data: bytes
    outcome: Literal["written", "updated", "same", "kept"]


def install(
    targets: Sequence[str], *, folder: Path, dry_run: bool = False, force: bool = False
) -> SkillsInstalled:
    """Write the skills and the entry of the MCP server where assistants look for them.

    Args:
        targets: Assistants, or folders; without any, those that the project is used with.
        folder: The project.
        dry_run: Only say what would be written.
        force: Replace skills that somebody has changed.

    Raises:
        KitaruUsageError: If no assistant is named or found, or a file cannot be read or
            written. Every file is planned before the first is written.
    """
    folder = folder.absolute()
    chosen = _chosen(targets, folder)
    planned: list[_Planned] = []
    notes: list[str] = []
    try:
        for name in chosen:
            known = ASSISTANTS.get(name)
            place = folder / known.skills if known else Path(name).expanduser()
            planned += _skills(place, force=force)
            if known:
                planned.append(_entry(folder / known.servers, known))
            else:
                notes.append(
                    f"{name} gets no entry for {COMMAND}; see: docs, Assistants"
                )
        if not dry_run:
            for file in planned:
                _write(file)
    except (OSError, UnicodeDecodeError) as error:
        raise KitaruUsageError(f"the skills cannot be written: {error}") from error
    return SkillsInstalled(
        folder=str(folder),
        targets=chosen,
        files=tuple(
            InstalledFile(path=_near(file.path, folder), outcome=file.outcome)
            for file in planned
        ),
        notes=(*notes, *_missing(planned)),
        dry_run=dry_run,
    )


def check(path: Path) -> DesignReport:
    """Judge a `flow_architecture.md`.

    Raises:
        KitaruUsageError: If it cannot be read as text.
    """
    try:
        if path.stat().st_size > _LONGEST:
            raise KitaruUsageError(
                f"{path} has {path.stat().st_size} bytes; a specification of 60 to 120 "
                "lines is much shorter"
            )
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise KitaruUsageError(f"{path} cannot be read: {error}") from error
    granted = {
        str(op): frozenset(str(surface) for surface in surfaces)
        for op, surfaces in MATRIX.items()
    }
    found = rules.check(text, granted)
    return DesignReport(
        file=str(path),
        problems=tuple(DesignProblem(line=p.line, message=p.text) for p in found),
    )


def _chosen(targets: Sequence[str], folder: Path) -> tuple[str, ...]:
    for name in targets:
        if name not in ASSISTANTS and "/" not in name and not Path(name).is_dir():
            raise KitaruUsageError(
                f"no assistant {name!r}{did_you_mean(name, ASSISTANTS)}; there are "
                f"{', '.join(ASSISTANTS)}, or give a folder: ./{name}"
            )
    found = targets or [
        name
        for name, assistant in ASSISTANTS.items()
        if any((folder / mark).exists() for mark in assistant.marks)
    ]
    if not found:
        raise KitaruUsageError(
            f"no assistant is used in {folder} yet; say which: --to "
            f"{', --to '.join(ASSISTANTS)}, or --to a folder"
        )
    return tuple(dict.fromkeys(found))


def _skills(place: Path, *, force: bool) -> Iterator[_Planned]:
    for source in sorted(FOLDER.rglob("*.md")):
        target = place / source.relative_to(FOLDER)
        data = source.read_bytes()
        before = target.read_bytes() if target.exists() else None
        if before is None:
            yield _Planned(target, data, "written")
        elif before == data:
            yield _Planned(target, data, "same")
        else:
            yield _Planned(target, data, "updated" if force else "kept")


def _entry(path: Path, assistant: Assistant) -> _Planned:
    before = path.read_text(encoding="utf-8") if path.exists() else None
    is_toml = path.suffix == ".toml"
    servers = _servers(path, before or "", assistant.key, is_toml=is_toml)
    if "kitaru" in servers:
        return _Planned(path, (before or "").encode("utf-8"), "same")
    arguments = list(assistant.arguments)
    if is_toml:
        gap = "\n" if before else ""
        added = f'{gap}[mcp_servers.kitaru]\ncommand = "{COMMAND}"\n'
        after = (before or "") + added
        tomllib.loads(after)
    else:
        body: dict[str, Any] = json.loads(before) if before else {}
        entry = {"command": COMMAND, "args": arguments}
        body[assistant.key] = {**servers, "kitaru": entry}
        after = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    outcome: Literal["written", "updated"] = "written" if before is None else "updated"
    return _Planned(path, after.encode("utf-8"), outcome)


def _servers(path: Path, text: str, key: str, *, is_toml: bool) -> dict[str, Any]:
    """Return the servers that a file names already."""
    try:
        body = tomllib.loads(text) if is_toml else json.loads(text or "{}")
    except ValueError as error:
        raise KitaruUsageError(
            f"{path} cannot be read ({error}), so it is left as it is and nothing was "
            f"written; add the server {COMMAND} there by hand, or mend it"
        ) from error
    servers = body.get(key, {}) if isinstance(body, dict) else None
    if not isinstance(servers, dict):
        raise KitaruUsageError(
            f"{path} has no object {key!r}, so it is left as it is and nothing was written"
        )
    return servers


def _write(file: _Planned) -> None:
    if file.outcome not in ("written", "updated"):
        return
    # A link stays a link; what it leads to is replaced in one step.
    real = file.path.resolve()
    with durable_files.draft(real.parent, mode=private.BY_UMASK) as draft:
        draft.write(file.data)
        draft.keep_mode_of(real)
        draft.become(real)


def _missing(planned: Sequence[_Planned]) -> Iterator[str]:
    if any(file.outcome == "kept" for file in planned):
        yield "what was kept differs from the skills of this version; --force replaces it"
    if importlib.util.find_spec("fastmcp") is None:
        yield f"{COMMAND} needs a package: pip install 'kitaru[mcp]'"
    beside = Path(sys.executable).with_name(COMMAND)
    if shutil.which(COMMAND) is None and beside.exists():
        yield f"{COMMAND} is not on the PATH; as command, give its whole path: {beside}"


def _near(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
