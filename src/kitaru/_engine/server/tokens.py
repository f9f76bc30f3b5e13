"""Tokens to ask a server with: given ones, and those that it gives for an API key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kitaru._engine.local.store.ground import OnlyZenMLKnows
from kitaru._engine.server import refusals
from kitaru._engine.server.rest import RefusedError
from kitaru._engine.settings import kept_tokens

if TYPE_CHECKING:
    from kitaru._engine.server.rest import Rest

# A key of ZenML's managed servers is exchanged elsewhere.
_KEY = "ZENKEY_"
_OTHER_KEYS = ("ZENPROKEY_",)


def is_key(text: str) -> bool:
    """Whether a text is an API key, to be exchanged for a token.

    Raises:
        OnlyZenMLKnows: If it is a key of another kind.
    """
    if text.startswith(_OTHER_KEYS):
        raise OnlyZenMLKnows("how a key of a managed server is exchanged")
    return text.startswith(_KEY)


class FixedToken:
    """A token that was given; nobody here can renew it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def token(self) -> str:
        """Return it."""
        return self._text

    def renewed(self, refused: str) -> str | None:
        """Return `None`."""
        return None


class ExchangedToken:
    """A token for an API key: one that is kept, else one that the server gives now.

    Args:
        rest: The server.
        key: The API key.
        known: A token that somebody else keeps for it.
    """

    def __init__(self, rest: Rest, key: str, *, known: str | None = None) -> None:
        self._rest = rest
        self._key = key
        self._known = known

    def token(self) -> str:
        """Return a token.

        Raises:
            KitaruBackendError: If the server refuses the key, or is not there.
            OnlyZenMLKnows: If it does not answer as expected.
        """
        if self._known is not None:
            return self._known
        kept = kept_tokens.find(self._rest.url, self._key)
        return kept.text if kept is not None else self._exchanged()

    def renewed(self, refused: str) -> str | None:
        """Return another token for a refused one; see `token`."""
        if refused != self._known:
            kept_tokens.drop(self._rest.url, self._key, refused)
        self._known = None
        return self.token()

    def _exchanged(self) -> str:
        form = {"grant_type": "zenml-api-key", "password": self._key}
        try:
            said = self._rest.log_in(form)
        except RefusedError:
            raise refusals.refused(self._rest.url, "the API key") from None
        match said:
            case {"access_token": str(text), "expires_in": None | int() as ends}:
                kept_tokens.keep(self._rest.url, self._key, text, expires_in=ends)
                return text
        raise OnlyZenMLKnows(f"{self._rest.url} gave no token for the API key")
