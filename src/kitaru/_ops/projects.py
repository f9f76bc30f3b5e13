"""Make a folder a project: a place for settings, and an example if wanted."""

from __future__ import annotations

from pathlib import Path

from kitaru._core.settings.pyproject import with_kitaru_table
from kitaru._core.words.similar import did_you_mean
from kitaru._engine.disk import durable_files, private
from kitaru._engine.settings import configuration
from kitaru.errors import KitaruUsageError
from kitaru.models import Record

EXAMPLES = Path(__file__).parents[1] / "shipped" / "examples"
FIRST = "first_flow"


class ProjectSetup(Record):
    """What `kitaru init` has done in a folder."""

    folder: str
    written: tuple[str, ...] = ()
    # What was there already, and stays as it is.
    kept: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    example: str | None = None


def examples() -> list[str]:
    """Return the names of the examples."""
    return sorted(
        path.name for path in EXAMPLES.iterdir() if (path / f"{path.name}.py").is_file()
    )


def set_up(folder: Path, *, example: str | None) -> ProjectSetup:
    """Give a folder `[tool.kitaru]` in its pyproject.toml; nothing is overwritten.

    Args:
        folder: Made if it does not exist.
        example: Write this example as well, with a page of what to look at.

    Raises:
        KitaruUsageError: If there is no such example, if it is no folder, cannot be written, or its pyproject.toml
            (or the one around it) is wrong; nothing is changed then.
    """
    folder = folder.expanduser().absolute()
    target = folder / configuration.FILE
    if example is not None and example not in examples():
        raise KitaruUsageError(
            f"no example {example!r}{did_you_mean(example, examples())}; there are "
            f"{', '.join(examples())}. The folder stands before the option: kitaru init "
            f"FOLDER --example {FIRST}"
        )
    if folder.exists() and not folder.is_dir():
        raise KitaruUsageError(f"{folder} is not a folder; give one to make a project")
    notes = [] if target.exists() else _no_longer_read(folder)
    written: list[str] = []
    kept: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (written if _add_table(target) else kept).append(configuration.FILE)
        for source, name in _files(example) if example else ():
            (written if _add_file(source, folder / name) else kept).append(name)
    except (OSError, UnicodeDecodeError) as error:
        raise KitaruUsageError(f"{folder} cannot be set up: {error}") from error
    return ProjectSetup(
        folder=str(folder),
        written=tuple(written),
        kept=tuple(kept),
        notes=tuple(notes),
        example=str(_near(folder / f"{example}.py")) if example else None,
    )


def _files(example: str) -> list[tuple[Path, str]]:
    """Return the files of an example, and their names in a project."""
    folder = EXAMPLES / example
    return [
        (folder / f"{example}.py", f"{example}.py"),
        # A project has a README of its own.
        (folder / "README.md", f"{example}.md"),
    ]


def _no_longer_read(folder: Path) -> list[str]:
    """Say whose settings a new pyproject.toml in the folder hides."""
    outer = configuration.find_pyproject(folder)
    if outer is None or not configuration.read_pyproject(outer):
        return []
    return [f"from now on, the settings in {outer} do not count in this folder"]


def _add_table(path: Path) -> bool:
    before = path.read_bytes().decode("utf-8") if path.exists() else ""
    after = with_kitaru_table(before, path=path)
    if after is None:
        return False
    # A link stays a link; what it leads to is replaced in one step.
    real = path.resolve()
    with durable_files.draft(real.parent, mode=private.BY_UMASK) as file:
        file.write(after.encode("utf-8"))
        file.keep_mode_of(real)
        file.become(real)
    return True


def _add_file(source: Path, path: Path) -> bool:
    text = source.read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def _near(path: Path) -> Path:
    """Return the path as one would type it here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
