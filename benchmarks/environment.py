"""What a measurement depends on, without names of machines and folders."""

from __future__ import annotations

import json
import os
import platform
import re
import sqlite3
import statistics
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_OURS = ("zenml", "sqlalchemy", "pydantic", "pydantic-ai-slim")
_VERSIONS = """
import json
from importlib.metadata import version
print(json.dumps({name: version(name) for name in ("dbos", "langgraph", "langgraph-checkpoint-sqlite")}))
"""


@dataclass(frozen=True)
class Environment:
    """Machine, versions and commit of a measurement."""

    cpu: str
    cores: int
    system: str
    python: str
    sqlite: str
    versions: dict[str, str]
    commit: str
    # As it was when measuring began.
    flush_ms: float
    load: float

    @property
    def subject(self) -> tuple[object, ...]:
        """What has to be equal for figures to stand in one table."""
        return (
            *(self.cpu, self.cores, self.system, self.python, self.sqlite),
            *sorted(self.versions.items()),
            self.commit,
        )


def look(folder: Path, other_python: Path | None) -> Environment:
    """Return what is found here; the flush is that of the disk of a folder."""
    return Environment(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {_first_two(platform.release())}",
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        versions={name: version(name) for name in _OURS} | _others(other_python),
        commit=_commit(),
        flush_ms=round(_flush_seconds(folder) * 1000, 3),
        load=round(os.getloadavg()[0], 2),
    )


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"model name\s*: (.*)", text)
    return found[1] if found else platform.machine()


def _first_two(release: str) -> str:
    return ".".join(release.split("-")[0].split(".")[:2])


def _others(python: Path | None) -> dict[str, str]:
    if python is None:
        return {}
    done = subprocess.run(
        [python, "-c", _VERSIONS], capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", _ROOT, *arguments], capture_output=True, text=True
        )
        return done.stdout.strip()

    changed = "+changes" if git("status", "--porcelain", "src", "benchmarks") else ""
    return (git("rev-parse", "--short=10", "HEAD") or "unknown") + changed


def _flush_seconds(folder: Path) -> float:
    """Return the median time to append 4096 bytes to a file and flush it."""
    path, taken = folder / "flush", []
    with path.open("wb") as file:
        for _ in range(50):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    path.unlink()
    return statistics.median(taken)
