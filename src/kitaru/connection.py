"""`connect()`: join a server from Python."""

from __future__ import annotations

from kitaru._ops import connection as connection_ops
from kitaru._ops.capabilities import SDK, Op, exposes
from kitaru.models import Connection


@exposes(Op.CONNECT, on=SDK)
def connect(
    server_url: str,
    *,
    api_key: str | None = None,
    refresh: bool = False,
    project: str | None = None,
    no_verify_ssl: bool = False,
    ssl_ca_cert: str | None = None,
    timeout: float | None = None,
) -> Connection:
    """Log in to a server, as `kitaru login URL` does, and work with it from now on.

    The login is stored for later processes; to work with a server in one place only, see
    `KitaruClient(server_url=...)`. Nothing is stored if anything is wrong.

    Args:
        server_url: URL of the server, or name or id of a managed workspace.
        api_key: An API key or a token; by default KITARU_AUTH_TOKEN, then what is stored
            for that server.
        refresh: Do not use what is stored for that server.
        project: The project to work in.
        no_verify_ssl: Do not check the server's certificate.
        ssl_ca_cert: File with the authority that signed it.
        timeout: Seconds to wait for each answer of the server; 10 by default.

    Raises:
        KitaruUsageError: If an argument cannot be right.
        KitaruBackendError: If the server is not there, refuses, or lacks the project.
        KitaruStateError: If an execution runs in this process.

    Example:
        >>> import kitaru
        >>> kitaru.connect("https://zenml.example.com", api_key=key)  # doctest: +SKIP
    """
    return connection_ops.login(
        server_url,
        api_key=api_key,
        refresh=refresh,
        project=project,
        no_verify_ssl=no_verify_ssl,
        ssl_ca_cert=ssl_ca_cert,
        timeout=timeout,
    )
