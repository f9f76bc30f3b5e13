"""Cut secrets out of what Kitaru writes; results and saved values are the user's own.

What is secret is decided here, for logs, failures, metadata, questions, recorded prompts,
errors and diagnostics alike. A process knows the values that it has read from the secret
store or stored there, and those of the variables of its environment whose names tell of a
secret. In data, a value under such a name is secret as well.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from itertools import count
from typing import Any

from kitaru._core.secrecy import forms, redaction
from kitaru._core.secrecy.redaction import HIDDEN
from kitaru._core.secrecy.secret_names import is_secret

# Shorter values, such as `admin`, would be cut out of what has nothing to do with them.
SHORTEST = 8
# A form is looked for by its beginning first.
_HEAD = 24
_ENCODED_BORDER = re.compile(r"[\w+/-]?=*", re.ASCII)


class Secrets:
    """Values that are secret, and the rule for names; hides both.

    Args:
        values: The values. What is secret in them by itself is looked for as well.
        shortest: Values and parts with fewer characters are left alone.
    """

    def __init__(self, values: Iterable[str] = (), *, shortest: int = SHORTEST) -> None:
        parts = {part for value in values for part in forms.parts(value)}
        # Sorted: what is said of two overlapping values does not depend on their order.
        self.values = tuple(sorted(part for part in parts if len(part) >= shortest))
        self._shortest = shortest

    @cached_property
    def _written(self) -> tuple[str, ...]:
        found = {form for value in self.values for form in forms.written(value)}
        return tuple(form for form in found if len(form) >= self._shortest)

    @cached_property
    def _encoded(self) -> tuple[str, ...]:
        found = {form for value in self.values for form in forms.encoded(value)}
        return tuple(form for form in found if len(form) >= self._shortest)

    @cached_property
    def _beginnings(self) -> re.Pattern[str]:
        heads = {form[:_HEAD] for form in (*self._written, *self._encoded)}
        return re.compile("|".join(re.escape(head) for head in heads))

    def text(self, original: str) -> str:
        """Return a text without the values, whichever form they have in it."""
        if not self.values or not self._beginnings.search(original):
            return original
        spans = [
            span
            for known, is_encoded in ((self._written, False), (self._encoded, True))
            for form in known
            for span in _places(original, form, is_encoded=is_encoded)
        ]
        pieces, end = [], 0
        for start, stop in sorted(spans):
            if start >= end:
                pieces += [original[end:start], HIDDEN]
            end = max(end, stop)
        return "".join([*pieces, original[end:]])

    def data(self, original: Any) -> Any:
        """Return JSON data without the values, and without what has a secret's name."""
        return _cleaned(original, self.text)

    def recorded(self, original: Any) -> Any:
        """Do the same, and leave out what looks like a secret: of prompts and answers.

        People and models quote in them what no variable and no secret of ours holds.
        """
        return _cleaned(original, lambda text: redaction.likely(self.text(text)))

    def shown(self, original: str) -> str:
        """Return a text without the values and without the credentials of its URLs."""
        return redaction.url(self.text(original))

    def setting(self, name: str, value: str) -> str:
        """Return the value of a setting or variable as it may be shown."""
        return HIDDEN if value and is_secret(name) else self.shown(value)

    def are_in(self, stored: bytes) -> bool:
        """Whether bytes hold one of the values."""
        return any(
            form.encode(errors="surrogatepass") in stored
            for form in (*self._written, *self._encoded)
        )


def _places(text: str, form: str, *, is_encoded: bool) -> Iterable[tuple[int, int]]:
    start = text.find(form)
    while start >= 0:
        stop = start + len(form)
        if is_encoded:
            # Half of the characters beside it belongs to the value.
            border = _ENCODED_BORDER.match(text, stop)
            yield (
                max(start - 1, 0) if _is_code(text, start - 1) else start,
                (border.end() if border else stop),
            )
        else:
            yield start, stop
        start = text.find(form, stop)


def _is_code(text: str, place: int) -> bool:
    return place >= 0 and _ENCODED_BORDER.fullmatch(text[place]) is not None


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list | tuple):
        return [_cleaned(item, clean) for item in value]
    if not isinstance(value, Mapping):
        return value
    found: dict[Any, Any] = {}
    for key, item in value.items():
        named = isinstance(key, str)
        shown = clean(key) if named else key
        if shown in found:
            # Two keys that differed in what is hidden.
            shown = next(new for n in count(2) if (new := f"{shown} {n}") not in found)
        secret = named and is_secret(key) and _hidden(item)
        found[shown] = secret or _cleaned(item, clean)
    return found


def _hidden(item: Any) -> Any:
    """Return what stands for text under a secret's name, or for several; else nothing."""
    if isinstance(item, str | bytes):
        return HIDDEN if item else item
    is_list = isinstance(item, list | tuple)
    if is_list and all(isinstance(one, str | bytes) for one in item):
        return [_hidden(one) for one in item]
    return None


# -- what this process knows -----------------------------------------------------

_lock = threading.Lock()
_remembered: frozenset[str] = frozenset()
_variables: Mapping[Any, Any] = {}
_known = Secrets()
_listeners: list[Callable[[Mapping[str, str]], None]] = []


def remember(values: Mapping[str, str]) -> None:
    """Hide these values from now on, whatever their names are."""
    global _remembered, _known
    with _lock:
        if _remembered.issuperset(values.values()):
            return
        _remembered = _remembered.union(values.values())
        _known = Secrets(_remembered)
    for listener in _listeners:
        listener(values)


def tell(listener: Callable[[Mapping[str, str]], None]) -> None:
    """Let somebody know of new ones from now on, before `remember` returns."""
    _listeners.append(listener)


def known(further: Iterable[str] = ()) -> Secrets:
    """Return the secrets that this process knows now, and further ones."""
    # Looked at each time, as the environment may change at any; copying it, or reading
    # its variables one by one, would take longer than writing a line of a log.
    now = getattr(os.environ, "_data", os.environ)
    if now != _variables:
        _look(dict(now))
    extra = tuple(further)
    return Secrets((*_known.values, *extra)) if extra else _known


def _look(now: Mapping[Any, Any]) -> None:
    global _variables
    found: dict[str, str] = {}
    for name, value in os.environ.items():
        if is_secret(name):
            found[name] = value
        for password in forms.passwords(value):
            found[f"{name} {password}"] = password
    # What was secret stays so after the variable is gone.
    remember(found)
    _variables = now


def text(original: str) -> str:
    """Return a text without the values of known secrets."""
    return known().text(original)


def data(original: Any) -> Any:
    """Return JSON data without known secrets, and without what has a secret's name."""
    return known().data(original)


def recorded(original: Any) -> Any:
    """Return a prompt, an answer or data of an agent as it may be kept and shown."""
    return known().recorded(original)


def shown(original: str) -> str:
    """Return a text without known secrets and the credentials of its URLs."""
    return known().shown(original)


def setting(name: str, value: str) -> str:
    """Return the value of a setting or variable as it may be shown."""
    return known().setting(name, value)


def holds_secret(stored: bytes) -> bool:
    """Whether bytes hold the value of a known secret."""
    return known().are_in(stored)
