"""The JSON file: written after each workload, so that a stopped run loses nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.environment import Environment
from benchmarks.figures import Findings, Row

PATH = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Measurement:
    """One workload: what it found, how long it took, and how much others disturbed it.

    `others` is the part of the machine that other processes had meanwhile, 0 to 1.
    """

    findings: Findings
    seconds: float
    others: float


@dataclass
class Results:
    """All that was measured of one commit on one machine."""

    environment: Environment
    quick: bool
    workloads: dict[str, Measurement] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """All lines, in the order of their keys."""
        return [
            row
            for key in sorted(self.workloads, key=number)
            for row in self.workloads[key].findings.rows
        ]

    def belongs_to(self, other: Results) -> bool:
        """Whether both are of one commit, one machine and one set of versions."""
        return (
            self.quick == other.quick
            and self.environment.subject == other.environment.subject
        )

    def write(self, path: Path) -> None:
        """Replace the file in one go."""
        data = {
            "environment": asdict(self.environment),
            "quick": self.quick,
            "workloads": {
                key: {
                    "seconds": round(done.seconds, 1),
                    "others": done.others,
                    "findings": done.findings.to_dict(),
                }
                for key, done in self.workloads.items()
            },
        }
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(data) + "\n")
        draft.replace(path)

    @classmethod
    def read(cls, path: Path) -> Results:
        """Return what a file holds.

        Raises:
            ValueError: If it was not written by this version of the benchmarks.
        """
        try:
            return cls._from_dict(json.loads(path.read_text()))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path.name} is damaged or of another version") from error

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any]) -> Results:
        workloads = {
            key: Measurement(
                Findings.from_dict(done["findings"]),
                done["seconds"],
                done["others"],
            )
            for key, done in data["workloads"].items()
        }
        return cls(Environment(**data["environment"]), data["quick"], workloads)


def number(key: str) -> int:
    """Return the place of a workload: 10 for P10."""
    return int(key.removeprefix("P"))
