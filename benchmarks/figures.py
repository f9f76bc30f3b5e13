"""What was measured, and how it compares: medians, spread, ratios."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

# How a measurement is held against its reference.
Rule = Literal["times", "plus", "at most"]


@dataclass(frozen=True)
class Sample:
    """Some measurements of one thing; seconds unless the row says otherwise."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Sample:
        return cls(tuple(values))

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """First and third quartile; smallest and largest of fewer than four."""
        if self.n < 4:
            return min(self.values), max(self.values)
        first, _, third = statistics.quantiles(self.values, n=4, method="inclusive")
        return first, third

    def to_dict(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "median": self.median,
            "spread": list(self.spread),
            "values": list(self.values),
        }


@dataclass(frozen=True)
class Row:
    """One line of the table: a measurement, its reference, and the target."""

    key: str
    what: str
    sample: Sample
    reference_name: str = ""
    reference: Sample | None = None
    # `times` 2.0: at most twice the reference. `plus` 1.0: at most the reference and
    # one more. `at most` 0.05: whatever the reference. `None`: for information.
    rule: Rule = "times"
    limit: float | None = None
    unit: str = "s"
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        if self.reference is None or not self.reference.median:
            return None
        return self.sample.median / self.reference.median

    @property
    def allowed(self) -> float | None:
        """The largest median that meets the target."""
        if self.limit is None:
            return None
        if self.rule == "at most":
            return self.limit
        assert self.reference is not None
        if self.rule == "plus":
            return self.reference.median + self.limit
        return self.reference.median * self.limit

    @property
    def met(self) -> bool | None:
        return None if self.allowed is None else self.sample.median <= self.allowed

    def to_dict(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "what": self.what,
            "unit": self.unit,
            "measured": self.sample.to_dict(),
            "reference_name": self.reference_name,
            "reference": self.reference and self.reference.to_dict(),
            "ratio": self.ratio,
            "rule": self.rule,
            "limit": self.limit,
            "allowed": self.allowed,
            "met": self.met,
            "notes": self.notes,
        }
