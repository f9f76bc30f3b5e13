"""One question: a form of its own, and what comes of it."""

from __future__ import annotations

from typing import Any

from kitaru._core.words.similar import cut
from kitaru._ops import inbox, waits
from kitaru._ops.capabilities import PAGE, Op, exposes
from kitaru._ops.inbox import Question
from kitaru.errors import KitaruStateError, KitaruUsageError, KitaruWaitValidationError
from kitaru.models import PendingWait
from kitaru.ui import forms
from kitaru.ui.forms import Form
from kitaru.ui.routes import Answer, Asked, GoTo, Shown, address, at

SURFACE = "page"
_VERBS = ("continue", "step", "stop", "override")
_QUICK = ("yes_no", "dots")


@at("GET", "/executions/{exec_id}/waits/{wait_id}")
@exposes(Op.EXECUTION_GET, on=PAGE)
def show(asked: Asked) -> Answer:
    """Show a question with its form, or what was said."""
    return shown(inbox.question(asked.path["exec_id"], asked.path["wait_id"]))


@at("POST", "/executions/{exec_id}/waits/{wait_id}")
@exposes(Op.WAIT_INPUT, on=PAGE)
def answer(asked: Asked) -> Answer:
    """Answer a question; what does not fit is marked, and nothing was stored."""
    return answered(asked, asked.path["exec_id"], asked.path["wait_id"])


@at("POST", "/executions/{exec_id}/waits/{wait_id}/abort")
@exposes(Op.WAIT_ABORT, on=PAGE)
def abort(asked: Asked) -> Answer:
    """Give a question up; its execution is cancelled."""
    exec_id = asked.path["exec_id"]
    waits.abort(exec_id, wait=asked.path["wait_id"], surface=SURFACE)
    return GoTo(f"/executions/{exec_id}")


def answered(asked: Asked, exec_id: str, wait_id: str, *, link: str = "") -> Answer:
    """Do the same for whoever came with a session or with the `link` of a question."""
    question = inbox.question(exec_id, wait_id)
    wait = question.wait
    if not isinstance(wait, PendingWait):
        return shown(question, link=link, was_late=True)
    try:
        value, form = _said(wait, asked)
    except KitaruUsageError as error:
        return shown(question, link=link, complaint=str(error))
    if form is not None and not form.is_right:
        return shown(question, form=form, link=link)
    try:
        waits.answer(wait, value, digest=asked.sent("digest") or None, surface=SURFACE)
    except KitaruWaitValidationError as error:
        if form is None:
            return shown(question, link=link, complaint=str(error))
        forms.complain(form, error.field, f"Must be {error.expected}.")
        return shown(question, form=form, link=link)
    except KitaruStateError as error:
        again = inbox.question(exec_id, wait_id)
        kept = form if again.is_open else None
        return shown(again, form=kept, link=link, was_late=True, complaint=str(error))
    return GoTo(link or address(_address(question), done="answered"))


def quick_form(question: Question) -> Form | None:
    """Return the form of a question that one button answers, for the inbox."""
    wait = question.wait
    if wait.kind != "question" or wait.schema is None:
        return None
    made = forms.new(wait.schema)
    return made if made.root.kind in _QUICK else None


def shown(
    question: Question,
    *,
    form: Form | None = None,
    link: str = "",
    complaint: str = "",
    was_late: bool = False,
) -> Shown:
    """Return the page of a question, with what is wrong about an answer to it."""
    if form is None and question.is_open and question.wait.schema is not None:
        form = forms.new(question.wait.schema)
    facts = {
        "question": question,
        "form": form,
        "action": link or _address(question),
        "link": link,
        "complaint": complaint,
        "was_late": was_late,
    }
    is_wrong = bool(form and form.wrong)
    status = 409 if was_late else 422 if complaint or is_wrong else 200
    return Shown("question.html", facts, status)


def _said(wait: PendingWait, asked: Asked) -> tuple[Any, Form | None]:
    """Return what a form says, with the form if that has fields to be marked.

    Raises:
        KitaruUsageError: If it says nothing that can be an answer.
    """
    if wait.kind == "breakpoint":
        return _at_breakpoint(asked)
    if wait.schema is None:
        return None, None
    if forms.CHANGE in asked.form:
        form = forms.unjudged(wait.schema, forms.changed(asked.form))
    else:
        form = forms.sent(wait.schema, asked.form)
    return form.value, form


def _at_breakpoint(asked: Asked) -> tuple[Any, Form | None]:
    verb = asked.sent("verb")
    if verb not in _VERBS:
        said = cut(verb, 40)
        raise KitaruUsageError(f"{said!r} is none of {', '.join(_VERBS)}")
    if verb != "override":
        return {"action": verb}, None
    result = forms.sent({}, asked.form)
    if not result.is_right:
        raise KitaruUsageError(f"The result: {result.root.problem}")
    return {"action": verb, "value": result.value}, None


def _address(question: Question) -> str:
    return f"/executions/{question.exec_id}/waits/{question.wait.wait_id}"
