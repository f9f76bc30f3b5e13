"""ZenML's configuration files, which need only few of YAML's many forms."""

from __future__ import annotations

import re
from codecs import decode

_LINE = re.compile(r"(?P<indent>(?:  )*)(?P<key>\w+):(?: (?P<value>.*))?")
# Text that begins and goes on such that YAML takes it as it is.
_PLAIN = re.compile(r"[\w/.~+(][^\"#{}\[\]&*!|>%@`]*")
_SINGLE = re.compile(r"'((?:[^']|'')*)'")
_DOUBLE = re.compile(
    r'"((?:[ -!#-\[\]-~]|\\["\\]|\\x[0-9A-F]{2}|\\u[0-9A-F]{4}|\\U[0-9A-F]{8})*)"'
)


class UnknownFormError(Exception):
    """A file that ZenML's own reader has to look at."""


def read(text: str) -> dict[str, str]:
    """Return the values of a file, those of sections as `section.key`.

    Raises:
        UnknownFormError: If there is anything but keys, texts on one line, and sections.
    """
    found: dict[str, str] = {}
    sections: list[str] = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        depth = len(match["indent"]) // 2 if match else 0
        if match is None or depth > len(sections):
            raise UnknownFormError(line)
        del sections[depth:]
        name = ".".join([*sections, match["key"]])
        if name in found:
            raise UnknownFormError(line)
        if match["value"] is None:
            sections.append(match["key"])
        else:
            found[name] = _text(match["value"])
    return found


def _text(value: str) -> str:
    if match := _SINGLE.fullmatch(value):
        return match[1].replace("''", "'")
    if match := _DOUBLE.fullmatch(value):
        return decode(match[1], "unicode_escape")
    if _PLAIN.fullmatch(value) is None or ": " in value or value.endswith((":", " ")):
        raise UnknownFormError(value)
    return value
