"""Replay an execution from one of its calls, with another result or another input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitaru._core.words import plain
from kitaru._ops import executions, looking, replays
from kitaru._ops.capabilities import PAGE, Op, exposes
from kitaru.errors import KitaruError, KitaruUsageError
from kitaru.models import CheckpointCall, Execution
from kitaru.ui import forms
from kitaru.ui.fields import LEFT_OUT
from kitaru.ui.forms import Form
from kitaru.ui.rendering import as_json
from kitaru.ui.routes import Answer, Asked, GoTo, Shown, address, at

_OVERRIDE = "checkpoint."
# The field that every form of a replay has.
FROM = "from"
# Longer values are changed in Python.
_MOST_EDITED = 100_000
# Larger ones are JSON.
_MOST_PARTS, _DEEPEST = 40, 3
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
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
    from_ = asked.sent(FROM)
    if forms.CHANGE in asked.form:
        return _page(asked, source, from_)
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
            name: _form(asked, _schema_of(value), key, value)
            for name, (key, value) in _editable(source).items()
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
            return _form(asked, schema, forms.ROOT, recorded)
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
        raise KitaruUsageError(f"the result of {name}: {_told(form)}")
    return {f"{_OVERRIDE}{name}": form.value}


def _inputs(asked: Asked, source: Execution) -> dict[str, Any]:
    """Return the inputs that were changed in the form."""
    found = {}
    for name, (key, before) in _editable(source).items():
        form = _form(asked, _schema_of(before), key, before)
        if not form.is_right:
            raise KitaruUsageError(f"input {name}: {_told(form)}")
        if form.value != before:
            found[name] = form.value
    return found


def _form(asked: Asked, schema: Mapping[str, Any], key: str, begin: Any) -> Form:
    """Return a form as it was sent, or with what it begins with."""
    if FROM not in asked.form:
        return forms.new(schema, begin, key=key)
    if forms.CHANGE in asked.form:
        return forms.unjudged(schema, forms.changed(asked.form), key=key)
    return forms.sent(schema, asked.form, key=key)


def _told(form: Form) -> str:
    """Return what is wrong in a form, in a line."""
    first = form.wrong[0]
    where = ".".join(map(str, first.path))
    return f"{where}: {first.problem}" if where else first.problem


def _recorded(source: Execution, call: CheckpointCall) -> Any:
    """Return the result of a call, `LEFT_OUT` where an editor cannot begin with it."""
    artifact = call.artifacts[-1]
    if artifact.metadata.get("size", 0) > _MOST_EDITED:
        return LEFT_OUT
    try:
        found = looking.look(source.exec_id, artifact.artifact_id)
    except KitaruError:
        return LEFT_OUT
    return found.value if found.form in ("data", "text") else LEFT_OUT


def _editable(source: Execution) -> dict[str, tuple[str, Any]]:
    """Return the inputs that a form can hold: the name of the control, and the value."""
    return {
        name: (f"i.{number}", value)
        for number, (name, value) in enumerate((source.inputs or {}).items())
        if len(as_json(value)) <= _MOST_EDITED
    }


def _schema_of(value: Any, depth: int = 0) -> dict[str, Any]:
    """Return a schema of values like one that was recorded, for a form to change it.

    Which type it has is known for sure only once its code is loaded, which the replay
    does and then checks.
    """
    if isinstance(value, str) and plain.lines(value) != value:
        # A field would lose what cannot be seen; JSON writes it with escapes.
        return {}
    for kind, name in _KINDS:
        if isinstance(value, kind):
            return {"type": name}
    has_parts = isinstance(value, dict | list) and 0 < len(value) <= _MOST_PARTS
    return _of_parts(value, depth + 1) if has_parts and depth < _DEEPEST else {}


def _of_parts(value: dict[str, Any] | list[Any], depth: int) -> dict[str, Any]:
    if isinstance(value, dict):
        parts = {
            name: {"title": name, **_schema_of(part, depth)}
            for name, part in value.items()
        }
        return {"type": "object", "properties": parts, "required": [*parts]}
    kinds = [_schema_of(part, depth) for part in value]
    alike = all(kind == kinds[0] for kind in kinds)
    return {"type": "array", "items": kinds[0]} if alike and kinds[0] else {}
