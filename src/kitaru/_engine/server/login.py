"""Which server this process works with, and the credentials for it, as ZenML finds them.

What is read here is never written: ZenML's file of credentials is its own.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kitaru._engine.local.store import flat_yaml
from kitaru._engine.local.store.ground import ELSEWHERE, OnlyZenMLKnows
from kitaru._engine.server.rest import Rest, refuse_proxies
from kitaru._engine.server.tokens import ExchangedToken, FixedToken, is_key
from kitaru._engine.settings import folders, kept_tokens

SERVER_URL = "KITARU_SERVER_URL"
AUTH_TOKEN = "KITARU_AUTH_TOKEN"
_OURS = (SERVER_URL, AUTH_TOKEN)
_URL = re.compile(r"https?://[\w.\-]+(:\d+)?(/[\w./\-]*)?")


@dataclass(frozen=True, slots=True)
class Login:
    """A server, and how to get in.

    Attributes:
        url: The server, without a slash at the end.
        verify: Whether its certificate is to be trusted, or the file of its authority.
        token: A token that the server takes as it is.
        key: An API key, to be exchanged for a token.
        by_environment: Whether the environment named the server or the token.
        project_id: The project of the stored login, if it names one.
    """

    url: str
    verify: bool | str = True
    token: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    by_environment: bool = False
    project_id: str | None = None

    @property
    def identity(self) -> str:
        """What tells whom the server takes us for; secret."""
        return self.key or self.token or ""

    def connect(self) -> Rest:
        """Return a connection that asks with these credentials."""
        refuse_proxies()
        rest = Rest(self.url, verify=self.verify)
        if self.key is not None:
            rest.tokens = ExchangedToken(rest, self.key, known=self.token)
        elif self.token is not None:
            rest.tokens = FixedToken(self.token)
        return rest


def names_server() -> bool:
    """Whether the environment or ZenML's configuration says to work with a server."""
    if os.environ.get(SERVER_URL):
        return True
    try:
        return _configuration().get("store.type") == "rest"
    except OnlyZenMLKnows:
        return False


def read() -> Login:
    """Return the server that ZenML would work with, and what it would get in with.

    Raises:
        OnlyZenMLKnows: If that is no server, or for ZenML to find out; says why.
    """
    for name, value in os.environ.items():
        if name.startswith(ELSEWHERE) and name not in _OURS and value:
            raise OnlyZenMLKnows(f"{name} is set")
    config = _configuration()
    base = config.get("store.url") if config.get("store.type") == "rest" else None
    said, token = os.environ.get(SERVER_URL), os.environ.get(AUTH_TOKEN)
    url = (said or base or "").strip().rstrip("/")
    if _URL.fullmatch(url) is None:
        raise OnlyZenMLKnows("the store is no server whose URL is plain")
    verify = _verify(config) if url == base else True
    by_environment = bool(said or token)
    project_id = None if by_environment else config.get("active_project_id")
    if token:
        found, key = (None, token) if is_key(token) else (token, None)
    else:
        found, key = _stored(url)
    return Login(url, verify, found, key, by_environment, project_id)


def _configuration() -> dict[str, str]:
    file = folders.config_file()
    return _flat(_text(file)) if file.exists() else {}


def _verify(config: dict[str, str]) -> bool | str:
    said = config.get("store.verify_ssl", "true")
    if said in ("true", "false"):
        return said == "true"
    if not Path(said).is_file():
        raise OnlyZenMLKnows("where the certificate of the authority is")
    return said


def _stored(url: str) -> tuple[str | None, str | None]:
    """Return the token and the API key that ZenML keeps for a server."""
    if not kept_tokens.may_be_on_disk():
        raise OnlyZenMLKnows("credentials are not to be on the disk")
    file = folders.config_folder() / "credentials.yaml"
    if not file.exists():
        raise OnlyZenMLKnows(f"how to get in at {url}")
    said = credentials(_text(file), url)
    key, token = said.get("api_key"), said.get("api_token.access_token")
    if token is not None and _is_over(said):
        token = None
    if key is not None and not is_key(key):
        raise OnlyZenMLKnows("what kind of key that is")
    if key is None and token is None:
        raise OnlyZenMLKnows(f"how to get in at {url}")
    return token, key


def credentials(text: str, url: str) -> dict[str, str]:
    """Return what ZenML's file of credentials says of one server.

    Raises:
        OnlyZenMLKnows: If it says nothing, or anything in a form that is not known.
    """
    heads = (f"{url}:", f"'{url}':")
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if line in heads]
    if len(starts) != 1:
        raise OnlyZenMLKnows(f"the credentials for {url} stand {len(starts)} times")
    block: list[str] = []
    for line in lines[starts[0] + 1 :]:
        if line[:1] not in (" ", ""):
            break
        if not line.startswith("  "):
            raise OnlyZenMLKnows("a line of the credentials is not known")
        block.append(line[2:])
    found = _flat("\n".join(block))
    if not text.endswith("\n") or found.get("url", url) != url:
        # Half a file, or what belongs elsewhere.
        raise OnlyZenMLKnows(f"the credentials for {url} are not whole")
    return found


def _is_over(said: dict[str, str]) -> bool:
    """Whether the token has expired, or is about to, as ZenML sees it."""
    ends = said.get("api_token.expires_at")
    if ends is None:
        return False
    try:
        moment = datetime.fromisoformat(ends)
        leeway = timedelta(seconds=float(said.get("api_token.leeway", "0")))
    except ValueError as error:
        raise OnlyZenMLKnows("when the token expires") from error
    known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return known - leeway <= datetime.now(UTC)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OnlyZenMLKnows(f"{file} cannot be read: {error}") from error


def _flat(text: str) -> dict[str, str]:
    try:
        return flat_yaml.read(text)
    except flat_yaml.UnknownFormError:
        # Not which: the line may hold a secret.
        raise OnlyZenMLKnows("a line of ZenML's files is not known") from None
