"""Processes of a test: started, watched, and gone at its end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.polling import DEADLINE, eventually
from tests.support.store import CONFIG_VARIABLE

TIMEOUT = DEADLINE


@dataclass(frozen=True)
class Finished:
    """How a process ended, and what it wrote."""

    code: int
    stdout: str
    stderr: str

    @property
    def both(self) -> str:
        return f"exit code {self.code}\n{self.stdout}\n{self.stderr}"


class Process:
    """A child process; its output goes to files, so that it never blocks."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        environment: Mapping[str, str],
        output: Path,
    ) -> None:
        self._stdout = output.with_suffix(".out")
        self._stderr = output.with_suffix(".err")
        with self._stdout.open("wb") as out, self._stderr.open("wb") as err:
            self._child = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def stdout(self) -> str:
        return self._stdout.read_text(errors="replace")

    @property
    def stderr(self) -> str:
        return self._stderr.read_text(errors="replace")

    @property
    def is_alive(self) -> bool:
        return self._child.poll() is None

    def says(self, text: str, *, within: float = DEADLINE) -> None:
        """Wait until the process has written `text`."""
        eventually(
            lambda: text in self.stdout + self.stderr or not self.is_alive,
            what=lambda: f"{text!r} in\n{self.stdout}\n{self.stderr}",
            within=within,
        )
        assert text in self.stdout + self.stderr, self.stdout + self.stderr

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._child.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """`kill -9`, and wait until the process is gone."""
        self._child.kill()
        self._child.wait(TIMEOUT)

    def finish(self, within: float = TIMEOUT) -> Finished:
        """Wait for the end of the process."""
        try:
            self._child.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"still running after {within:g} s:\n{self.stdout}\n{self.stderr}"
            ) from None
        return Finished(self._child.returncode, self.stdout, self.stderr)


def using(config: Path) -> list[psutil.Process]:
    """Return the living processes that use a configuration folder."""
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            uses = process.environ().get(CONFIG_VARIABLE) == str(config)
            if uses and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def end_all_using(config: Path) -> None:
    """Kill what is left, detached processes included."""
    left = using(config)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=TIMEOUT)
