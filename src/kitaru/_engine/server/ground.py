"""What a process must know of a server: who we are there, and which project it works in.

It is asked once a day, and kept in a file without secrets. Each doubt ends in
`OnlyZenMLKnows`, and whoever asked goes the way through ZenML.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from kitaru._engine.disk import durable_files
from kitaru._engine.local.store import ground as local_ground
from kitaru._engine.local.store.ground import OnlyZenMLKnows
from kitaru._engine.server import login, refusals
from kitaru._engine.server.login import Login
from kitaru._engine.server.rest import RefusedError, Rest
from kitaru._engine.settings import configuration, folders
from kitaru.errors import KitaruError

# Servers whose answers were compared with what ZenML's own client makes of them.
TRUSTED = frozenset({"0.98.0"})
_AT_MOST = 86400.0
_PROJECT = "ZENML_ACTIVE_PROJECT_ID"
_NO_AUTHENTICATION = "NO_AUTH"
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class ServerGround:
    """A server, and what this process works with there; ids are text with dashes."""

    server_id: str
    version: str
    user_id: str
    user: str
    project_id: str


@contextmanager
def standing() -> Iterator[tuple[Login, ServerGround, Rest]]:
    """Ask the server of this process, and forget what is known of it if it changed.

    Raises:
        OnlyZenMLKnows: If ZenML has to be asked; says why.
        KitaruBackendError: If the server is not there, fails, or refuses us.
    """
    found = login.read()
    rest = found.connect()
    file = _file(found)
    known: ServerGround | None = None
    try:
        known = _known(file) or _asked(rest, found, file)
        yield found, known, rest
    except RefusedError as error:
        # A project that is gone, a role that was taken: nothing is certain any more.
        with suppress(OSError):
            file.unlink(missing_ok=True)
        if error.status == _FORBIDDEN and known is not None:
            raise refusals.not_allowed(found.url, known.user, error.text) from None
        raise OnlyZenMLKnows(str(error)) from error
    finally:
        rest.close()


def check_version(rest: Rest) -> None:
    """Refuse to change something on a server that was upgraded meanwhile.

    Raises:
        OnlyZenMLKnows: If nobody has compared its answers.
    """
    _version(rest)


def _version(rest: Rest) -> dict[str, Any]:
    match rest.get("/info"):
        case {
            "version": str(version),
            "id": str(),
            "auth_scheme": str(scheme),
        } as info if version in TRUSTED and scheme != _NO_AUTHENTICATION:
            installed = local_ground.installed_version()
            if installed.split(".")[:2] != version.split(".")[:2]:
                raise OnlyZenMLKnows(f"ZenML {installed} is here, {version} there")
            return dict(info)
    raise OnlyZenMLKnows("the server is of a version that nobody compared")


def _asked(rest: Rest, found: Login, file: Path) -> ServerGround:
    info = _version(rest)
    try:
        user = rest.get("/current-user", hydrate=True)
        made = ServerGround(
            server_id=_id(info["id"]),
            version=info["version"],
            user_id=_id(user["id"]),
            user=str(user["name"]),
            project_id=_project(rest, found, user["body"]["default_project_id"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise OnlyZenMLKnows(f"an answer of {found.url}: {error!r}") from error
    data = json.dumps({**asdict(made), "until": time.time() + _AT_MOST}).encode()
    # It is asked again where it cannot be kept.
    with suppress(OSError):
        durable_files.write(file, data)
    return made


def _project(rest: Rest, found: Login, default: str | None) -> str:
    """Return the project as ZenML and our settings choose it."""
    name, _ = configuration.project()
    if name is not None:
        page = rest.get("/projects", name=f"equals:{name}", size=2)
        ids = [item["id"] for item in page["items"] if item["name"] == name]
        if len(ids) != 1:
            raise OnlyZenMLKnows(f"which project is {name!r}")
        return _id(ids[0])
    chosen = found.project_id or default
    if chosen is not None:
        return _id(rest.get(f"/projects/{_id(chosen)}", hydrate=False)["id"])
    page = rest.get("/projects", sort_by="created", size=2)
    if page["total"] != 1:
        raise OnlyZenMLKnows("which of the projects")
    return _id(page["items"][0]["id"])


def _known(file: Path) -> ServerGround | None:
    try:
        said = json.loads(file.read_bytes())
        is_now = time.time() <= said.pop("until") <= time.time() + _AT_MOST
        known = ServerGround(**said)
    # Whatever is there instead: it is asked again.
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return known if is_now and known.version in TRUSTED else None


def _file(found: Login) -> Path:
    """Return where that is kept: for one server, one identity, and one choice."""
    if os.environ.get(_PROJECT):
        raise OnlyZenMLKnows(f"{_PROJECT} is set")
    if not found.by_environment and local_ground.repository() is not None:
        raise OnlyZenMLKnows("the repository may name a project of its own")
    try:
        name, _ = configuration.project()
    except KitaruError as error:
        raise OnlyZenMLKnows(str(error)) from error
    choice = [found.url, found.identity, name, found.project_id]
    hashed = hashlib.sha256(json.dumps(choice).encode()).hexdigest()[:32]
    return folders.own_folder() / "server" / "grounds" / f"{hashed}.json"


def _id(text: str) -> str:
    return str(UUID(text))
