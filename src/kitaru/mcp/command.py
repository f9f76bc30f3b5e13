"""The `kitaru-mcp` command: take stdin and stdout for the protocol, then serve."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from kitaru._ops.speech import tell
from kitaru.mcp import stdio
from kitaru.version import __version__

_MISSING = (
    "Error: kitaru-mcp needs packages that are not installed ({reason}); install them "
    "with: pip install 'kitaru[mcp]'"
)


def main() -> int:
    """Serve MCP on stdin and stdout until the client goes or a signal comes."""
    project = _project(_parser().parse_args().project)
    if sys.stdin is not None and sys.stdin.isatty():
        tell(
            "kitaru-mcp speaks MCP on stdin and stdout; an assistant's configuration "
            "starts it (Ctrl-C ends it)"
        )
    # Before anything else is imported: from here on nobody can print into the protocol.
    try:
        wire = stdio.claim()
    except OSError as error:
        tell(f"Error: kitaru-mcp needs stdin and stdout: {error}")
        return 2
    os.chdir(project)
    sys.path.append(str(project))
    try:
        from kitaru.mcp.server import build
    except ImportError as error:
        tell(_MISSING.format(reason=error))
        return 1
    stdio.run(build(project), wire)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kitaru-mcp",
        description="Serve Kitaru's tools to an assistant, as an MCP server on stdio.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--project",
        metavar="DIR",
        default=".",
        help="folder of the flows that may be run; the current folder by default",
    )
    return parser


def _project(text: str) -> Path:
    folder = Path(text).expanduser().resolve()
    if not folder.is_dir():
        tell(f"Error: --project {text!r}: {folder} is not a folder")
        sys.exit(2)
    return folder


if __name__ == "__main__":
    sys.exit(main())
