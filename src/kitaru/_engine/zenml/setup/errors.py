"""Turn errors of ZenML, SQLAlchemy and HTTP into ours, once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from kitaru._core.stack_recipes import EXTRAS
from kitaru.errors import (
    KitaruBackendError,
    KitaruError,
    KitaruStackIntegrationDependencyError,
)

# How ZenML names what is not installed.
_INTEGRATION = re.compile(r"[Tt]he `(\w+)` integration")

_NOT_WRITABLE = ("readonly", "read-only", "permission denied", "unable to open")


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Translate what the `with` body raises.

    Args:
        doing: What was being done, such as `"reading execution 1b2c"`.
    """
    try:
        yield
    except KitaruError:
        raise
    except ImportError as error:
        named = _INTEGRATION.search(str(error))
        if named is None:
            raise backend_error(doing, error) from error
        raise missing_packages(doing, named[1]) from error
    # ZenML has no common base class: KeyError, RuntimeError, SQLAlchemy and requests
    # errors all come out of its store.
    except Exception as error:
        raise backend_error(doing, error) from error


def missing_packages(
    what: str, integration: str
) -> KitaruStackIntegrationDependencyError:
    """Return the error that says what to install for a platform."""
    extra = EXTRAS.get(integration)
    command = (
        f"pip install 'kitaru[{extra}]'"
        if extra
        else f"zenml integration install {integration}"
    )
    return KitaruStackIntegrationDependencyError(
        f"{what}: packages for {integration} are missing here; install them with: "
        f"{command}"
    )


def backend_error(doing: str, error: Exception) -> KitaruBackendError:
    """Return our error for a foreign one, with what to do next."""
    if type(error).__name__ in ("CredentialsNotValid", "AuthorizationException"):
        return KitaruBackendError(
            f"{doing} failed: the server refused your credentials (log in again with: "
            "kitaru login URL)"
        )
    text = str(error).strip().splitlines()
    first = text[0] if text else type(error).__name__
    if "Max retries exceeded" in first:
        first = "the server does not answer"
    lowered = str(error).lower()
    if "locked" in lowered:
        advice = "another process holds the store; try again"
    elif "full" in lowered and "disk" in lowered:
        advice = "the disk is full; make room and try again"
    elif "disk i/o error" in lowered:
        advice = "the disk is full or failing; make room and try again"
    elif any(sign in lowered for sign in _NOT_WRITABLE):
        advice = "make it writable, or set KITARU_CONFIG_PATH to a folder that is"
    elif "connection" in lowered or "401" in lowered:
        advice = "check the server and your login with: kitaru status"
    else:
        advice = (
            "see what is broken with: kitaru info; KITARU_DEBUG=1 shows ZenML's own log"
        )
    return KitaruBackendError(f"{doing} failed: {first} ({advice})")
