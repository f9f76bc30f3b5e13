"""`python -m tests.rig up`, `down` or `status`."""

from __future__ import annotations

import argparse
import sys

from tests.rig import rig


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig", description=__doc__)
    parser.add_argument("what", choices=("up", "down", "status"))
    what = parser.parse_args().what
    if what == "down":
        rig.down()
        return 0
    if what == "up" and (reason := rig.why_not()):
        print(f"the rig cannot run here: {reason}", file=sys.stderr)
        return 1
    running = rig.keep_up() if what == "up" else rig.find()
    if running is None:
        print("the rig is down")
        return 1
    print(f"ZenML server    {running.at.server_url} (on {running.database})")
    print(f"Kubernetes API  {running.at.cluster_url}")
    print(f"S3              {running.at.s3_url}")
    print(f"stack           {rig.STACK}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
