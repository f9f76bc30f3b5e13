"""Server, project and stack of a context or process, which leave no trace elsewhere.

ZenML keeps its connection in two singletons, `GlobalConfiguration` and `Client`, and
writes whatever comes into them to config.yaml and credentials.yaml: a URL and a password
from the environment, too. A temporary connection is a configuration that does not write,
with a store that keeps its credentials to itself. It is put in place for the whole
process, or for one context: a context variable then decides what the singletons are.

The same variable holds the stack that a context works with, and the process the project
it was told. ZenML would take both from variables of the environment, which all threads
and everything else in the process share.

This relies on `_global_config` and `_global_client` of ZenML's metaclasses, on
`_reset_instance` of both, on `active_project` and `active_stack_model` of its client, and
on how the REST store asks for its token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import PrivateAttr
from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.config.store_config import StoreConfiguration
from zenml.exceptions import CredentialsNotValid
from zenml.login.credentials import APIToken
from zenml.models import OAuthTokenResponse, ProjectResponse, StackResponse
from zenml.zen_stores.base_zen_store import BaseZenStore
from zenml.zen_stores.rest_zen_store import RestZenStore, RestZenStoreConfiguration

from kitaru._engine.port.connections import Target
from kitaru._engine.settings import folders, kept_tokens
from kitaru._engine.zenml.connection import server_check
from kitaru._engine.zenml.setup import importing

ARGUMENT = "argument"


class TemporaryConfiguration(GlobalConfiguration):
    """ZenML's configuration, which for once is not written."""

    _target: Target = PrivateAttr(default=Target())
    _chosen_by: str = PrivateAttr(default=ARGUMENT)

    def _write_config(self) -> None:
        pass


