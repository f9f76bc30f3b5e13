"""Find out whether a server can be used, before anything depends on it.

ZenML's own client tries a dead server again for half a minute and more, and tells the
outcome in exceptions of several libraries. Here each question is asked once, within a
bounded time, and each answer that hinders is one error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import zenml
from zenml.enums import AuthScheme, OAuthGrantTypes
from zenml.models import OAuthTokenResponse, ServerModel

from kitaru._core.words.similar import did_you_mean
from kitaru._engine.port.connections import Target
from kitaru._engine.server import refusals
from kitaru._engine.settings import kept_tokens
from kitaru.errors import KitaruBackendError, KitaruUsageError

_API = "/api/v1"
_KEY_PREFIXES = ("ZENKEY_", "ZENPROKEY_")
_REFUSED = (401, 403)


@dataclass(frozen=True, slots=True)
class Admission:
    """What a server said: its version, who we are there, and the token it gave."""

    url: str
    version: str
    user: str | None
    project: str | None
    token: OAuthTokenResponse | None = field(repr=False)


def clean_url(text: str) -> str:
    """Return the URL of a server without a slash at the end.

    Raises:
        KitaruUsageError: If it is none, or holds a password.
    """
    url = text.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise KitaruUsageError(f"the server URL is not valid: {error}") from None
    if "@" in parts.netloc:
        raise KitaruUsageError(
            "the server URL must not hold a user or a password; give them when asked, or "
            "an API key in KITARU_AUTH_TOKEN"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise KitaruUsageError(
            f"{text!r} is not the URL of a server; it looks like https://zenml.example.com"
        )
    return url


def is_api_key(token: str) -> bool:
    """Whether a token is an API key, to be exchanged for a token."""
    return token.startswith(_KEY_PREFIXES)


class Server:
    """A server to ask."""

    def __init__(self, url: str, *, verify: bool | str, timeout: float) -> None:
        self.url = url
        self._timeout = timeout
        self._session = requests.Session()
        # Without this, `requests` prefers what a ~/.netrc says to our own header.
        self._session.auth = lambda request: request
        self._session.verify = verify

    @classmethod
    def of(cls, target: Target) -> Server:
        """Return the server of a target that has a clean URL."""
        assert target.url is not None  # callers have found it
        verify = True if target.verify is None else target.verify
        return cls(target.url, verify=verify, timeout=target.timeout)

    def info(self) -> ServerModel:
        """Return what anybody may know of it.

        Raises:
            KitaruBackendError: If it is not there, is no such server, or has a version
                that this ZenML does not understand.
        """
        response = self._ask("GET", "/info")
        try:
            facts = response.json()
            # Before anything else is understood: that may have changed.
            version = str(facts["version"])
            if _series(version) != _series(zenml.__version__):
                raise KitaruBackendError(
                    f"the server at {self.url} runs ZenML {version}, this environment has "
                    f"{zenml.__version__}; bring both to the same version"
                )
            return ServerModel.model_validate(facts)
        except (ValueError, KeyError, TypeError):
            raise KitaruBackendError(
                f"{self.url} answers (HTTP {response.status_code}), but not as a ZenML "
                "server does; check the URL"
            ) from None

    def exchange(self, target: Target) -> OAuthTokenResponse:
        """Return a token for an API key or a password.

        Raises:
            KitaruBackendError: If the server refuses them.
        """
        if target.token is not None and not is_api_key(target.token):
            return OAuthTokenResponse(access_token=target.token, token_type="bearer")
        if target.token is not None:
            what = "API key"
            data = {
                "grant_type": OAuthGrantTypes.ZENML_API_KEY.value,
                "password": target.token,
            }
        else:
            what = "user and password"
            data = {
                "grant_type": OAuthGrantTypes.OAUTH_PASSWORD.value,
                "username": target.user or "",
                "password": target.password or "",
            }
        response = self._ask("POST", "/login", data=data)
        if not response.ok:
            self._refused(response, f"the {what}")
        try:
            return OAuthTokenResponse.model_validate(response.json())
        except ValueError:
            raise KitaruBackendError(
                f"the server at {self.url} gave no token for the {what}; is it behind a "
                "login page of its own?"
            ) from None

    def token(self, target: Target) -> OAuthTokenResponse:
        """Return the token that is kept for an API key, else what `exchange` returns.

        Raises:
            KitaruBackendError: If the server refuses the credentials.
        """
        key = target.token
        if key is None or not is_api_key(key):
            return self.exchange(target)
        kept = kept_tokens.find(self.url, key)
        if kept is not None:
            return OAuthTokenResponse(
                access_token=kept.text, token_type="bearer", expires_in=kept.seconds
            )
        given = self.exchange(target)
        kept_tokens.keep(self.url, key, given.access_token, expires_in=given.expires_in)
        return given

    def user(self, token: str | None) -> str | None:
        """Return who a token belongs to, `None` if the server refuses it.

        Raises:
            KitaruBackendError: If the server fails.
        """
        response = self._ask("GET", "/current-user", token=token)
        if response.status_code in _REFUSED:
            return None
        if not response.ok:
            self._refused(response, "the token")
        name: str = response.json()["name"]
        return name

    def project(self, token: str | None, name: str) -> str:
        """Return the id of a project.

        Raises:
            KitaruBackendError: If there is none of that name; lists the known.
        """
        page = self._ask("GET", "/projects", token=token, params={"size": 500})
        if not page.ok:
            self._refused(page, "the token")
        known = {item["name"]: item["id"] for item in page.json()["items"]}
        if name in known.values():
            return name
        if name not in known:
            raise no_project(name, known, self.url)
        return str(known[name])

    def _refused(self, response: requests.Response, what: str) -> None:
        if response.status_code in _REFUSED:
            raise refusals.refused(self.url, what)
        raise refusals.failed(self.url, response.status_code)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        data: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            return self._session.request(
                method,
                f"{self.url}{_API}{path}",
                data=data,
                params=params,
                headers=headers,
                timeout=self._timeout,
            )
        # What these say holds library names and memory addresses; `from None` keeps
        # request bodies out of tracebacks, too.
        except requests.exceptions.SSLError:
            raise KitaruBackendError(
                f"the certificate of {self.url} is not trusted; give its authority with "
                "--ssl-ca-cert FILE (ssl_ca_cert=), or --no-verify-ssl if you must"
            ) from None
        except requests.exceptions.Timeout:
            raise refusals.silent(self.url, self._timeout) from None
        except (requests.exceptions.RequestException, OSError):
            raise refusals.not_there(self.url) from None


def no_project(
    name: str, known: Mapping[str, object], where: str
) -> KitaruBackendError:
    """Return the error for a project that is not there."""
    return KitaruBackendError(
        f"there is no project {name!r} at {where}{did_you_mean(name, known)} "
        f"(known: {', '.join(sorted(known)) or 'none'})"
    )


def admit(target: Target, *, anew: bool = False) -> Admission:
    """Check all that is needed to work with a server.

    Args:
        target: The server, with a clean URL and the credentials to use.
        anew: Whether an API key is to be exchanged whatever token is kept for it.

    Raises:
        KitaruBackendError: If the server is not there, has another version, refuses the
            credentials, or lacks the project.
    """
    server = Server.of(target)
    info = server.info()
    token, user = _let_in(server, info, target, anew=anew)
    access = token.access_token if token else None
    project = server.project(access, target.project) if target.project else None
    return Admission(server.url, info.version, user, project, token)


def _let_in(
    server: Server, info: ServerModel, target: Target, *, anew: bool
) -> tuple[OAuthTokenResponse | None, str]:
    """Return a token that the server takes, and whose it is."""
    token = _token(server, info, target, anew=anew)
    access = token.access_token if token else None
    user = server.user(access)
    if user is None and access and target.token and access != target.token:
        # It was kept, and may have been given up meanwhile: ask once more.
        kept_tokens.drop(server.url, target.token, access)
        token = server.token(target)
        user = server.user(token.access_token)
    if user is None:
        raise refusals.refused(server.url, "the token")
    return token, user


def _token(
    server: Server, info: ServerModel, target: Target, *, anew: bool
) -> OAuthTokenResponse | None:
    if info.auth_scheme == AuthScheme.NO_AUTH:
        return None
    if target.has_credentials:
        return server.exchange(target) if anew else server.token(target)
    raise KitaruBackendError(
        f"the server at {server.url} asks for credentials; log in with: kitaru login "
        f"{server.url}, or give an API key in KITARU_AUTH_TOKEN"
    )


def _series(version: str) -> tuple[str, ...]:
    return tuple(version.split(".")[:2])
