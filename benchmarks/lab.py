"""Where benchmarks run: temporary folders, fresh stores, and child processes."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psutil


_PROGRAMS = Path(__file__).with_name("programs")
_CONFIG = "ZENML_CONFIG_PATH"
_TIMEOUT = 900


@dataclass(frozen=True)
class Finished:
    """A process that ended well."""

    began: float
    seconds: float
    cpu: float
    peak_mb: float
    said: dict[str, Any]


class Lab:
    """A folder that is gone afterwards, with all processes that worked in it.

    Programs are copied into it, so that no repository around them is looked at.
    """

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self.root = Path(tempfile.mkdtemp(prefix="kitaru-bench-"))
        self.programs = self.root / "programs"
        shutil.copytree(_PROGRAMS, self.programs)
        self._stores = 0
        self._prepared: Path | None = None

    def close(self) -> None:
        """End what is left and remove the folder."""
        import psutil

        left = [process for process in psutil.process_iter() if self._is_ours(process)]
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=10)
        shutil.rmtree(self.root, ignore_errors=True)

    def count(self, full: int, quick: int) -> int:
        """Return how often to measure."""
        return quick if self.quick else full

    # -- stores --------------------------------------------------------------

    def store(self, *, stock: bool = False) -> Path:
        """Return a fresh configuration folder; a stock one as ZenML makes it."""
        if self._prepared is None:
            prepared = self.root / "prepared"
            self.kitaru(prepared, "status")
            self._prepared = prepared
        self._stores += 1
        target = self.root / f"store-{self._stores}"
        for database in self._prepared.rglob("*.db"):
            with closing(sqlite3.connect(database)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copytree(self._prepared, target)
        file = target / "config.yaml"
        file.write_text(file.read_text().replace(str(self._prepared), str(target)))
        if stock:
            with closing(sqlite3.connect(database_of(target))) as connection:
                connection.execute("PRAGMA journal_mode=DELETE")
        return target

    # -- processes -----------------------------------------------------------

    def python(self, program: str, *arguments: object, store: Path) -> Finished:
        """Run one of our programs to its end."""
        command = [sys.executable, self.programs / program, *arguments]
        return self._finish(self._start(command, store))

    def module(self, name: str, *arguments: object, store: Path) -> Finished:
        """Run a module to its end."""
        return self._finish(
            self._start([sys.executable, "-m", name, *arguments], store)
        )

    def code(self, text: str, *, store: Path) -> Finished:
        """Run a line of Python to its end."""
        return self._finish(self._start([sys.executable, "-c", text], store))

    def kitaru(self, store: Path, *arguments: object) -> Finished:
        """Run a `kitaru` command to its end."""
        kitaru = Path(sys.executable).with_name("kitaru")
        return self._finish(self._start([kitaru, *arguments], store))

    def start(self, program: str, *arguments: object, store: Path) -> Running:
        """Start one of our programs."""
        return self._start([sys.executable, self.programs / program, *arguments], store)

    def _start(self, command: list[object], store: Path) -> Running:
        store.mkdir(exist_ok=True)
        said, complained = self.root / "said", self.root / "complained"
        number = f"{time.monotonic_ns()}"
        out, err = said.with_suffix("." + number), complained.with_suffix("." + number)
        began = time.monotonic()
        with out.open("wb") as stdout, err.open("wb") as stderr:
            child = subprocess.Popen(
                [str(part) for part in command],
                cwd=self.programs,
                env=self._environment(store),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        return Running(child, began, out, err)

    def _finish(self, running: Running) -> Finished:
        return running.finish()

    def _environment(self, store: Path) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("KITARU_", "ZENML_"))
            # Byte code of a thousand modules halves the start of every process.
            and name != "PYTHONDONTWRITEBYTECODE"
        }
        return kept | {
            _CONFIG: str(store),
            "ZENML_ANALYTICS_OPT_IN": "false",
            "ZENML_LOGGING_VERBOSITY": "ERROR",
            "HOME": str(self.root),
        }

    def _is_ours(self, process: psutil.Process) -> bool:
        import psutil

        try:
            place = process.environ().get(_CONFIG, "")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False
        return Path(place).is_relative_to(self.root)


class Running:
    """A child process; its output goes to files, so that it never blocks."""

    def __init__(
        self, child: subprocess.Popen[bytes], began: float, out: Path, err: Path
    ) -> None:
        self.began = began
        self._child = child
        self._out, self._err = out, err

    def finish(self) -> Finished:
        """Wait for the end; the last line it wrote is JSON, if there is one."""
        _, status, used = os.wait4(self._child.pid, 0)
        ended = time.monotonic()
        self._child.returncode = os.waitstatus_to_exitcode(status)
        if self._child.returncode:
            raise RuntimeError(f"{self._child.args} failed:\n{self._err.read_text()}")
        return Finished(
            began=self.began,
            seconds=ended - self.began,
            cpu=used.ru_utime + used.ru_stime,
            peak_mb=used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
            said=self._last_line(),
        )

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        self._child.kill()
        self._child.wait()

    def _last_line(self) -> dict[str, Any]:
        lines = self._out.read_text().splitlines()
        if not lines or not lines[-1].startswith("{"):
            return {}
        found: dict[str, Any] = json.loads(lines[-1])
        return found


def database_of(store: Path) -> Path:
    """Return ZenML's database of a configuration folder."""
    return store / "local_stores" / "default_zen_store" / "zenml.db"


def query(path: Path, text: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask a database without disturbing its writers."""
    with closing(sqlite3.connect(path, timeout=30)) as database:
        return database.execute(text, values).fetchall()


def until(what: str, found: Any, *, seconds: float = _TIMEOUT) -> float:
    """Wait until `found()` is true; return the moment it was."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found():
            return time.monotonic()
        time.sleep(0.005)
    raise TimeoutError(f"no {what} within {seconds:g} s")
