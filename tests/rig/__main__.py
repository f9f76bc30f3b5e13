"""`python -m tests.rig up`, `down`, `status` or `database`."""

from __future__ import annotations

import argparse
import sys

from tests.rig import debian, rig, services
from tests.rig.rig import Rig


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig", description=__doc__)
    parser.add_argument("what", choices=("up", "down", "status", "database"))
    what = parser.parse_args().what
    if what == "down":
        rig.down()
        return 0
    reason = rig.why_not()
    if what == "database":
        _database(reason)
        return 0
    if what == "up" and reason:
        print(f"the rig cannot run here: {reason}", file=sys.stderr)
        return 1
    running = rig.keep_up() if what == "up" else rig.find()
    if running is None:
        print("the rig is down")
        return 1
    _show(running)
    return 0


def _database(reason: str | None) -> None:
    """Install MariaDB if the rig can run here and would use it; SQLite does as well."""
    if reason:
        print(f"no database is needed: the rig cannot run here: {reason}")
        return
    if services.is_chosen(services.SQLITE) or services.has_mariadb():
        return
    print("installing MariaDB for the rig", flush=True)
    try:
        debian.install()
    except debian.NotInstalled as error:
        print(f"MariaDB is not installed, so the rig uses SQLite: {error}")


def _show(running: Rig) -> None:
    print(f"ZenML server    {running.at.server_url} (on {running.database})")
    print(f"Kubernetes API  {running.at.cluster_url}")
    print(f"S3              {running.at.s3_url}")
    print(f"stack           {rig.STACK}")


if __name__ == "__main__":
    sys.exit(main())
