"""Which server this machine and this process work with.

The stored login is ZenML's own: config.yaml and credentials.yaml. What the environment or
arguments say is a temporary connection, none of which is stored.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.config.store_config import StoreConfiguration
from zenml.enums import APITokenType, AuthScheme, StoreType
from zenml.login.credentials_store import CredentialsStore, get_credentials_store
from zenml.zen_stores.rest_zen_store import RestZenStore, RestZenStoreConfiguration

from kitaru._engine.disk import durable_files, private
from kitaru._engine.port.connections import Door, Progress, Target
from kitaru._engine.settings import kept_tokens, server_token
from kitaru._engine.zenml.connection import (
    active,
    doors,
    local_server,
    scoped,
    server_check,
)
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import (
    KitaruBackendError,
    KitaruError,
    KitaruStateError,
    KitaruUsageError,
)
from kitaru.models import Connection, LocalServer

SERVER_URL = "KITARU_SERVER_URL"
AUTH_TOKEN = "KITARU_AUTH_TOKEN"
PROJECT = "KITARU_PROJECT"
ZENML_URL = "ZENML_STORE_URL"


class ZenMLConnections:
    """The connection of this machine and this process."""

    def login(self, target: Target, *, refresh: bool) -> Connection:
        target = _with_certificate(_cleaned(target))
        info = server_check.Server.of(target).info()
        known = target if refresh else _with_stored_credentials(target)
        if info.is_pro_server() and not known.has_credentials:
            assert target.url is not None  # cleaned
            return self.login_to_workspace(target.url, target)
        admission = server_check.admit(known, anew=True)
        with _all_or_nothing(), translated(f"logging in to {target.url}"):
            _leave_temporary()
            _store_credentials(known, admission)
            _store_server(known, admission.project)
        if _is_overridden(known):
            # For this process an explicit argument counts more than its environment.
            scoped.put_in_place(
                scoped.server(known, admission, chosen_by=scoped.ARGUMENT)
            )
        return self.current()

    def login_to_workspace(self, workspace: str, target: Target) -> Connection:
        """Log in to a managed workspace by its name or id, ZenML's own way."""
        import click
        from zenml.cli.login import connect_to_pro_server

        verify = True if target.verify is None else target.verify
        try:
            # What ZenML tells on the way is for people, not part of our output.
            with (
                _all_or_nothing(),
                contextlib.redirect_stdout(sys.stderr),
            ):
                _leave_temporary()
                _protect_credentials()
                connect_to_pro_server(
                    workspace,
                    api_key=target.token,
                    verify_ssl=verify,
                    project=target.project,
                )
        except KitaruError:
            raise
        # ZenML's command ends in errors of click, of its own, and of its HTTP client.
        except Exception as error:  # noqa: BLE001
            said = click.unstyle(getattr(error, "message", None) or str(error))
            raise KitaruBackendError(
                f"no login to workspace {workspace!r}: {_one_line(said)}"
            ) from None
        return self.current()

    def logout(self, *, everywhere: bool) -> str | None:
        _leave_temporary()
        configuration = GlobalConfiguration()
        with translated("logging out"):
            stored = configuration.store
            left = None
            if stored is not None and stored.type == StoreType.REST:
                left = stored.url
                get_credentials_store().clear_credentials(left)
                configuration.active_project_id = None
                configuration.active_stack_id = None
                configuration._configure_store(configuration.get_default_store())
                Client._reset_instance()
            if everywhere:
                get_credentials_store().clear_all_credentials()
        # Also those of servers that the environment names: a key gives another.
        kept_tokens.forget()
        return left

    def needs_credentials(self, target: Target, *, refresh: bool) -> bool:
        target = _with_certificate(_cleaned(target))
        info = server_check.Server.of(target).info()
        if info.auth_scheme == AuthScheme.NO_AUTH or info.is_pro_server():
            return False
        return refresh or not _with_stored_credentials(target).has_credentials

    def current(self) -> Connection:
        with translated("opening the store"):
            client = Client()
            store = client.zen_store
            remote = isinstance(store, RestZenStore)
            return Connection(
                kind="server" if remote else "local",
                url=store.url,
                user=client.active_user.name,
                project=client.active_project.name,
                server_version=store.get_store_info().version if remote else None,
                chosen_by=_chosen_by(),
            )

    def token(self) -> str | None:
        with translated("asking for a token"):
            store = Client().zen_store
            if not isinstance(store, RestZenStore):
                return server_token.read()
            if store.get_store_info().auth_scheme == AuthScheme.NO_AUTH:
                return None
            return store.get_api_token(token_type=APITokenType.GENERIC)

    def door(self, deployment_id: str, *, what: str) -> Door:
        return doors.find(deployment_id, what=what)

    def enter(self, target: Target) -> None:
        """Let this context work with a server or project, whatever the process does."""
        if not (target.url or _base_is_server()):
            if target.token is not None or target.project is None:
                raise KitaruUsageError(
                    "a token is for a server, and this process works with the local "
                    "store; say which server: server_url=..."
                )
            scoped.enter(_in_project(target.project))
            return
        known = _complete(target)
        admission = server_check.admit(known, anew=True)
        with translated(f"connecting to {known.url}"):
            scoped.enter(scoped.server(known, admission, chosen_by=scoped.ARGUMENT))

    def start_local_server(
        self, *, port: int | None, progress: Progress
    ) -> LocalServer:
        stored = GlobalConfiguration().store
        found = local_server.find()
        override = os.environ.get(SERVER_URL) or os.environ.get(ZENML_URL)
        if override:
            raise KitaruStateError(
                f"this process works with {override}, as the environment says; unset "
                f"{SERVER_URL} and {ZENML_URL} to work with a local server"
            )
        if stored is not None and stored.type == StoreType.REST:
            if found is not None and found.url == stored.url:
                return found
            raise KitaruStateError(
                f"you are logged in to {stored.url}; leave it first with: kitaru logout"
            )
        if found is not None:
            return found
        return local_server.start(port=port, progress=progress)

    def stop_local_server(self) -> LocalServer | None:
        return local_server.stop()

    def local_server(self) -> LocalServer | None:
        return local_server.find()


