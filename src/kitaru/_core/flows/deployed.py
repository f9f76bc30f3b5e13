"""The deployed version whose code an execution runs, as it travels with the execution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from kitaru._core.sources import FlowSource


@dataclass(frozen=True, slots=True)
class DeployedCode:
    """A version's code, and what it was deployed with.

    Attributes:
        deployment_id: The version; empty while it is being made.
        project: The folder that was deployed, once an execution takes this along.
        number: Its number.
        code: Hash of the contents of its files.
        uri: The archive of its files.
        file: The flow's file in the archive, with slashes.
        root: The folder in the archive from which the flow's module is imported.
        python: The interpreter that deployed it, on the machine that did.
        python_version: That interpreter's version, such as `3.12.4`.
        host: That machine.
        environment: What is compared with where it runs.
    """

    number: int
    code: str
    uri: str
    file: str
    root: str
    python: str
    python_version: str
    host: str
    environment: Mapping[str, Any] = field(default_factory=dict)
    deployment_id: str = ""
    project: str | None = None

    def source_in(self, folder: Path, source: FlowSource) -> FlowSource:
        """Return where the flow is, given the folder that the archive was unpacked to."""
        said = source.to_dict() | {
            "file": str(folder / PurePosixPath(self.file)),
            "root": str(folder / PurePosixPath(self.root)),
        }
        return FlowSource.from_dict(said)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "deployment_id": self.deployment_id,
            "number": self.number,
            "code": self.code,
            "uri": self.uri,
            "file": self.file,
            "root": self.root,
            "python": self.python,
            "python_version": self.python_version,
            "host": self.host,
            "environment": dict(self.environment),
            **({"project": self.project} if self.project is not None else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DeployedCode:
        """Return what `to_dict` of this version or a newer one has written."""
        known = cls.__dataclass_fields__
        return cls(**{key: value for key, value in data.items() if key in known})
