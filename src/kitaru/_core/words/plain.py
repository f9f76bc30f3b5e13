"""Text from outside is text: what a terminal would obey, or hide, is shown escaped.

Names, questions, results, errors and log lines come from flows, models and people far
away. Printed as they are they could clear the screen, reverse the order of what is read
(bidi overrides) or forge a line of ours with a newline of theirs.
"""

from __future__ import annotations

import re

_TAB = 4
# Controls (C0, DEL, C1), line and paragraph separators, lone surrogates, and what takes
# no room or turns the direction: bidi marks, zero-width characters, fillers, tags.
_OBEYED_OR_HIDDEN = (
    "\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b"
    "\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Joiners shape emoji and many scripts; beside ASCII they only hide.
_JOINERS = "(?:(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f]))"
_UNSAFE = re.compile(f"[{_OBEYED_OR_HIDDEN}]|{_JOINERS}")
_BREAK = re.compile("\r\n|\n")
_SHORT = {"\n": "\\n", "\r": "\\r"}
# Only JSON's own strings can hold these; its layout has newlines.
_UNSAFE_IN_JSON = re.compile(f"(?!\n)(?:{_UNSAFE.pattern})")


def line(text: str) -> str:
    r"""Return a text as one line in which nothing steers a terminal or hides.

    Example:
        >>> line("ok\n\x1b[2Jcompleted")
        'ok\\n\\x1b[2Jcompleted'
    """
    if text.isascii() and text.isprintable():
        return text
    joined = _BREAK.sub("\n", text).expandtabs(_TAB)
    return _UNSAFE.sub(lambda found: _escaped(found[0]), joined)


def block(text: str) -> list[str]:
    r"""Return a text line by line; all but the first begin with a bar.

    Nobody can take a line behind a bar for one of ours.

    Example:
        >>> block("Continue?\n- 3 sources")
        ['Continue?', '| - 3 sources']
    """
    first, *rest = _BREAK.split(text.rstrip("\r\n"))
    return [line(first), *(f"| {line(one)}".rstrip() for one in rest)]


def lines(text: str) -> str:
    """Return a text with its own lines, in which nothing hides or turns.

    For places that nobody takes for words of ours, such as a frame on a page.
    """
    if text.isascii() and text.isprintable():
        return text
    return "\n".join(line(one) for one in _BREAK.split(text))


def json_text(text: str) -> str:
    """Return JSON that says the same, with JSON's escapes for what is unsafe to print."""
    return _UNSAFE_IN_JSON.sub(lambda found: _escaped_in_json(found[0]), text)


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _escaped_in_json(character: str) -> str:
    code = ord(character)
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