class TokenStore(RestZenStore):
    """A server's store that keeps its credentials to itself."""

    _target: Target = PrivateAttr(default=Target())

    def get_or_generate_api_token(self) -> str:
        """Return the token, a new one if it has expired."""
        if self._api_token is None or self._api_token.expired:
            return self.use(server_check.Server.of(self._target).token(self._target))
        return self._api_token.access_token

    def use(self, given: OAuthTokenResponse) -> str:
        """Work with a token that the server gave; else ZenML first tries without."""
        left = given.expires_in
        ends = datetime.now(UTC) + timedelta(seconds=left) if left else None
        self._api_token = APIToken(
            access_token=given.access_token, expires_at=ends, leeway=30
        )
        self.session.headers["Authorization"] = f"Bearer {given.access_token}"
        return given.access_token

    def _request(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super()._request(*args, **kwargs)
        except CredentialsNotValid:
            if not self._api_token:
                raise
            # It has expired, or the server has a new key of its own: ask once more.
            if self._target.token is not None:
                refused = self._api_token.access_token
                kept_tokens.drop(self.url, self._target.token, refused)
            self._api_token = None
            return super()._request(*args, **kwargs)


class ScopedClient(Client):
    """A client for whose project and stack the variables of the process do not count."""

    @property
    def active_project(self) -> ProjectResponse:
        """The project of its own configuration."""
        return GlobalConfiguration().get_active_project()

    @property
    def active_stack_model(self) -> StackResponse:
        """The stack of the context, else that of its own configuration."""
        configuration = GlobalConfiguration()
        chosen = _scope.get().stack or configuration._active_stack
        return chosen or self.get_stack(configuration.get_active_stack_id())


@dataclass(frozen=True, slots=True)
class Scope:
    """What holds in a context; `None` where that of the process does."""

    configuration: TemporaryConfiguration | None = None
    client: Client | None = None
    stack: StackResponse | None = None


@dataclass(slots=True)
class _Process:
    """What holds in this process, beside what ZenML knows itself."""

    project: ProjectResponse | None = None


_scope: ContextVar[Scope] = ContextVar("kitaru_zenml_scope", default=Scope())  # noqa: B039  frozen
_process = _Process()


def server(
    target: Target, admission: server_check.Admission, *, chosen_by: str
) -> TemporaryConfiguration:
    """Return a configuration for a server that has admitted the target."""
    verify = True if target.verify is None else target.verify
    config = RestZenStoreConfiguration(
        url=target.url or "", verify_ssl=verify, connection_pool_size=10
    )
    if target.has_credentials:
        keeping = TokenStore(config=config)
        keeping._target = target
        if admission.token is not None:
            keeping.use(admission.token)
        store: RestZenStore = keeping
    else:
        store = RestZenStore(config=config)
    base = GlobalConfiguration().get_store_configuration()
    stack_id = base.url == store.url and GlobalConfiguration().active_stack_id
    return _configured(store, target, admission.project, stack_id or None, chosen_by)


def same_store(project: str, project_id: str) -> TemporaryConfiguration:
    """Return a configuration for the store in use, in another project."""
    before = GlobalConfiguration()
    target = Target(project=project)
    if isinstance(before, TemporaryConfiguration):
        earlier = before._target
        target = Target(
            earlier.url, earlier.token, project=project, verify=earlier.verify
        )
    return _configured(
        before.zen_store,
        target,
        project_id,
        Client().active_stack_model.id,
        ARGUMENT,
    )


def put_in_place(configuration: TemporaryConfiguration) -> None:
    """Let the whole process work with it."""
    GlobalConfiguration._reset_instance(configuration)
    # With a root that is no ZenML repository it takes no stack and project from one:
    # those are of another server.
    Client._reset_instance(Client(root=folders.own_folder()))


def remove() -> None:
    """Let the process work with the stored login again."""
    GlobalConfiguration._reset_instance()
    Client._reset_instance()


def enter(configuration: TemporaryConfiguration) -> None:
    """Let this context, and the threads that copy it, work with it."""
    _let_contexts_choose()
    _scope.set(Scope(configuration, ScopedClient(root=folders.own_folder())))


def is_scoped() -> bool:
    """Whether this context has a connection of its own."""
    return _scope.get().configuration is not None


@contextmanager
def on_stack(stack: StackResponse) -> Iterator[None]:
    """Let this context work with a stack while the `with` body runs."""
    _let_contexts_choose()
    token = _scope.set(replace(_scope.get(), stack=stack))
    try:
        yield
    finally:
        _scope.reset(token)


def stack() -> StackResponse | None:
    """Return the stack that this context was told to work with."""
    return _scope.get().stack


def use_project(project: ProjectResponse | None) -> None:
    """Let this process work in a project; `None`: in the one that ZenML knows."""
    _let_contexts_choose()
    _process.project = project


def in_use() -> TemporaryConfiguration | None:
    """Return the temporary configuration of this context or process, if there is one."""
    found = GlobalConfiguration()
    return found if isinstance(found, TemporaryConfiguration) else None


def _configured(
    store: BaseZenStore,
    target: Target,
    project_id: str | None,
    stack_id: UUID | None,
    chosen_by: str,
) -> TemporaryConfiguration:
    # The class is a singleton of its own; each connection needs another.
    TemporaryConfiguration._reset_instance()
    configuration = TemporaryConfiguration()
    TemporaryConfiguration._reset_instance()
    configuration._target = target
    configuration._chosen_by = chosen_by
    config: StoreConfiguration = store.config
    configuration.store = config
    configuration._zen_store = store
    with importing.quiet():
        project, stack = store.validate_active_config(
            UUID(project_id) if project_id else None, stack_id, config_name="temporary"
        )
    configuration.active_project_id = project.id if project else None
    configuration._active_project = project
    configuration.set_active_stack(stack)
    return configuration


@cache
def _let_contexts_choose() -> None:
    _depend_on_context(GlobalConfiguration, "_global_config", lambda s: s.configuration)
    _depend_on_context(Client, "_global_client", lambda s: s.client)
    _prefer(Client, "active_stack_model", lambda: _scope.get().stack)
    _prefer(Client, "active_project", lambda: _process.project)


def _prefer(cls: type, name: str, choose: Callable[[], object]) -> None:
    """Let a property be what was chosen, and what it was where nothing is."""
    own: Callable[[Any], object] = getattr(cls, name).fget

    def read(this: Any) -> object:
        chosen = choose()
        return own(this) if chosen is None else chosen

    setattr(cls, name, property(read, doc=own.__doc__))


def _depend_on_context(cls: type, name: str, choose: Callable[[Scope], object]) -> None:
    """Let an attribute of a class be what the scope of the context says."""
    metaclass, hidden = type(cls), f"_kitaru{name}"

    def read(which: type) -> object:
        chosen = choose(_scope.get()) if which is cls else None
        return which.__dict__.get(hidden) if chosen is None else chosen

    def write(which: type, value: object) -> None:
        type.__setattr__(which, hidden, value)

    for known in (cls, *cls.__subclasses__()):
        write(known, known.__dict__.get(name))
    setattr(metaclass, name, property(read, write))
