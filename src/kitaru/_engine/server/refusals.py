"""What people are told of a server that is not there, refuses, or fails."""

from __future__ import annotations

from kitaru.errors import KitaruBackendError


def not_there(url: str) -> KitaruBackendError:
    """Return the error for a server that nobody answers at."""
    return KitaruBackendError(
        f"there is no server at {url}; check the URL and whether it runs"
    )


def silent(url: str, seconds: float) -> KitaruBackendError:
    """Return the error for a server that did not answer in time."""
    return KitaruBackendError(
        f"the server at {url} did not answer within {seconds:g} s; check the URL and the "
        "network"
    )


def refused(url: str, what: str) -> KitaruBackendError:
    """Return the error for credentials that the server does not take."""
    return KitaruBackendError(
        f"the server at {url} refused {what}; log in again with: kitaru login {url}"
    )


def failed(url: str, status: int) -> KitaruBackendError:
    """Return the error for a server that could not answer."""
    return KitaruBackendError(
        f"the server at {url} failed (HTTP {status}); try again, or look into its log"
    )


def lost(url: str, doing: str) -> KitaruBackendError:
    """Return the error for a change that the server may or may not have made."""
    return KitaruBackendError(
        f"{doing}: the connection to {url} broke before its answer, so that may have "
        "happened or not; look at the execution before you try again"
    )


def not_allowed(url: str, user: str, why: str) -> KitaruBackendError:
    """Return the error for something that a role does not let its user do."""
    said = f": {why}" if why else ""
    return KitaruBackendError(
        f"the server at {url} does not let {user} do that{said}; who administers it can "
        "give you a role"
    )
