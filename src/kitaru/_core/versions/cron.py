"""When a schedule is due: expressions of cron, on the wall clock of a time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from kitaru._core.words.similar import did_you_mean, shorten
from kitaru.errors import KitaruUsageError

_FIELDS = 5
# Longer ones are no expressions; a list of all minutes has 169.
_LONGEST = 500
_UTC = "UTC"
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_EXAMPLE = "'0 7 * * 1-5', which is at 7:00 from Monday to Friday"


def checked(every: object) -> str:
    """Return an expression of cron in its usual form.

    Raises:
        KitaruUsageError: If it is none, or never comes.
    """
    words = every.split() if isinstance(every, str) else []
    if len(words) != _FIELDS or len(str(every)) > _LONGEST:
        raise KitaruUsageError(
            "a schedule is five fields as cron has them (minute, hour, day of the month, "
            f"month, day of the week), such as {_EXAMPLE}; got {shorten(every)}"
        )
    expression = " ".join(words)
    after(expression, _UTC, _SOME_DAY)
    return expression


def zone(name: object) -> tzinfo:
    """Return a time zone by its name.

    Raises:
        KitaruUsageError: If there is none; suggests one.
    """
    from zoneinfo import ZoneInfo, available_timezones

    try:
        if isinstance(name, str) and name:
            return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        # No zone, or no name that could be one: an absolute path, a folder.
        pass
    hint = did_you_mean(str(name), available_timezones())
    raise KitaruUsageError(
        f"there is no time zone {shorten(name)}{hint} (zones are called Europe/Berlin, "
        "America/New_York or UTC)"
    )


def after(every: str, timezone: str, moment: datetime) -> datetime:
    """Return the first time after a moment, in UTC.

    Times are those of a wall clock. One that is left out when clocks go forward comes
    at the first moment after the gap; of one that comes twice when they go back, the first
    counts. What has `*` as hour or minute follows the real time.

    Raises:
        KitaruUsageError: If the expression is none, or never comes again.
    """
    from cronsim import CronSim, CronSimError

    local = moment.astimezone(zone(timezone))
    try:
        return next(CronSim(every, local)).astimezone(UTC)
    except CronSimError as error:
        raise KitaruUsageError(
            f"{shorten(every)} is no schedule: {str(error).lower()}; one is {_EXAMPLE}"
        ) from None
    except StopIteration:
        raise KitaruUsageError(f"the schedule {every!r} never comes") from None


def latest(every: str, timezone: str, now: datetime) -> datetime:
    """Return the last time that is not after now, in UTC."""
    from cronsim import CronSim

    # It looks back from where it begins, and leaves that out.
    end = now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    found: datetime = next(CronSim(every, end.astimezone(zone(timezone)), reverse=True))
    return found.astimezone(UTC)
