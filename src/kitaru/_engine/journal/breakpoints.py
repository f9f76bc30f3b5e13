"""Breakpoints in the journal: of executions, and of the next start of a flow."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kitaru._engine.journal import sealing
from kitaru._engine.journal.journal import Journal

_NEXT = "next:"


class JournalBreakpoints:
    """Where executions of this machine are to stop.

    A target is the id of an execution, or what `next_of` says of a flow.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    @staticmethod
    def next_of(flow: str) -> str:
        """Return the target that stands for the next start of a flow."""
        return f"{_NEXT}{flow}"

    def of(self, target: str) -> dict[str, bool]:
        """Return the selectors that are set, and whether each has matched a call."""
        rows = self._journal.read(
            "SELECT selector, matched FROM breakpoints WHERE execution_id = ? "
            f"AND {sealing.intact('breakpoints')} ORDER BY selector",
            (target,),
        )
        return {selector: bool(matched) for selector, matched in rows}

    def change(
        self, target: str, *, add: Collection[str] = (), remove: Collection[str] = ()
    ) -> None:
        """Set and remove breakpoints in one commit."""
        with self._journal.transaction() as db:
            db.executemany(
                "DELETE FROM breakpoints WHERE execution_id = ? AND selector = ?",
                _rows(target, remove),
            )
            db.executemany(
                "INSERT INTO breakpoints (execution_id, selector) VALUES (?,?) "
                "ON CONFLICT (execution_id, selector) DO NOTHING",
                _rows(target, add),
            )

    def matched(self, target: str, selectors: Iterable[str]) -> None:
        """Note that calls came which they mean."""
        with self._journal.transaction() as db:
            db.executemany(
                "UPDATE breakpoints SET matched = 1 "
                "WHERE execution_id = ? AND selector = ?",
                _rows(target, selectors),
            )

    def take_next(self, flow: str, execution_id: str) -> None:
        """Give an execution what was set for the next start of its flow."""
        target = self.next_of(flow)
        if not self.of(target):
            # No commit where there is nothing to take.
            return
        with self._journal.transaction() as db:
            db.execute(
                "INSERT INTO breakpoints (execution_id, selector) "
                "SELECT ?, selector FROM breakpoints WHERE execution_id = ? "
                "ON CONFLICT (execution_id, selector) DO NOTHING",
                (execution_id, target),
            )
            db.execute("DELETE FROM breakpoints WHERE execution_id = ?", (target,))


def _rows(target: str, selectors: Iterable[str]) -> list[tuple[str, str]]:
    return [(target, selector) for selector in selectors]
