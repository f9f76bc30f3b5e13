"""A question for whoever has its link, and nothing else."""

from __future__ import annotations

from kitaru._ops import links
from kitaru._ops.capabilities import PAGE, Op, exposes
from kitaru.ui import answering
from kitaru.ui.routes import Answer, Asked, Shown, at


@at("POST", "/executions/{exec_id}/waits/{wait_id}/link")
@exposes(Op.WAIT_INPUT, on=PAGE)
def make(asked: Asked) -> Answer:
    """Make a link and show it, once."""
    exec_id, wait_id = asked.path["exec_id"], asked.path["wait_id"]
    token = links.make(exec_id, wait_id)
    back = f"/executions/{exec_id}/waits/{wait_id}"
    return Shown("link.html", {"link": f"/q/{token}", "back": back})


@at("GET", "/q/{token}", by_link=True)
@exposes(Op.EXECUTION_GET, on=PAGE)
def show(asked: Asked) -> Answer:
    """Show the question of a link; to look changes nothing."""
    token = asked.path["token"]
    return answering.shown(links.question(token), link=f"/q/{token}")


@at("POST", "/q/{token}", by_link=True)
@exposes(Op.WAIT_INPUT, on=PAGE)
def answer(asked: Asked) -> Answer:
    """Answer the question of a link."""
    token = asked.path["token"]
    meant = links.question(token)
    return answering.answered(
        asked, meant.exec_id, meant.wait.wait_id, link=f"/q/{token}"
    )
