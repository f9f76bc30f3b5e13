"""`kitaru login` and `kitaru logout`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from kitaru._ops.capabilities import CLI, Op, exposes
from kitaru.cli import keyboard, screen
from kitaru.cli.options import Output
from kitaru.cli.output import Format, show_item
from kitaru.cli.screen import say, tell
from kitaru.errors import KitaruUsageError
from kitaru.models import Connection, LocalServer, LoggedOut

_OVERRIDING = ("KITARU_SERVER_URL", "ZENML_STORE_URL")


@exposes(Op.CONNECT, on=CLI)
@exposes(Op.SERVER_START, on=CLI)
def login(
    server: Annotated[
        str | None,
        typer.Argument(help="URL, or name or id of a managed workspace."),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key",
            help="API key or token; - reads it from stdin, which process lists do not "
            "show. KITARU_AUTH_TOKEN by default.",
        ),
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="User name; the password is asked.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", help="Project to work in.")
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Do not use stored credentials.")
    ] = False,
    no_verify_ssl: Annotated[
        bool, typer.Option("--no-verify-ssl", help="Do not check the certificate.")
    ] = False,
    ssl_ca_cert: Annotated[
        str | None,
        typer.Option("--ssl-ca-cert", help="File with the authority that signed it."),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", help="Seconds to wait for each answer; 10."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", help="Port of the local server; 8237 or a free one."),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open the dashboard.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Join a server; without SERVER start one with dashboard on this machine."""
    from kitaru._ops import connection

    if server is None:
        given = (api_key, user, project, ssl_ca_cert, timeout)
        if refresh or no_verify_ssl or any(value is not None for value in given):
            raise KitaruUsageError(
                "these options are for a server; name it: kitaru login URL"
            )
        running = connection.start_local_server(port=port, progress=_progress(output))
        show_item("login", running, output, lambda: _show_server(running))
        if output is Format.TEXT and not no_browser:
            _open_browser(running.dashboard_url)
        return
    if port is not None or no_browser:
        raise KitaruUsageError(
            "--port and --no-browser are for the local server, which takes no URL"
        )
    password = None
    if api_key == "-":
        api_key = sys.stdin.readline().strip()
    elif api_key is None and keyboard.is_present():
        asked = user is not None or connection.needs_credentials(
            server,
            refresh=refresh,
            no_verify_ssl=no_verify_ssl,
            ssl_ca_cert=ssl_ca_cert,
            timeout=timeout,
        )
        if asked:
            user = user or keyboard.ask("User")
            password = keyboard.hidden("Password")
    joined = connection.login(
        server,
        api_key=api_key,
        user=user,
        password=password,
        refresh=refresh,
        project=project,
        no_verify_ssl=no_verify_ssl,
        ssl_ca_cert=ssl_ca_cert,
        timeout=timeout,
    )
    show_item("login", joined, output, lambda: _show_connection(joined))
    _warn_of_variables(joined)


@exposes(Op.SERVER_STOP, on=CLI)
def logout(
    everywhere: Annotated[
        bool,
        typer.Option("--all", help="Forget the credentials for all servers."),
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Stop the local server, and forget the login and its credentials."""
    from kitaru._ops import connection

    done = connection.logout(everywhere=everywhere)
    show_item("logout", done, output, lambda: _show_logout(done))
    _warn_of_variables(None)


def _progress(output: Format) -> Callable[[str], None]:
    return tell if output is Format.TEXT else _silently


def _silently(_text: str) -> None:
    """Tell programs nothing in between: they read one answer."""


def _show_server(server: LocalServer) -> None:
    state = "runs" if server.started else "runs already"
    say(
        f"The local server {state}: {server.url}",
        f"Dashboard: {server.dashboard_url}",
        "Stop it with: kitaru logout",
    )


def _show_connection(joined: Connection) -> None:
    say(f"Logged in to {joined.url} as {joined.user}, project {joined.project}")


def _show_logout(done: LoggedOut) -> None:
    if done.stopped_server:
        say(f"Stopped the local server {done.stopped_server}")
    if done.left_server:
        say(f"Logged out of {done.left_server}; working with the local store now")
    if not done.stopped_server and not done.left_server:
        say("Nothing to do: no login, and no local server")


def _warn_of_variables(joined: Connection | None) -> None:
    """Say so if the environment counts more than what was just stored."""
    for name in _OVERRIDING:
        value = os.environ.get(name, "").rstrip("/")
        if value and (joined is None or value != joined.url):
            tell(f"Note: {name} is set, so commands go on working with {value}")


def _open_browser(url: str) -> None:
    """Open a page, where there is somebody to look at it."""
    if not (screen.is_terminal(sys.stdout) and screen.is_terminal(sys.stdin)):
        return
    # Without a display, Python would start a text browser in this terminal.
    has_display = sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    if not has_display:
        return
    import webbrowser

    webbrowser.open(url)
