"""Who works here: the user of the operating system, and the host."""

from __future__ import annotations

import getpass
import os
import socket


def here() -> str:
    """Return the user of this process as `user@host`."""
    try:
        name = getpass.getuser()
    # In a container the user may have a number only.
    except (KeyError, OSError):
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"
