"""Requests to a ZenML server over plain HTTP; no ZenML, and little else, is imported.

What only reads is asked again when the connection breaks or the server is busy; what
changes something is asked once, since nobody knows what became of it.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from kitaru._core.words.similar import one_line
from kitaru._engine.local.store.ground import OnlyZenMLKnows
from kitaru._engine.server import refusals

API = "/api/v1"
PATIENCE = 30.0
_BUSY = (429, 502, 503, 504)
# Any of these puts another machine between us and the server.
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class RefusedError(Exception):
    """A server did not do what it was asked.

    Attributes:
        status: HTTP's number for it.
        kind: The name of ZenML's exception, if it says so.
        text: What it says of it, in one line.
    """

    def __init__(self, status: int, kind: str, text: str) -> None:
        super().__init__(f"HTTP {status} {kind}: {text}")
        self.status = status
        self.kind = kind
        self.text = text


class Tokens(Protocol):
    """Where the token of a server comes from."""

    def token(self) -> str:
        """Return the token to ask with."""
        ...

    def renewed(self, refused: str) -> str | None:
        """Return another one for one that was refused, if there can be one."""
        ...


class Rest:
    """One connection to a server.

    Args:
        url: The server, without a slash at the end.
        verify: Whether its certificate is to be trusted, or the file of its authority.
        patience: Seconds that it may take to answer.
        pauses: Seconds before what only reads is asked again, each time.
    """

    def __init__(
        self,
        url: str,
        *,
        verify: bool | str = True,
        patience: float = PATIENCE,
        pauses: Sequence[float] = (0.2, 1.0, 3.0),
    ) -> None:
        self.url = url
        self._parts = urlsplit(url)
        self._verify = verify
        self._patience = patience
        self._pauses = pauses
        self._connection: http.client.HTTPConnection | None = None
        self._token: str | None = None
        self.tokens: Tokens | None = None

    def close(self) -> None:
        """Give the connection up."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def get(self, path: str, **query: Any) -> Any:
        """Return what the server says.

        Raises:
            RefusedError: If it refuses, other than for want of credentials.
            KitaruBackendError: If it is not there, fails, or takes no credentials.
            OnlyZenMLKnows: If it does not answer as a ZenML server does.
        """
        for pause in (*self._pauses, None):
            try:
                status, body = self._admitted("GET", _target(path, query), None)
                if status not in _BUSY or pause is None:
                    return self._meant(status, body)
            except (OSError, http.client.HTTPException) as error:
                if pause is None or isinstance(error, TimeoutError):
                    raise self._not_there(error) from None
            time.sleep(pause)
        raise AssertionError("unreachable")  # the last round returns or raises

    def change(self, method: str, path: str, body: object, *, doing: str) -> Any:
        """Let the server change something, and return what it says of that.

        Args:
            method: `POST` or `PUT`.
            path: Of what.
            body: JSON data.
            doing: What is being done, for errors: "answering wait 'sure'".

        Raises:
            RefusedError: If it refuses, other than for want of credentials.
            KitaruBackendError: If it is not there, or what became of it is not known.
            OnlyZenMLKnows: If nothing was sent, for a doubt about its certificate.
        """
        data = json.dumps(body).encode()
        try:
            self._connect()
        except OSError as error:
            raise self._not_there(error) from None
        try:
            status, answer = self._admitted(method, _target(path, {}), data)
        except (OSError, http.client.HTTPException):
            raise refusals.lost(self.url, doing) from None
        try:
            return self._meant(status, answer)
        except OnlyZenMLKnows:
            raise refusals.lost(self.url, doing) from None

    def log_in(self, form: dict[str, str]) -> Any:
        """Exchange credentials for a token; return what the server says.

        Raises:
            RefusedError: If it refuses them.
            KitaruBackendError: If it is not there, or fails.
            OnlyZenMLKnows: If it does not answer as a ZenML server does.
        """
        data = urlencode(form).encode()
        kind = "application/x-www-form-urlencoded"
        try:
            status, body = self._sent("POST", f"{API}/login", data, kind=kind)
        except (OSError, http.client.HTTPException) as error:
            raise self._not_there(error) from None
        if status == 401:
            raise RefusedError(status, "", "")
        return self._meant(status, body)

    # -- one request ---------------------------------------------------------------

    def _admitted(
        self, method: str, target: str, data: bytes | None
    ) -> tuple[int, bytes]:
        """Ask with a token, and once more with another one if it is refused."""
        if self.tokens is not None and self._token is None:
            self._token = self.tokens.token()
        status, body = self._sent(method, target, data)
        if status != 401 or self.tokens is None or self._token is None:
            return status, body
        self._token = self.tokens.renewed(self._token)
        if self._token is None:
            raise refusals.refused(self.url, "your credentials")
        return self._sent(method, target, data)

    def _sent(
        self,
        method: str,
        target: str,
        data: bytes | None,
        *,
        kind: str = "application/json",
    ) -> tuple[int, bytes]:
        headers = {"Content-Type": kind, "Accept": "application/json"}
        if self._token is not None and not target.endswith("/login"):
            headers["Authorization"] = f"Bearer {self._token}"
        with self._whole():
            connection = self._connect()
            place = self._parts.path.rstrip("/") + target
            connection.request(method, place, data, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Leave no connection behind on which half of an answer may be."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is not None:
            return self._connection
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            made = self._encrypted(host, port)
        else:
            made = http.client.HTTPConnection(host, port, timeout=self._patience)
        made.connect()
        self._connection = made
        return made

    def _encrypted(self, host: str, port: int | None) -> http.client.HTTPConnection:
        import ssl

        import certifi

        if self._verify is False:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            said = [os.environ[name] for name in _CERTIFICATES if os.environ.get(name)]
            file = self._verify if isinstance(self._verify, str) else None
            try:
                # The authorities that ZenML's client trusts, too.
                context = ssl.create_default_context(
                    cafile=file or (said[0] if said else certifi.where())
                )
            except OSError as error:
                raise OnlyZenMLKnows(f"which certificates count: {error}") from error
        return http.client.HTTPSConnection(
            host, port, timeout=self._patience, context=context
        )

    # -- what is made of it ----------------------------------------------------------

    def _not_there(self, error: Exception) -> Exception:
        import ssl

        if isinstance(error, ssl.SSLError):
            # ZenML's way knows what to say of certificates.
            return OnlyZenMLKnows(f"the certificate of {self.url}")
        if isinstance(error, TimeoutError):
            return refusals.silent(self.url, self._patience)
        return refusals.not_there(self.url)

    def _meant(self, status: int, body: bytes) -> Any:
        if status == 401:
            raise refusals.refused(self.url, "your credentials")
        if status >= 500 or status in _BUSY:
            raise refusals.failed(self.url, status)
        try:
            said = json.loads(body) if body else None
        except ValueError as error:
            raise OnlyZenMLKnows(f"{self.url} answers no JSON") from error
        if 200 <= status < 300:
            return said
        if status < 400:
            raise OnlyZenMLKnows(f"{self.url} sends us elsewhere")
        kind, text = _detail(said)
        raise RefusedError(status, kind, text)


def refuse_proxies() -> None:
    """Refuse to ask where a proxy may have to be asked instead.

    Raises:
        OnlyZenMLKnows: If the environment names one.
    """
    for name in _PROXIES:
        if os.environ.get(name) or os.environ.get(name.upper()):
            raise OnlyZenMLKnows(f"{name} is set")


def _target(path: str, query: dict[str, Any]) -> str:
    asked = {name: value for name, value in query.items() if value is not None}
    return f"{API}{path}" + (f"?{urlencode(asked, doseq=True)}" if asked else "")


def _detail(said: object) -> tuple[str, str]:
    """Return the name and text of ZenML's exception."""
    detail = said.get("detail") if isinstance(said, dict) else None
    match detail:
        case [str(kind), str(text)]:
            return kind, one_line(text)
        case [str(kind)]:
            return kind, ""
    return "", one_line(str(detail or ""))
