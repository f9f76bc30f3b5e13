"""When deployed flows start by themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kitaru._core.words.similar import cut
from kitaru._ops import inbox, schedules
from kitaru._ops.capabilities import PAGE, Op, exposes
from kitaru.errors import KitaruUsageError
from kitaru.ui.routes import Answer, Asked, GoTo, Shown, address, at

_HERE = "/deployments/schedules"
_CHANGES: Mapping[str, Callable[[str], object]] = {
    "pause": schedules.pause,
    "resume": schedules.resume,
    "delete": schedules.delete,
}


@at("GET", _HERE)
@exposes(Op.SCHEDULE, on=PAGE)
def listed(asked: Asked) -> Answer:
    """Show the schedules, by name."""
    found = [] if inbox.is_empty() else schedules.find()
    return Shown("schedules.html", {"schedules": found, "tab": "schedules"})


@at("POST", _HERE)
@exposes(Op.SCHEDULE, on=PAGE)
def change(asked: Asked) -> Answer:
    """Pause, resume or delete a schedule, or start an execution of it now."""
    name, what = asked.sent("name"), asked.sent("do")
    if what == "run":
        started = schedules.run(name)
        return GoTo(address(f"/executions/{started.exec_id}", done="invoked"))
    if what not in _CHANGES:
        said = cut(what, 40)
        raise KitaruUsageError(f"{said!r} is none of {', '.join(_CHANGES)}, run")
    _CHANGES[what](name)
    return GoTo(_HERE)
