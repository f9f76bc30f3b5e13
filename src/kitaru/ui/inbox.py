"""What waits for people, and what they have said."""

from __future__ import annotations

from kitaru._ops import inbox
from kitaru._ops.capabilities import PAGE, Op, exposes
from kitaru.ui import answering
from kitaru.ui.routes import Answer, Asked, Shown, at

_SHOWN = 100


@at("GET", "/inbox")
@exposes(Op.WAIT_LIST, on=PAGE)
def waiting(asked: Asked) -> Answer:
    """Show all open questions, the oldest first."""
    found = inbox.open_questions()
    cards = [(one, answering.quick_form(one)) for one in found]
    return Shown("inbox.html", {"cards": cards, "tab": "open"})


@at("GET", "/inbox/answered")
@exposes(Op.EXECUTION_GET, on=PAGE)
def answered(asked: Asked) -> Answer:
    """Show what was said, by whom and when, the newest first."""
    found = inbox.answered_questions(limit=_SHOWN)
    facts = {"answered": found, "looked_at": inbox.LOOKED_AT, "tab": "answered"}
    return Shown("answered.html", facts)
