"""What stands for a secret wherever it is left out, and text that looks like one."""

from __future__ import annotations

import re

from kitaru._core.secrecy.secret_names import is_secret

HIDDEN = "***"

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_PARAMETER = re.compile(r"(?<=[?&])([^=&\s]+)=[^&\s]+")
# In a URL these let somebody in, too.
_LET_IN = frozenset({"key", "sig", "signature"})

# Whole match is replaced, or the group `value` where there is one.
_LOOKS_SECRET = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----",
            re.S,
        ),
        (r"\b(sk|pk|rk)[-_][A-Za-z0-9][A-Za-z0-9_\-]{14,}", 0),
        (r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", 0),
        (r"\b(gh[pousr]_|github_pat_|glpat-|hf_|pypi-)[A-Za-z0-9_\-]{16,}", 0),
        (r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,}", 0),
        (r"\bAIza[0-9A-Za-z_\-]{30,}", 0),
        (r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*", 0),
        (r"\b(?:bearer|basic)\s+(?P<value>[A-Za-z0-9._~+/\-]{8,}=*)", re.I),
        (r"://[^\s/:@]+:(?P<value>[^\s/@]+)@", 0),
        (
            r"\b(?:password|passwd|passphrase|passcode|pwd|secret|api[ _-]?key"
            r"|access[ _-]?key|(?:auth|access|bearer|secret)[ _-]?token)"
            r"[\"']?\s*(?:is|are|was|=|:)+\s*[\"']?(?P<value>[^\s\"',;]{3,})",
            re.I,
        ),
    )
)


def url(text: str) -> str:
    """Return a text without the credentials of the URLs in it."""
    return _PARAMETER.sub(_parameter, _CREDENTIALS.sub(f"{HIDDEN}@", text))


def likely(text: str) -> str:
    """Return a text without what looks like a secret: a safety net with holes."""
    for pattern in _LOOKS_SECRET:
        text = pattern.sub(_without_value, text)
    return text


def _parameter(match: re.Match[str]) -> str:
    name = match[1]
    secret = is_secret(name) or not _LET_IN.isdisjoint(name.lower().split("-"))
    return f"{name}={HIDDEN}" if secret else match[0]


def _without_value(match: re.Match[str]) -> str:
    if "value" not in match.re.groupindex:
        return HIDDEN
    whole, start = match.group(0), match.start(0)
    return (
        whole[: match.start("value") - start]
        + HIDDEN
        + whole[match.end("value") - start :]
    )
