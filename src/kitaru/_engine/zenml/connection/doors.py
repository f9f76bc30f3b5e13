"""Where requests over HTTP start executions of deployed versions: here, or on a server."""

from __future__ import annotations

from uuid import UUID

import requests
from zenml.client import Client
from zenml.enums import AuthScheme
from zenml.zen_stores.rest_zen_store import RestZenStore

from kitaru._engine.port.connections import TIMEOUT, Door
from kitaru._engine.zenml.connection import local_server
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import KitaruStateError

# Of the local server, whose routes are `programs/own_routes`.
PREFIX = "/kitaru/v1"
_NOBODY = UUID(int=0)
_NO_ROUTE = 405


def find(deployment_id: str, *, what: str) -> Door:
    """Return the door for a version; see the port for arguments and errors."""
    store = Client().zen_store
    if isinstance(store, RestZenStore):
        with translated(f"asking the server about {what}"):
            return _of_server(store, deployment_id, what)
    found = local_server.find()
    if found is None:
        raise KitaruStateError(
            "no server takes requests for the store of this machine; start one with: "
            "kitaru login"
        )
    if found.pid is None:
        raise KitaruStateError(
            f"the server at {found.url} was started by zenml login and takes no such "
            "requests; start another with: zenml logout --local && kitaru login"
        )
    return Door(found.url + PREFIX, is_ours=True)


def _of_server(store: RestZenStore, deployment_id: str, what: str) -> Door:
    snapshot = Client().get_snapshot(deployment_id)
    if not snapshot.runnable:
        raise KitaruStateError(
            f"the server cannot start {what}: its stack runs flows on the machine of "
            "whoever invokes it; start it with: kitaru invoke"
        )
    if not _has_route(store):
        raise KitaruStateError(
            f"the server at {store.url} has no workload manager, so it starts nothing by "
            "itself; start it with: kitaru invoke"
        )
    scheme = store.get_store_info().auth_scheme
    return Door(
        _route(store, UUID(deployment_id)),
        is_ours=False,
        needs_token=scheme != AuthScheme.NO_AUTH,
    )


def _has_route(store: RestZenStore) -> bool:
    """Whether the server has the route: of nobody's version it then says 404."""
    answer = requests.post(
        _route(store, _NOBODY),
        json={},
        headers={"Authorization": f"Bearer {store.get_or_generate_api_token()}"},
        verify=store.config.verify_ssl,
        timeout=TIMEOUT,
    )
    return answer.status_code != _NO_ROUTE


def _route(store: RestZenStore, snapshot: UUID) -> str:
    return f"{store.url}/api/v1/pipeline_snapshots/{snapshot}/runs"
