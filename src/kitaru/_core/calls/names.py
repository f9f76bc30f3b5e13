"""Names of checkpoints, waits and artifacts, and the ids made from them."""

from __future__ import annotations

import re
import threading
import uuid

from kitaru.errors import KitaruUsageError

MAX_NAME_LENGTH = 200
_NAME = re.compile(r"[\w.:\-\[\]/ ]+")


def is_call_of(invocation_id: str, wanted: str) -> bool:
    """Whether a call is the one of that id, or one of the checkpoint of that name.

    Calls that the flow gave an id are those of their id alone.
    """
    if invocation_id == wanted:
        return True
    rest = invocation_id.removeprefix(f"{wanted}_")
    return rest != invocation_id and rest.isascii() and rest.isdigit()


def check_name(kind: str, name: str) -> str:
    """Return `name` if it may name a `kind` (checkpoint, wait, artifact).

    Raises:
        KitaruUsageError: If it is empty, too long or holds other characters than
            letters, digits, space and `_ - . : / [ ]`.
    """
    if not name or len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        raise KitaruUsageError(
            f"{kind} name {name!r} is not valid: use 1 to {MAX_NAME_LENGTH} letters, "
            "digits, spaces or _ - . : / [ ]"
        )
    return name


def call_id(execution_id: str, invocation_id: str) -> str:
    """Return the id of a checkpoint call: the same wherever it is computed."""
    return str(uuid.uuid5(uuid.UUID(execution_id), f"call/{invocation_id}"))


def artifact_id(execution_id: str, owner: str, name: str) -> str:
    """Return the id of the artifact `name` made by `owner` in an execution."""
    return str(uuid.uuid5(uuid.UUID(execution_id), f"artifact/{owner}/{name}"))


class InvocationIds:
    """Hands out `name`, `name_2`, `name_3` … in the order of the calls.

    Safe to use from several threads. An id given by the user is taken as it is and
    may be taken once per execution.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._taken: set[str] = set()

    def next(self, name: str) -> str:
        """Return the next free id for `name`."""
        with self._lock:
            while True:
                count = self._counts[name] = self._counts.get(name, 0) + 1
                candidate = name if count == 1 else f"{name}_{count}"
                if candidate not in self._taken:
                    self._taken.add(candidate)
                    return candidate

    def claim(self, invocation_id: str) -> str:
        """Take an id given by the user.

        Raises:
            KitaruUsageError: If a call of this execution has it already.
        """
        check_name("invocation id", invocation_id)
        with self._lock:
            if invocation_id in self._taken:
                raise KitaruUsageError(
                    f"invocation id {invocation_id!r} was used before in this "
                    "execution; ids given with id= must be unique"
                )
            self._taken.add(invocation_id)
            return invocation_id
