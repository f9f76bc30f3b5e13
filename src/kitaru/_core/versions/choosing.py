"""Which version a number or a tag means, and the number of the next one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kitaru._core.versions.names import DEFAULT
from kitaru._core.versions.records import Version
from kitaru._core.words.similar import did_you_mean
from kitaru.errors import KitaruUsageError


class SeveralHoldersError(KitaruUsageError):
    """A tag that several versions have, so that nobody knows which one is meant."""


def next_number(known: Iterable[Version]) -> int:
    """Return the number of the next version; one that was used is never used again."""
    return max((version.number for version in known), default=0) + 1


def living(known: Iterable[Version]) -> list[Version]:
    """Return the versions that were not deleted, the newest first."""
    found = [version for version in known if not version.is_deleted]
    return sorted(found, key=lambda version: version.number, reverse=True)


def same_code(version: Version, known: Iterable[Version]) -> int | None:
    """Return the newest earlier version with the same code."""
    code = version.facts.deployed.code
    earlier = [v.number for v in living(known) if v.facts.deployed.code == code]
    return max((n for n in earlier if n < version.number), default=None)


def by_number(flow: str, known: Sequence[Version], number: int) -> Version:
    """Return the version with a number.

    Raises:
        KitaruUsageError: If there is none; says which there are.
    """
    for version in living(known):
        if version.number == number:
            return version
    highest = max((version.number for version in known), default=0)
    why = "was deleted" if number <= highest else "is not there"
    raise KitaruUsageError(
        f"version {number} of flow {flow!r} {why}; known: {_numbers(known)}"
    )


def by_tag(
    flow: str, known: Sequence[Version], tag: str, *, looked_again: bool
) -> Version:
    """Return the version with a tag.

    Two have it for a moment while it moves from one to the other. Of `default` the one
    that was tagged last stands; of any other nobody guesses which code is to run.

    Args:
        flow: The flow.
        known: Its versions.
        tag: The tag.
        looked_again: Whether the same was seen a moment ago.

    Raises:
        SeveralHoldersError: If several versions have it.
        KitaruUsageError: If none has it.
    """
    holders = [version for version in living(known) if tag in version.tags]
    if len(holders) == 1:
        return holders[0]
    if not holders:
        raise KitaruUsageError(_no_holder(flow, known, tag))
    if tag == DEFAULT and looked_again:
        return max(holders, key=lambda version: (version.updated_at, version.number))
    numbers = " and ".join(str(v.number) for v in reversed(holders))
    raise SeveralHoldersError(
        f"tag {tag!r} is on versions {numbers} of flow {flow!r}; say which: "
        f"--version {holders[0].number}"
    )


def no_flow(flow: str, known: Iterable[str]) -> KitaruUsageError:
    """Return the error for a flow that has no version."""
    names = sorted(set(known))
    hint = did_you_mean(flow, names)
    listed = f" (deployed: {', '.join(names)})" if names else ""
    return KitaruUsageError(
        f"flow {flow!r} has no deployed version{hint}{listed}; deploy one with: kitaru "
        "deploy FILE:FLOW"
    )


def _no_holder(flow: str, known: Sequence[Version], tag: str) -> str:
    tags = sorted({name for version in living(known) for name in version.tags})
    if tag == DEFAULT:
        newest = living(known)[0].number
        return (
            f"no version of flow {flow!r} is the default one (known: {_numbers(known)}); "
            f"make one it: kitaru flow tag {flow} {newest} default"
        )
    return (
        f"no version of flow {flow!r} has the tag {tag!r}{did_you_mean(tag, tags)}; "
        f"known tags: {', '.join(tags) or 'none'}; known versions: {_numbers(known)}"
    )


def _numbers(known: Sequence[Version]) -> str:
    return ", ".join(str(v.number) for v in reversed(living(known))) or "none"
