"""Replay an execution from one of its calls, with another result or another input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitaru._ops import executions, looking, replays
from kitaru._ops.capabilities import PAGE, Op, exposes
from kitaru.errors import KitaruError, KitaruUsageError
from kitaru.models import CheckpointCall, Execution
from kitaru.ui import forms
from kitaru.ui.forms import Form
from kitaru.ui.routes import Answer, Asked, GoTo, Shown, address, at

_OVERRIDE = "checkpoint."
# The form of a replay has no type that is known before its code is loaded; it is JSON of
# the kind that was recorded.
_KINDS: tuple[tuple[type, Mapping[str, Any]], ...] = (
    (bool, {"type": "boolean"}),
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (str, {"type": "string"}),
)


@at("GET", "/executions/{exec_id}/replay")
@exposes(Op.EXECUTION_REPLAY, on=PAGE)
def ask(asked: Asked) -> Answer:
    """Show what a replay from a call can change."""
    return _page(asked, executions.get(asked.path["exec_id"]), asked.said("from"))


@at("POST", "/executions/{exec_id}/replay")
@exposes(Op.EXECUTION_REPLAY, on=PAGE)
def start(asked: Asked) -> Answer:
    """Start a replay, and go to it."""
    source = executions.get(asked.path["exec_id"])
    from_ = asked.sent("from")
    try:
        started = replays.start_elsewhere(
            source.exec_id,
            from_=from_,
            overrides=_overrides(asked, source),
            inputs=_inputs(asked, source),
            reuse_waits=asked.sent("reuse_waits") == "1",
            break_before=asked.sent("break_before").split(),
            step=asked.sent("step") == "1",
        )
    except KitaruUsageError as error:
        return _page(asked, source, from_, complaint=str(error))
    done = address(f"/executions/{started.exec_id}", done="replayed")
    return GoTo(done)


def _page(asked: Asked, source: Execution, from_: str, complaint: str = "") -> Shown:
    calls = [call for call in source.checkpoints if call.status == "completed"]
    facts = {
        "source": source,
        "from_": from_,
        "calls": source.checkpoints,
        "override": asked.said("override") or asked.sent("override"),
        "form": _override_form(asked, source, calls),
        "inputs": {
            name: _edited(asked, f"i.{number}", value)
            for number, (name, value) in enumerate((source.inputs or {}).items())
        },
        "overridable": calls,
        "sent": asked,
        "complaint": complaint,
    }
    return Shown("replay.html", facts, 400 if complaint else 200)


def _override_form(
    asked: Asked, source: Execution, calls: list[CheckpointCall]
) -> Form | None:
    """Return an editor for the result of a call, with the recorded one in it."""
    name = asked.said("override") or asked.sent("override")
    for call in calls:
        if call.invocation_id == name and call.artifacts:
            recorded = _recorded(source, call)
            schema = _schema_of(recorded)
            if forms.ROOT in asked.form:
                return forms.sent(schema, asked.form)
            return forms.new(schema, recorded)
    return None


def _overrides(asked: Asked, source: Execution) -> dict[str, Any]:
    name = asked.sent("override")
    if not name:
        return {}
    calls = [call for call in source.checkpoints if call.status == "completed"]
    form = _override_form(asked, source, calls)
    if form is None:
        raise KitaruUsageError(f"call {name!r} has no result that could be replaced")
    if not form.is_right:
        raise KitaruUsageError(f"the result of {name}: {form.root.problem}")
    return {f"{_OVERRIDE}{name}": form.value}


def _inputs(asked: Asked, source: Execution) -> dict[str, Any]:
    """Return the inputs that were changed in the form."""
    found = {}
    for number, (name, before) in enumerate((source.inputs or {}).items()):
        key = f"i.{number}"
        if key not in asked.form:
            continue
        form = forms.sent(_schema_of(before), {forms.ROOT: asked.form[key]})
        if not form.is_right:
            raise KitaruUsageError(f"input {name}: {form.root.problem}")
        if form.value != before:
            found[name] = form.value
    return found


def _edited(asked: Asked, key: str, value: Any) -> Form:
    schema = _schema_of(value)
    if key in asked.form:
        form = forms.sent(schema, {forms.ROOT: asked.form[key]})
    else:
        form = forms.new(schema, value)
    form.root.key = key
    return form


def _recorded(source: Execution, call: CheckpointCall) -> Any:
    try:
        found = looking.look(source.exec_id, call.artifacts[-1].artifact_id)
    except KitaruError:
        return None
    return found.value


def _schema_of(value: Any) -> Mapping[str, Any]:
    for kind, schema in _KINDS:
        if isinstance(value, kind):
            return schema
    return {}
