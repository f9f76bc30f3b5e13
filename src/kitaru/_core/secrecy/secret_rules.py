"""What a secret may be called and hold."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kitaru._core.secrecy import masking
from kitaru._core.secrecy.masking import Secrets
from kitaru.errors import KitaruUsageError

MAX_NAME_LENGTH = 200
# ZenML's own limit for keys and values together (zenml 0.98, secret_schemas.py).
MAX_BYTES = 64 * 1024
_NAME = re.compile(r"[A-Za-z0-9][\w.\-/]*", re.ASCII)
_KEY = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_PYDANTIC_INPUT = re.compile(
    r" \[type=\w+, input_value=.*\]$|^ +For further information visit .*\n?",
    re.MULTILINE,
)
# Of values that a message is about; shorter ones would be cut out of ordinary words.
_SHORTEST_CUT = 4


def check_name(name: str) -> str:
    """Return `name` if a secret may be called that.

    Raises:
        KitaruUsageError: If not.
    """
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        shown = name if len(name) <= MAX_NAME_LENGTH else f"{name[:20]}…"
        raise KitaruUsageError(
            f"secret name {shown!r} is not valid: use 1 to {MAX_NAME_LENGTH} letters, "
            "digits or _ - . /, beginning with a letter or digit"
        )
    return name


def check_values(name: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the values if secret `name` may hold them; errors never show a value.

    Raises:
        KitaruUsageError: If there are none, or one is no text, is empty or too long.
    """
    if not values:
        raise KitaruUsageError(
            f"secret {name!r} needs at least one value, as {{'key': 'value'}}"
        )
    for key, value in values.items():
        _check_key(name, key)
        _check_value(name, key, value)
    size = sum(len(k.encode()) + len(v.encode()) for k, v in values.items())
    if size > MAX_BYTES:
        raise KitaruUsageError(
            f"the values of secret {name!r} take {size} bytes, {MAX_BYTES} are possible; "
            "keep large files elsewhere and a password for them here"
        )
    return dict(values)


def _check_key(name: str, key: object) -> None:
    if (
        not isinstance(key, str)
        or len(key) > MAX_NAME_LENGTH
        or not _KEY.fullmatch(key)
    ):
        # What stands here may be a value in the wrong place, so it is not shown.
        raise KitaruUsageError(
            f"a key of secret {name!r} is not valid: keys are 1 to {MAX_NAME_LENGTH} "
            "letters, digits or _, not beginning with a digit, such as API_KEY"
        )


def _check_value(name: str, key: str, value: object) -> None:
    what = f"value {key!r} of secret {name!r}"
    if not isinstance(value, str):
        raise KitaruUsageError(
            f"{what} is a {type(value).__name__}, not text; convert it with str()"
        )
    if not value:
        raise KitaruUsageError(f"{what} is empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise KitaruUsageError(f"{what} is not valid text (UTF-8)") from None


def without_values(text: str, values: Mapping[str, str]) -> str:
    """Return a foreign message without the values that it may quote.

    Pydantic quotes what it was given shortened, so that goes whole.
    """
    text = masking.text(_PYDANTIC_INPUT.sub("", text))
    return Secrets(values.values(), shortest=_SHORTEST_CUT).text(text)
