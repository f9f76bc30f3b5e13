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
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

PROGRAMS = Path(__file__).with_name("programs")
# Other frameworks need other versions of what ZenML needs: they live apart.
_OTHER_PYTHON = Path(__file__).parents[1] / ".venv-bench" / "bin" / "python"
_OTHERS = {"DBOS": "dbos_flows.py", "LangGraph": "langgraph_flows.py"}
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

    @property
    def to_result(self) -> float:
        """Seconds from the start of the process until the flow had its result."""
        moment: float = self.said["result_at"]
        return moment - self.began


class Lab:
    """A folder that is gone afterwards, with all processes that worked in it.

    Programs are copied into it, so that no repository around them is looked at.
    """

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self.title = ""
        self.root = Path(tempfile.mkdtemp(prefix="kitaru-bench-"))
        self.programs = self.root / "programs"
        shutil.copytree(PROGRAMS, self.programs)
        self.other_python = _OTHER_PYTHON if _OTHER_PYTHON.exists() else None
        # The other frameworks that are installed.
        self.others = tuple(_OTHERS) if self.other_python else ()
        self._folders = 0
        self._prepared: Path | None = None

    def warm(self) -> None:
        """Run each kind of program once: byte code is written, files are in memory."""
        self.title = "warming up"
        self.python("trivial.py", 3, store=self.store())
        self.python("stock.py", 1, store=self.store(stock=True))
        self.kitaru(self.store(), "--help")
        for name in self.others:
            self.other(name, "steps", 3, folder=self.folder())

    def close(self) -> None:
        """End what is left and remove the folder."""
        left = self.living(self.root)
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=10)
        shutil.rmtree(self.root, ignore_errors=True)

    def living(self, folder: Path) -> list[psutil.Process]:
        """Return the processes whose configuration is in a folder."""
        return [
            process
            for process in psutil.process_iter()
            if _is_configured_in(process, folder)
        ]

    # -- rounds --------------------------------------------------------------

    def count(self, full: int, quick: int) -> int:
        """Return how often to measure."""
        return quick if self.quick else full

    def in_turns(
        self, times: int, measures: Mapping[str, Callable[[], Finished]]
    ) -> dict[str, list[Finished]]:
        """Run all of them so many times, taking turns; every second round backwards."""
        done: dict[str, list[Finished]] = {name: [] for name in measures}
        for number in range(times):
            self.progress(f"round {number + 1} of {times}")
            order = list(measures)[:: -1 if number % 2 else 1]
            for name in order:
                done[name].append(measures[name]())
        return done

    def progress(self, text: str) -> None:
        """Say how far it is, on a line that the next one replaces."""
        if sys.stderr.isatty():
            print(f"\r\x1b[K{self.title}: {text}", end="", file=sys.stderr, flush=True)

    def tell(self, text: str) -> None:
        """Say something that stays."""
        start = "\r\x1b[K" if sys.stderr.isatty() else ""
        print(f"{start}{text}", file=sys.stderr, flush=True)

    # -- stores --------------------------------------------------------------

    def folder(self) -> Path:
        """Return a fresh, empty folder."""
        self._folders += 1
        fresh = self.root / f"folder-{self._folders}"
        fresh.mkdir()
        return fresh

    def store(self, *, stock: bool = False) -> Path:
        """Return a fresh configuration folder; a stock one as ZenML makes it."""
        if self._prepared is None:
            prepared = self.root / "prepared"
            self.kitaru(prepared, "status")
            self._prepared = prepared
        target = self.folder()
        for database in self._prepared.rglob("*.db"):
            with closing(sqlite3.connect(database)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copytree(self._prepared, target, dirs_exist_ok=True)
        file = target / "config.yaml"
        file.write_text(file.read_text().replace(str(self._prepared), str(target)))
        if stock:
            with closing(sqlite3.connect(database_of(target))) as connection:
                connection.execute("PRAGMA journal_mode=DELETE")
        return target

    # -- processes -----------------------------------------------------------

    def python(
        self,
        program: str,
        *arguments: object,
        store: Path,
        environment: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run one of our programs to its end."""
        command = [sys.executable, self.programs / program, *arguments]
        return self._start(command, store, environment).finish()

    def other(self, name: str, *arguments: object, folder: Path) -> Finished:
        """Run a command of another framework's program to its end."""
        return self.start_other(name, *arguments, folder=folder).finish()

    def by_others(
        self, *arguments: object, folder: Path
    ) -> dict[str, Callable[[], Finished]]:
        """Return how to run a command with each of the other frameworks."""
        return {
            name: partial(self.other, name, *arguments, folder=folder)
            for name in self.others
        }

    def module(self, name: str, *arguments: object, store: Path) -> Finished:
        """Run a module to its end."""
        return self._start([sys.executable, "-m", name, *arguments], store).finish()

    def code(self, text: str, *, store: Path) -> Finished:
        """Run a line of Python to its end."""
        return self._start([sys.executable, "-c", text], store).finish()

    def kitaru(
        self,
        store: Path,
        *arguments: object,
        environment: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run a `kitaru` command to its end."""
        kitaru = Path(sys.executable).with_name("kitaru")
        return self._start([kitaru, *arguments], store, environment).finish()

    def start(self, program: str, *arguments: object, store: Path) -> Running:
        """Start one of our programs."""
        return self._start([sys.executable, self.programs / program, *arguments], store)

    def start_other(self, name: str, *arguments: object, folder: Path) -> Running:
        """Start a command of another framework's program."""
        program = self.programs / _OTHERS[name]
        return self._start([self.other_python, program, *arguments], folder)

    def _start(
        self,
        command: list[object],
        store: Path,
        environment: Mapping[str, str] | None = None,
    ) -> Running:
        store.mkdir(exist_ok=True)
        said, complained = self.root / "said", self.root / "complained"
        number = f"{time.monotonic_ns()}"
        out, err = said.with_suffix("." + number), complained.with_suffix("." + number)
        began = time.monotonic()
        with out.open("wb") as stdout, err.open("wb") as stderr:
            child = subprocess.Popen(
                [str(part) for part in command],
                cwd=self.programs,
                env=self._environment(store) | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        return Running(child, began, out, err)

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
            "BENCH_FOLDER": str(store),
            "ZENML_ANALYTICS_OPT_IN": "false",
            "ZENML_LOGGING_VERBOSITY": "ERROR",
            "HOME": str(self.root),
        }


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
            raise RuntimeError(f"{self._child.args!r} failed:\n{self._err.read_text()}")
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


def journal_of(store: Path) -> Path:
    """Return Kitaru's journal of a configuration folder."""
    return store / "kitaru" / "journal.db"


def query(path: Path, text: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask a database without disturbing its writers."""
    with closing(sqlite3.connect(path, timeout=30)) as database:
        return database.execute(text, values).fetchall()


def until(
    what: str, found: Callable[[], object], *, seconds: float = _TIMEOUT
) -> float:
    """Wait until `found()` is true; return the moment it was."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found():
            return time.monotonic()
        time.sleep(0.005)
    raise TimeoutError(f"no {what} within {seconds:g} s")


def _is_configured_in(process: psutil.Process, folder: Path) -> bool:
    try:
        place = process.environ().get(_CONFIG, "")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return Path(place).is_relative_to(folder)
