"""Seals on what the journal says: a flipped bit is found, and not taken for a fact.

The last field of a description is a checksum of the rest and of the ids it stands under.
It stays JSON, which other readers of the file may ask for fields. Descriptions from
before format 4 have no seal; a seal that is damaged itself is a field that nobody knows.
"""

from __future__ import annotations

import re
from zlib import crc32

_SEAL = re.compile(r',"sum":"([0-9a-f]{8})"\}\Z')
_LENGTH = len(',"sum":"00000000"}')


def sealed(text: str, *ids: str) -> str:
    """Return a JSON object that has fields, with a seal for these ids."""
    return f'{text[:-1]},"sum":"{_sum(text, ids):08x}"}}'


def opened(text: str, *ids: str) -> str:
    """Return the object as it was before it was sealed.

    Raises:
        ValueError: If it, or one of the ids, is not what was sealed.
    """
    seal = _SEAL.search(text, max(len(text) - _LENGTH, 0))
    if seal is None:
        return text
    original = f"{text[: seal.start()]}}}"
    if _sum(original, ids) != int(seal[1], 16):
        raise ValueError("it does not match its checksum")
    return original


def _sum(text: str, ids: tuple[str, ...]) -> int:
    return crc32("\0".join((*ids, text)).encode(errors="surrogatepass"))
