"""Secrets as users see them: what is known of them, and values that stay hidden."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NoReturn

from pydantic import PrivateAttr

from kitaru.errors import KitaruUsageError
from kitaru.models.base import Record


class _Hidden:
    """Values that no repr shows and nothing stores: it cannot be pickled."""

    __slots__ = ("_name", "_values")

    def __init__(self, name: str, values: Mapping[str, str]) -> None:
        self._name = name
        self._values = dict(values)

    def reveal(self) -> dict[str, str]:
        return dict(self._values)

    def __repr__(self) -> str:
        return "<hidden>"

    def __reduce__(self) -> NoReturn:
        raise KitaruUsageError(
            f"the values of secret {self._name!r} are not stored anywhere else; pass "
            f"its name and call get_secret({self._name!r}) where the value is needed"
        )

    def __deepcopy__(self, memo: object) -> _Hidden:
        return self


class SecretInfo(Record):
    """What is known of a secret without its values.

    Attributes:
        secret_id: Its id.
        name: Its name.
        private: Whether only its owner sees it.
        keys: The keys of its values, sorted; `None` in listings: the platform keeps
            keys and values together.
        created_at: When it was made, in UTC; `None` if the server does not say.
        updated_at: When it was changed last, in UTC; `None` if the server does not say.
    """

    secret_id: str
    name: str
    private: bool = False
    keys: tuple[str, ...] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Secret(SecretInfo):
    """A secret; its values are read on purpose only: `secret["key"]` or `.values`.

    They are in no repr, in no dump, and cannot be stored: a checkpoint that returns a
    secret, or an execution that gets one as input, is refused. `SecretInfo` has the
    fields.
    """

    _hidden: _Hidden = PrivateAttr()

    @classmethod
    def of(cls, info: SecretInfo, values: Mapping[str, str]) -> Secret:
        """Return the secret with its values."""
        secret = cls(**{**info.model_dump(), "keys": tuple(sorted(values))})
        secret._hidden = _Hidden(info.name, values)
        return secret

    @property
    def values(self) -> dict[str, str]:
        """The values by key, in the clear."""
        return self._hidden.reveal()

    def __getitem__(self, key: str) -> str:
        values = self.values
        if key not in values:
            raise KitaruUsageError(
                f"secret {self.name!r} has no key {key!r}; it has: "
                f"{', '.join(sorted(values))}"
            )
        return values[key]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (
            self.__dict__ == other.__dict__ and self.values == other.values
        )

    def __hash__(self) -> int:
        return hash(self.secret_id)
