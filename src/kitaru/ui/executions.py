"""Executions: which there are, what happened in one, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, cast

from kitaru._core.calls.described import in_order
from kitaru._core.settings import labels
from kitaru._core.words.wording import short
from kitaru._ops import (
    artifacts,
    breakpoints,
    comparisons,
    executions,
    fleet,
    inbox,
    recordings,
    recovery,
)
from kitaru._ops.capabilities import PAGE, Op, exposes
from kitaru.errors import KitaruUsageError
from kitaru.models import CheckpointCall, Execution, ExecutionStatus, Page
from kitaru.ui import timeline
from kitaru.ui.answering import SURFACE
from kitaru.ui.routes import Answer, Asked, Fields, GoTo, Raw, Shown, address, at

# Rows of a page; more of an execution's calls are on the next.
ROWS = 50
CALLS = 500
_LOG_LINES = 1000
_FILTERS = ("flow", "status", "tag", "where", "since", "failed_in")


# -- which there are ---------------------------------------------------------------


@at("GET", "/executions")
@exposes(Op.EXECUTION_LIST, on=PAGE)
def listed(asked: Asked) -> Answer:
    """Show a page of executions; its address says which."""
    complaint = ""
    try:
        page = _none() if inbox.is_empty() else _found(asked)
    except KitaruUsageError as error:
        page, complaint = _none(), str(error)
    facts = {
        "page": page,
        "said": _said(asked.query),
        "complaint": complaint,
        "statuses": [status.value for status in ExecutionStatus],
        "pages": -(-page.total // page.size),
        "to_page": lambda number: _filtered("/executions", asked.query, page=number),
    }
    return Shown("executions.html", facts, 400 if complaint else 200)


@at("GET", "/executions/latest")
@exposes(Op.EXECUTION_LATEST, on=PAGE)
def latest(asked: Asked) -> Answer:
    """Go to the newest execution, of a flow or status if the address names one."""
    found = executions.latest(
        flow=asked.said("flow") or None, status=asked.said("status") or None
    )
    return GoTo(f"/executions/{found.exec_id}")


@at("GET", "/executions/many")
@exposes(Op.EXECUTION_MANY, on=PAGE)
def preview(asked: Asked) -> Answer:
    """Show which executions would be retried or cancelled; nothing is done."""
    action = _action(asked.said("action"))
    planned = fleet.plan(action, **_wanted(asked.query))
    facts = {
        "action": action,
        "changes": planned,
        "said": _said(asked.query),
        "is_done": False,
    }
    return Shown("many.html", facts)


@at("POST", "/executions/many")
@exposes(Op.EXECUTION_MANY, on=PAGE)
def carry_out(asked: Asked) -> Answer:
    """Retry or cancel those that were shown, and none that came since."""
    action = _action(asked.sent("action"))
    chosen = set(asked.form.get("exec_id", ()))
    planned = fleet.plan(action, **_wanted(asked.form))
    done = fleet.carry_out(
        [change for change in planned if change.exec_id in chosen], surface=SURFACE
    )
    facts = {
        "action": action,
        "changes": done,
        "said": _said(asked.form),
        "is_done": True,
    }
    return Shown("many.html", facts)


@at("POST", "/reconcile")
@exposes(Op.RECONCILE, on=PAGE)
def reconcile(asked: Asked) -> Answer:
    """Continue or fail what nobody goes on with."""
    return Shown("reconciled.html", {"found": list(recovery.reconcile())})


# -- one of them -------------------------------------------------------------------


@at("GET", "/executions/{exec_id}")
@exposes(Op.EXECUTION_GET, on=PAGE)
def show(asked: Asked) -> Answer:
    """Show an execution: its calls and waits, when they were, and one of them in full."""
    found = executions.get(asked.path["exec_id"])
    happened = in_order(found.checkpoints, found.waits)
    first = _number(asked.said("from"))
    chosen = _chosen(found, asked.said("call"))
    facts = {
        "execution": found,
        "rows": happened[first : first + CALLS],
        "first": first,
        "total": len(happened),
        "step": CALLS,
        "timeline": timeline.drawn(found, datetime.now(UTC)),
        "chosen": chosen,
        "parents": _parents(found, chosen),
        "open": inbox.foremost_of(found),
        "can": _possible(found.status),
        "original": found.original_exec_id,
    }
    return Shown("execution.html", facts)


@at("GET", "/executions/{exec_id}/log")
@exposes(Op.EXECUTION_LOGS, on=PAGE)
def log(asked: Asked) -> Answer:
    """Show what an execution, or one call of it, printed and logged."""
    exec_id, call = asked.path["exec_id"], asked.said("call")
    entries = list(
        executions.logs(exec_id, checkpoint=call or None, limit=_LOG_LINES + 1)
    )
    facts = {
        "exec_id": exec_id,
        "call": call,
        "entries": entries[-_LOG_LINES:],
        "has_more": len(entries) > _LOG_LINES,
        "most": _LOG_LINES,
    }
    return Shown("log.html", facts)


@at("GET", "/executions/{exec_id}/values")
@exposes(Op.ARTIFACT_LIST, on=PAGE)
def kept(asked: Asked) -> Answer:
    """Show what the calls of an execution kept, and its result."""
    exec_id = asked.path["exec_id"]
    found = artifacts.find(exec_id, limit=CALLS + 1)
    facts = {
        "exec_id": exec_id,
        "artifacts": found[:CALLS],
        "has_more": len(found) > CALLS,
        "most": CALLS,
    }
    return Shown("values.html", facts)


@at("GET", "/executions/{exec_id}/recording")
@exposes(Op.EXECUTION_EXPORT, on=PAGE)
def recording(asked: Asked) -> Answer:
    """Give a recording to keep, for tests."""
    found = recordings.export(asked.path["exec_id"])
    text = recordings.as_text(found)
    name = f"recording-{short(found.exec_id)}.json"
    return Raw(f"{text}\n".encode(errors="replace"), "application/json", name)


@at("POST", "/executions/{exec_id}/retry")
@exposes(Op.EXECUTION_RETRY, on=PAGE)
def retry(asked: Asked) -> Answer:
    """Let a failed execution go on."""
    executions.retry(asked.path["exec_id"])
    return _back(asked, "retried")


@at("POST", "/executions/{exec_id}/resume")
@exposes(Op.EXECUTION_RESUME, on=PAGE)
def resume(asked: Asked) -> Answer:
    """Let an answered execution go on that does not by itself."""
    executions.resume(asked.path["exec_id"])
    return _back(asked, "resumed")


@at("POST", "/executions/{exec_id}/cancel")
@exposes(Op.EXECUTION_CANCEL, on=PAGE)
def cancel(asked: Asked) -> Answer:
    """Stop an execution."""
    executions.cancel(asked.path["exec_id"], surface=SURFACE)
    return _back(asked, "cancelled")


@at("POST", "/executions/{exec_id}/breakpoint")
@exposes(Op.BREAK, on=PAGE)
def breakpoint_before(asked: Asked) -> Answer:
    """Set or remove a breakpoint before a call."""
    add, remove = asked.sent("add").strip(), asked.sent("remove").strip()
    breakpoints.change(
        asked.path["exec_id"],
        add=[add] if add else (),
        remove=[remove] if remove else (),
    )
    return _back(asked, "stops" if add else "runs_through")


@at("GET", "/executions/{exec_id}/compare")
@exposes(Op.EXECUTION_COMPARE, on=PAGE)
def compare(asked: Asked) -> Answer:
    """Show two executions side by side, the first difference first."""
    other = asked.said("with")
    if not other:
        raise KitaruUsageError("Say with which execution: its id, or the start of it.")
    found = comparisons.compare(other, asked.path["exec_id"])
    return Shown("compare.html", {"found": found, "everything": asked.said("all")})


# -- reading what was asked ----------------------------------------------------------


def _found(asked: Asked) -> Page[Execution]:
    number = _number(asked.said("page")) or 1
    return executions.find(**_wanted(asked.query), page=number, size=ROWS)


def _none() -> Page[Execution]:
    return Page(items=(), total=0, page=1, size=ROWS)


def _wanted(fields: Fields) -> dict[str, Any]:
    """Return the filters of an address or form, by the names of the operation."""
    said = _said(fields)
    given = {
        "flow": said["flow"],
        "status": said["status"],
        "tags": said["tag"].split(),
        "where": labels.pairs(said["where"].split(), option="an attribute"),
        "since": said["since"],
        "failed_in": said["failed_in"],
    }
    return {name: value for name, value in given.items() if value}


def _said(fields: Fields) -> Mapping[str, str]:
    return {name: " ".join(fields.get(name, ())).strip() for name in _FILTERS}


def _filtered(path: str, fields: Fields, **more: int) -> str:
    return address(path, **_said(fields), **more)


def _action(text: str) -> Literal["retry", "cancel"]:
    if text not in ("retry", "cancel"):
        raise KitaruUsageError(f"{text!r} is neither retry nor cancel")
    return cast(Literal["retry", "cancel"], text)


def _number(text: str) -> int:
    """Return a number of an address; 0 for what is none."""
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def _back(asked: Asked, done: str) -> GoTo:
    return GoTo(address(f"/executions/{asked.path['exec_id']}", done=done))


def _chosen(execution: Execution, call: str) -> CheckpointCall | None:
    for one in execution.checkpoints:
        if call in (one.invocation_id, one.call_id):
            return one
    return None


def _parents(
    execution: Execution, chosen: CheckpointCall | None
) -> list[CheckpointCall]:
    ids = chosen.parent_call_ids if chosen else ()
    return [one for one in execution.checkpoints if one.call_id in ids]


def _possible(status: ExecutionStatus) -> set[str]:
    """Return what can be done with an execution of a status."""
    found = {"replay"} if status is not ExecutionStatus.RUNNING else set()
    if status is ExecutionStatus.FAILED:
        found.add("retry")
    if not status.is_finished:
        found |= {"cancel", "break"}
    if status is ExecutionStatus.WAITING:
        found.add("resume")
    return found
