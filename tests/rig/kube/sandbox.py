"""Start a process that sees the machine as a pod would.

Its own mount, host name and process namespaces; the machine's file system below an
overlay that dies with it; empty `/tmp` and `/root`, so nothing of a laptop is seen; a
private `/app`. The network is the machine's.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TOKENS = "run/secrets/kubernetes.io/serviceaccount"
_HIDDEN = ("/tmp", "/root")
# What makes the image of the pods: this Python, its packages, and Kitaru itself.
_REPOSITORY = Path(__file__).parents[3]
_IMAGE = (sys.prefix, sys.base_prefix, str(_REPOSITORY / "src"))

_SCRIPT = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs {root}
mkdir {root}/upper {root}/work {root}/fs
mount -t overlay overlay -o lowerdir=/,upperdir={root}/upper,workdir={root}/work {root}/fs
cd {root}/fs
mkdir -p app {tokens}
mount --rbind /dev dev
mount -t proc proc proc
{hide}
{keep}
mount -t tmpfs tmpfs {tokens}
cp {token_files}/* {tokens}
hostname {name}
cd /
exec chroot {root}/fs env -C "{folder}" "$@"
"""


@dataclass(frozen=True)
class Program:
    """What a container runs."""

    name: str
    command: Sequence[str]
    folder: str
    environment: Mapping[str, str]


def why_not() -> str | None:
    """Return what keeps this machine from running pods, `None` if nothing does."""
    if not sys.platform.startswith("linux"):
        return "pods need Linux namespaces"
    try:
        tried = subprocess.run(
            ["unshare", "-m", "-u", "-p", "-f", "mount", "-t", "tmpfs", "x", "/mnt"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"pods need unshare(1): {error}"
    if tried.returncode:
        return f"pods need root and namespaces: {tried.stderr.strip()}"
    return None


def start(program: Program, folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a program; it dies with the thread that starts it.

    Args:
        program: What to run.
        folder: An existing folder with the service account's files in `tokens`.
        log: Takes what it prints.
    """
    root = folder / "root"
    root.mkdir()
    script = _SCRIPT.format(
        root=root,
        tokens=_TOKENS,
        token_files=folder / "tokens",
        name=program.name,
        folder=program.folder,
        hide="\n".join(f"mount -t tmpfs tmpfs .{path}" for path in _HIDDEN),
        keep="\n".join(
            f"mkdir -p .{path} && mount --rbind {path} .{path}"
            for path in dict.fromkeys(_IMAGE)
        ),
    )
    command = list(program.command)
    if command and command[0] in ("python", "python3"):
        command[0] = sys.executable
    with log.open("ab", buffering=0) as output:
        return subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),
                *("unshare", "-m", "-u", "-p", "-f", "--kill-child=KILL"),
                *("bash", "-c", script, "pod", *command),
            ],
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
