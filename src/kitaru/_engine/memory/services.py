"""Secrets in a dict, for tests; and what has no meaning without a disk."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime

from kitaru._core.words.paging import cut
from kitaru.errors import KitaruUsageError
from kitaru.models import Page, Reconciled, Secret, SecretInfo


class MemorySecrets:
    """Secrets of one memory engine."""

    def __init__(self) -> None:
        self._secrets: dict[str, Secret] = {}

    def create(
        self, name: str, values: Mapping[str, str], *, private: bool
    ) -> SecretInfo:
        if name in self._secrets:
            raise KitaruUsageError(f"there is a secret {name!r} already")
        now = datetime.now(UTC)
        info = SecretInfo(
            secret_id=str(uuid.uuid4()),
            name=name,
            private=private,
            keys=tuple(sorted(values)),
            created_at=now,
            updated_at=now,
        )
        self._secrets[name] = Secret.of(info, values)
        return info

    def update(self, name: str, values: Mapping[str, str]) -> SecretInfo:
        old = self._existing(name)
        merged = {**old.values, **values}
        info = SecretInfo(
            **old.model_dump(exclude={"keys", "updated_at"}),
            keys=tuple(sorted(merged)),
            updated_at=datetime.now(UTC),
        )
        self._secrets[name] = Secret.of(info, merged)
        return info

    def exists(self, name: str) -> bool:
        return name in self._secrets

    def get(self, name: str) -> Secret:
        return self._existing(name)

    def find(self, *, page: int, size: int) -> Page[SecretInfo]:
        infos = [
            SecretInfo(**self._secrets[name].model_dump(exclude={"keys"}))
            for name in sorted(self._secrets)
        ]
        return cut(infos, page=page, size=size, limit=None)

    def delete(self, name: str) -> None:
        self._existing(name)
        del self._secrets[name]

    def _existing(self, name: str) -> Secret:
        if name not in self._secrets:
            raise KitaruUsageError(f"there is no secret {name!r}")
        return self._secrets[name]


class MemoryBreakpoints:
    """Where executions of one memory engine are to stop."""

    def __init__(self) -> None:
        self._set: dict[str, dict[str, bool]] = {}

    def next_of(self, flow: str) -> str:
        """Return the target that stands for the next start of a flow."""
        return f"next:{flow}"

    def of(self, target: str) -> dict[str, bool]:
        return dict(self._set.get(target, {}))

    def change(
        self, target: str, *, add: Collection[str] = (), remove: Collection[str] = ()
    ) -> None:
        known = self._set.setdefault(target, {})
        for selector in remove:
            known.pop(selector, None)
        for selector in add:
            known.setdefault(selector, False)

    def matched(self, target: str, selectors: Iterable[str]) -> None:
        self._set[target].update(dict.fromkeys(selectors, True))

    def take_next(self, flow: str, execution_id: str) -> None:
        """Give an execution what was set for the next start of its flow."""
        taken = self._set.pop(self.next_of(flow), {})
        self.change(execution_id, add=list(taken))


class MemoryReconciling:
    """There is never anything to put right."""

    def reconcile(
        self, *, dry_run: bool, progress: Callable[[int, int], None] | None
    ) -> Iterator[Reconciled]:
        """Find nothing."""
        return iter(())
