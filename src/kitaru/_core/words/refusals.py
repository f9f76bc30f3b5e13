"""Say in one line why a platform refused: client libraries tell everything they know."""

from __future__ import annotations

import re

# What the client of Kubernetes says of a request, its headers and body included.
_ANSWERED = re.compile(r"\((\d{3})\) Reason: (.*?) HTTP response headers: .*")
_UNREACHED = re.compile(
    r"HTTPS?ConnectionPool\(host='([^']+)', port=(\d+)\): Max retries exceeded with "
    r"url: \S+ \(Caused by (.*)\)"
)
_QUERY = re.compile(r"(https?://[^\s\"'?]+)\?[^\s\"']*")
_HINTS = (
    ("Unauthorized (401)", "are the credentials right, and not expired?"),
    ("Forbidden (403)", "who is let in may not do this"),
    (
        "is not trusted",
        "give its certificate_authority (base64 of the PEM)",
    ),
)


def in_one_line(text: str) -> str:
    """Return what an error says without what only a developer of its library needs."""
    said = " ".join(text.split())
    said = _ANSWERED.sub(r"\2 (\1)", said)
    said = _UNREACHED.sub(_unreached, said)
    said = _QUERY.sub(r"\1", said)
    for found, hint in _HINTS:
        if found in said:
            return f"{said}; {hint}"
    return said


def _unreached(found: re.Match[str]) -> str:
    host, port, cause = found.groups()
    where = f"{host}:{port}"
    if "CERTIFICATE_VERIFY_FAILED" in cause:
        why = re.search(r"verify failed: ([^(']*)", cause)
        return f"the certificate of {where} is not trusted" + (
            f" ({why[1].strip()})" if why else ""
        )
    short = re.search(r"\[Errno -?\d+\] ([^\"')]*)", cause)
    return f"{where} does not answer: {short[1].strip() if short else cause}"
