"""Say something to whoever reads the streams of this process, for the surfaces."""

from __future__ import annotations

from kitaru._engine.output.streams import ask, is_terminal, put, say, tell

__all__ = ["ask", "is_terminal", "put", "say", "tell"]
