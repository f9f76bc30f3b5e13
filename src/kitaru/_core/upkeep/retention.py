"""Which executions that have ended may go: old ones, but not the newest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from kitaru._core.words.similar import shorten
from kitaru.errors import KitaruUsageError
from kitaru.models import Retention


def checked(older_than: timedelta | None, keep: object) -> Retention | None:
    """Return what is kept, `None` if nobody asked for that.

    Raises:
        KitaruUsageError: If `keep` is no whole number, 0 or more.
    """
    if keep is not None and (
        not isinstance(keep, int) or isinstance(keep, bool) or keep < 0
    ):
        raise KitaruUsageError(
            f"keep must be a whole number, 0 or more, got {shorten(keep)}"
        )
    if older_than is None and keep is None:
        return None
    return Retention(older_than=older_than, keep=keep)


def spared(
    ended: Mapping[str, datetime | None], rule: Retention, now: datetime
) -> dict[str, str]:
    """Return the executions that stay by a rule, and why, for people.

    Args:
        ended: When each began that has ended, in UTC; `None` if nobody knows.
        rule: What is kept.
        now: The time, in UTC.
    """
    newest = sorted(
        (id_ for id_, at in ended.items() if at is not None),
        key=lambda id_: (ended[id_], id_),
        reverse=True,
    )
    stays = dict.fromkeys(newest[: rule.keep or 0], f"among the newest {rule.keep}")
    if rule.older_than is not None:
        for execution_id in newest:
            at = ended[execution_id]
            assert at is not None  # those without a moment are left out
            if now - at <= rule.older_than:
                stays.setdefault(execution_id, "not old enough")
    return stays