@translated("opening the store")
def open_connection() -> None:
    """Put in place what the environment says, and see that the server is there.

    Raises:
        KitaruBackendError: If the server or project is not there, or refuses us.
    """
    with translated("opening the store"):
        _open_connection()


def _open_connection() -> None:
    if scoped.in_use() is not None:
        return
    url, token, project = (os.environ.get(n) for n in (SERVER_URL, AUTH_TOKEN, PROJECT))
    if url or (token and _base_is_server()):
        known = _complete(Target(url or None, token or None, project=project or None))
        admission = server_check.admit(known)
        with translated(f"connecting to {known.url}"):
            chosen_by = SERVER_URL if url else AUTH_TOKEN
            scoped.put_in_place(scoped.server(known, admission, chosen_by=chosen_by))
        return
    base = GlobalConfiguration().get_store_configuration()
    if base.type == StoreType.REST and GlobalConfiguration()._zen_store is None:
        server_check.Server.of(_stored_target(base)).info()
        with translated(f"connecting to {base.url}"):
            _ = GlobalConfiguration().zen_store


def project_is_chosen() -> bool:
    """Whether an explicit argument has said in which project to work."""
    configuration = scoped.in_use()
    if configuration is None or configuration._chosen_by != scoped.ARGUMENT:
        return False
    return scoped.is_scoped() or configuration._target.project is not None


def child_environment() -> dict[str, str]:
    """Return what a process started by us needs to work with the same connection.

    Its own folder may name another project by now.
    """
    in_project = {PROJECT: active.project_id()}
    configuration = scoped.in_use()
    if configuration is None or configuration._target.url is None:
        return in_project
    target = configuration._target
    # An empty token: it is found where ours was found.
    return in_project | {SERVER_URL: target.url or "", AUTH_TOKEN: target.token or ""}


def _in_project(project: str) -> scoped.TemporaryConfiguration:
    with translated("listing projects"):
        client = Client()
        known = {p.name: str(p.id) for p in client.list_projects(size=500)}
    if project not in known and project not in known.values():
        raise server_check.no_project(project, known, client.zen_store.url)
    with translated(f"choosing project {project}"):
        return scoped.same_store(project, known.get(project, project))


def _cleaned(target: Target) -> Target:
    return replace(target, url=server_check.clean_url(target.url or ""))


