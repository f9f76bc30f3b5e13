"""Install a package from Debian: within minutes, or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence

PACKAGE = "mariadb-server-core"
_OPTIONS = (
    *("-qq", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=15"),
    *("-o", "Acquire::https::Timeout=15", "-o", "DPkg::Lock::Timeout=30"),
)
_INSTALL = ("install", "--yes", "--no-install-recommends")
# What needs the network ends in time; the last step finds everything on this machine,
# and to stop that in the middle would leave a broken package.
_STEPS: tuple[tuple[Sequence[str], float], ...] = (
    (("update",), 120.0),
    ((*_INSTALL, "{package}", "--download-only"), 180.0),
    ((*_INSTALL, "{package}", "--no-download"), 600.0),
)


class NotInstalled(RuntimeError):
    """It could not be installed; the message says why."""


def install(
    environment: Mapping[str, str] = os.environ,
    *,
    package: str = PACKAGE,
    hurry: float = 1.0,
) -> None:
    """Install a package, that of MariaDB by default.

    Args:
        environment: Where `apt-get` is found.
        package: Its name.
        hurry: What the limits of time are divided by.

    Raises:
        NotInstalled: If this is no Debian, we are not root, or a step failed or took
            too long.
    """
    program = shutil.which("apt-get", path=environment.get("PATH"))
    if program is None:
        raise NotInstalled("there is no apt-get here")
    if os.geteuid() != 0:
        raise NotInstalled("apt-get needs root")
    for step, seconds in _STEPS:
        words = [word.format(package=package) for word in step]
        _run([program, *_OPTIONS, *words], environment, seconds / hurry)


def _run(
    command: Sequence[str], environment: Mapping[str, str], seconds: float
) -> None:
    """Run a command to its end, or end it and all that it has started."""
    child = subprocess.Popen(
        command,
        env={**environment, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    what = f"apt-get {next(part for part in command[1:] if part.isalpha())}"
    try:
        said, _ = child.communicate(timeout=seconds)
    except BaseException as error:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise NotInstalled(f"{what} took more than {seconds:g} s") from None
        raise
    if child.returncode:
        last = (said.strip().splitlines() or [f"exit code {child.returncode}"])[-1]
        raise NotInstalled(f"{what} failed: {last}")
