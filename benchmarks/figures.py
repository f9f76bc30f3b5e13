"""What was measured, and how it compares: medians, spread, ratios, targets."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

# How a measurement is held against its reference.
Rule = Literal["times", "plus", "at most"]

DIGITS = 4


@dataclass(frozen=True)
class Sample:
    """Some measurements of one thing; seconds unless the row says otherwise."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Sample:
        """Return a sample; no value is an error."""
        if not values:
            raise ValueError("nothing was measured")
        return cls(tuple(float(f"{value:.{DIGITS}g}") for value in values))

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


@dataclass(frozen=True)
class Measured:
    """One side of a comparison: what it took, and what it cost the machine.

    `cpu_ms` is the CPU time of a whole process for one of its checkpoints, less that of
    a process without any.
    """

    name: str
    sample: Sample
    cpu_ms: float | None = None
    peak_mb: float | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Measured:
        return cls(**{**data, "sample": Sample.of(data["sample"]["values"])})


@dataclass(frozen=True)
class Row:
    """One line of the table: a measurement, its reference, and the target."""

    key: str
    what: str
    ours: Measured
    reference: Measured | None = None
    # `times` 2.0: at most twice the reference. `plus` 1.0: at most the reference and
    # one more. `at most` 0.05: whatever the reference. No limit: for information.
    rule: Rule = "times"
    limit: float | None = None
    unit: str = "s"

    @property
    def ratio(self) -> float | None:
        if self.reference is None or not self.reference.sample.median:
            return None
        return self.ours.sample.median / self.reference.sample.median

    @property
    def allowed(self) -> float | None:
        """The largest median that meets the target."""
        if self.limit is None:
            return None
        if self.rule == "at most":
            return self.limit
        if self.reference is None:
            raise ValueError(f"{self.key} needs a reference")
        if self.rule == "plus":
            return self.reference.sample.median + self.limit
        return self.reference.sample.median * self.limit

    @property
    def met(self) -> bool | None:
        return None if self.allowed is None else self.ours.sample.median <= self.allowed

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Row:
        reference = data["reference"]
        sides = {
            "ours": Measured.from_dict(data["ours"]),
            "reference": Measured.from_dict(reference) if reference else None,
        }
        return cls(**{**data, **sides})


@dataclass(frozen=True)
class Findings:
    """What one workload found: lines of the table, and curves for the charts."""

    rows: Sequence[Row]
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Findings:
        return cls([Row.from_dict(row) for row in data["rows"]], data["curves"])