def _complete(target: Target) -> Target:
    """Fill in what stored login and environment know."""
    base = GlobalConfiguration().get_store_configuration()
    url = target.url or os.environ.get(SERVER_URL) or base.url
    # A token in the environment is for the server in the environment.
    token = target.token
    if token is None and url == (os.environ.get(SERVER_URL) or url):
        token = os.environ.get(AUTH_TOKEN) or None
    target = _cleaned(replace(target, url=url, token=token))
    if target.verify is None and base.url == target.url:
        target = replace(target, verify=_stored_target(base).verify)
    return _with_stored_credentials(target)


def _base_is_server() -> bool:
    base = GlobalConfiguration().get_store_configuration()
    return bool(base.type == StoreType.REST or os.environ.get(SERVER_URL))


def _stored_target(config: StoreConfiguration) -> Target:
    verify = getattr(config, "verify_ssl", True)
    return Target(url=config.url, verify=verify)


def _with_stored_credentials(target: Target) -> Target:
    if target.has_credentials:
        return target
    stored = get_credentials_store().get_credentials(target.url or "")
    if stored is None:
        return target
    if stored.api_key:
        return replace(target, token=stored.api_key)
    if stored.api_token is not None and not stored.api_token.expired:
        return replace(target, token=stored.api_token.access_token)
    return replace(target, user=stored.username, password=stored.password)


def _with_certificate(target: Target) -> Target:
    """Keep a copy of the authority's certificate: the login outlives the file."""
    if not isinstance(target.verify, str):
        return target
    try:
        content = Path(target.verify).expanduser().read_bytes()
    except OSError as error:
        raise KitaruUsageError(
            f"the certificate {target.verify!r} cannot be read: {error.strerror}"
        ) from None
    # ZenML takes a path in this folder as it is.
    folder = Path(GlobalConfiguration().local_stores_path) / "certificates"
    kept = folder / f"{hashlib.sha256(content).hexdigest()[:16]}.pem"
    if not kept.exists():
        durable_files.write(kept, content)
    return replace(target, verify=str(kept))


def _store_credentials(target: Target, admission: server_check.Admission) -> None:
    """Keep an API key, or else the token that we were given; never a password."""
    store = get_credentials_store()
    _protect_credentials()
    store.clear_credentials(admission.url)
    if admission.token is None:
        return
    if target.token is not None and server_check.is_api_key(target.token):
        store.set_api_key(admission.url, target.token)
    store.set_token(admission.url, admission.token)


def _store_server(target: Target, project_id: str | None) -> None:
    configuration = GlobalConfiguration()
    verify = True if target.verify is None else target.verify
    configuration.active_project_id = None
    configuration.active_stack_id = None
    configuration._configure_store(
        RestZenStoreConfiguration(url=target.url or "", verify_ssl=verify)
    )
    Client._reset_instance()
    if project_id is not None:
        Client().set_active_project(project_id)


def _protect_credentials() -> None:
    """Let nobody else read the file of credentials; ZenML keeps the mode it has."""
    file = Path(get_credentials_store()._credentials_file)
    private.make_folder(file.parent)
    private.make_file(file)


@contextlib.contextmanager
def _all_or_nothing() -> Iterator[None]:
    """Leave the stored login as it was if the `with` body fails."""
    files = [
        Path(GlobalConfiguration()._config_file),
        Path(get_credentials_store()._credentials_file),
    ]
    before = {file: file.read_bytes() if file.exists() else None for file in files}
    try:
        yield
    # Ctrl-C, too, must not leave half a login.
    except BaseException:
        for file, content in before.items():
            if content is None:
                file.unlink(missing_ok=True)
            else:
                durable_files.write(file, content)
        scoped.remove()
        CredentialsStore._clear()
        raise


def _one_line(text: str) -> str:
    return " ".join(text.replace("Error:", "").split())


def _leave_temporary() -> None:
    # The id of a project on the server before means nothing on the next.
    active.use_project(None, said_by="connect")
    scoped.remove()


def _is_overridden(target: Target) -> bool:
    names = (SERVER_URL, ZENML_URL, AUTH_TOKEN)
    by_project = target.project is not None and os.environ.get(PROJECT)
    return bool(by_project) or any(os.environ.get(name) for name in names)


def _chosen_by() -> str:
    configuration = scoped.in_use()
    if configuration is not None and configuration._target.url is not None:
        return configuration._chosen_by
    if os.environ.get(ZENML_URL):
        return ZENML_URL
    stored = GlobalConfiguration().store
    return "login" if stored and stored.type == StoreType.REST else "default"
