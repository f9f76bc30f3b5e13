"""Secrets in a dict, for tests; and what has no meaning without a disk."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from kitaru._core.versions.schedules import Planned, ScheduleFacts
from kitaru._core.waits import notices
from kitaru._core.waits.notices import Notice
from kitaru._core.words.paging import cut
from kitaru._engine.journal.notices import is_new
from kitaru.errors import KitaruFeatureNotAvailableError, KitaruUsageError
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


class MemoryNotices:
    """What webhooks are to be told, of one memory engine.

    Args:
        are_sent: Whether they are; else they are kept, for tests to look at.
    """

    def __init__(self, *, are_sent: bool) -> None:
        self._are_sent = are_sent
        self.kept: list[Notice] = []
        self._open: dict[str, Notice] = {}
        self._tried: dict[str, Notice] = {}
        # When those are tried again that nobody took.
        self.not_before: dict[str, datetime] = {}

    def add(self, notice: Notice) -> None:
        """Let a webhook be told something."""
        self.kept.append(notice)
        if self._are_sent:
            self._open[notice.notice_id] = notice
            is_new()

    def take(self, *, alerts: bool = False) -> list[Notice]:
        now = datetime.now(UTC)
        return [
            self._open.pop(notice_id)
            for notice_id, notice in list(self._open.items())
            if self.not_before.get(notice_id, now) <= now
            and (notice.channel.url is None) is alerts
        ]

    def has_alerts(self) -> bool:
        return any(notice.channel.url is None for notice in self._open.values())

    def told(self, notice: Notice) -> None:
        self._tried.pop(notice.notice_id, None)
        self.not_before.pop(notice.notice_id, None)

    def failed(self, notice: Notice, problem: str) -> None:
        self._tried[notice.notice_id] = self._open[notice.notice_id] = replace(
            notice, attempts=notice.attempts + 1, problem=problem
        )
        pause = notices.pause_after(notice.attempts + 1)
        self.not_before[notice.notice_id] = datetime.now(UTC) + pause

    def open(self) -> list[Notice]:
        return list(self._tried.values())


class MemorySchedules:
    """The schedules of one memory engine.

    Args:
        clock: The time they go by.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.now = clock
        self._planned: dict[str, Planned] = {}

    def find(self) -> list[Planned]:
        return [self._planned[name] for name in sorted(self._planned)]

    def due(self) -> list[Planned]:
        now = self.now()
        return [one for one in self.find() if one.at is not None and one.at <= now]

    def put(self, facts: ScheduleFacts, at: datetime | None) -> None:
        self._planned[facts.name] = Planned(facts, at)

    def move(self, seen: Planned, facts: ScheduleFacts, at: datetime | None) -> bool:
        if self._planned.get(facts.name) != seen:
            return False
        self.put(facts, at)
        return True

    def delete(self, name: str) -> bool:
        return self._planned.pop(name, None) is not None


class MemoryReconciling:
    """There is never anything to put right."""

    def reconcile(
        self, *, dry_run: bool, progress: Callable[[int, int], None] | None
    ) -> Iterator[Reconciled]:
        """Find nothing."""
        return iter(())


class MemoryRecoveries:
    """No process dies without its memory."""

    def of(self, execution_id: str) -> None:
        """Return nothing."""


class Unattended:
    """What needs nobody who looks: whoever asks for an execution lets it go on."""

    recoveries = MemoryRecoveries()
    wakes_others = False
    alerts_here = True

    def alert(self, text: str) -> None:
        """Refuse: a stack in memory has no alerter."""
        raise KitaruFeatureNotAvailableError("an engine in memory has no alerter")

    def wake_others(self) -> None:
        """Do nothing."""
