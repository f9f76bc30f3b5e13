"""MariaDB for the rig: installed from Debian, or given up in time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from tests.rig import debian

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="apt-get needs root")


def machine(folder: Path, script: str) -> dict[str, str]:
    """Return the environment of a machine whose apt-get is a script."""
    program = folder / "apt-get"
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n{script}\n')
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_everything_is_fetched_before_anything_is_installed(tmp_path: Path) -> None:
    debian.install(machine(tmp_path, 'test "$DEBIAN_FRONTEND" = noninteractive'))

    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line.split()[9] for line in asked] == ["update", "install", "install"]
    assert asked[1].endswith(f"{debian.PACKAGE} --download-only")
    assert asked[2].endswith(f"{debian.PACKAGE} --no-download")


def test_a_machine_without_network_is_told_the_reason(tmp_path: Path) -> None:
    offline = machine(tmp_path, "echo noise; echo 'E: no route to host' >&2; exit 100")

    with pytest.raises(debian.NotInstalled, match="update failed: E: no route to host"):
        debian.install(offline)

    assert len((tmp_path / "asked").read_text().splitlines()) == 1


def test_a_hanging_apt_is_ended_with_its_children(tmp_path: Path) -> None:
    hanging = machine(tmp_path, f"sleep 1234 & echo $! > {tmp_path}/child; wait")
    begun = time.monotonic()

    with pytest.raises(debian.NotInstalled, match="update took more than 1 s"):
        debian.install(hanging, hurry=120)

    assert time.monotonic() - begun < 60
    child = int((tmp_path / "child").read_text())
    assert not psutil.pid_exists(child) or (
        psutil.Process(child).status() == psutil.STATUS_ZOMBIE
    )


def test_a_machine_without_apt_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(debian.NotInstalled, match="no apt-get"):
        debian.install({"PATH": str(tmp_path)})
