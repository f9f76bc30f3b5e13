"""What a handler of the page is given, what it gives back, and where it is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

Method = Literal["GET", "POST"]
Fields = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read.

    Attributes:
        path: The parts of the address that have names.
        query: What stands behind the question mark.
        form: The fields of a form that was sent; empty for a GET.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    query: Fields = field(default_factory=dict)
    form: Fields = field(default_factory=dict)

    def said(self, name: str) -> str:
        """Return a word of the query, without space around it; empty if nobody said it."""
        return self.query.get(name, ("",))[0].strip()

    def sent(self, name: str) -> str:
        """Return a field of the form as it was typed; empty if it was not sent."""
        return self.form.get(name, ("",))[0]


@dataclass(frozen=True, slots=True)
class Shown:
    """A page to render.

    Attributes:
        template: Which one.
        facts: What it shows.
        status: The status of the response.
    """

    template: str
    facts: Mapping[str, Any]
    status: int = 200


@dataclass(frozen=True, slots=True)
class GoTo:
    """Another address of the page, after something was done."""

    address: str


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes as they are, of a kind that no browser runs.

    Attributes:
        content: The bytes.
        media_type: Their kind.
        file_name: Of a file to keep; empty for what is shown.
    """

    content: bytes
    media_type: str
    file_name: str = ""


Answer = Shown | GoTo | Raw
Handler = Callable[[Asked], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One address and its handler.

    Attributes:
        method: GET changes nothing; POST is asked for its token.
        address: With named parts in braces.
        handler: What answers.
        by_link: Whether a link for one question opens it, without a session.
    """

    method: Method
    address: str
    handler: Handler
    by_link: bool = False


ROUTES: list[Route] = []


def at(
    method: Method, address: str, *, by_link: bool = False
) -> Callable[[Handler], Handler]:
    """Give a handler its address."""

    def attach(handler: Handler) -> Handler:
        ROUTES.append(Route(method, address, handler, by_link))
        return handler

    return attach


def address(path: str, **query: str | Sequence[str] | int | None) -> str:
    """Return an address with what stands behind its question mark.

    Example:
        >>> address("/executions", status="failed", flow="", page=2)
        '/executions?status=failed&page=2'
    """
    said = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(said, doseq=True)}" if said else path
