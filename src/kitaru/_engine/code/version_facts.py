"""What a version is made of, put together where it is deployed."""

from __future__ import annotations

import os
import platform
import socket
import sys
from pathlib import Path, PurePosixPath

from kitaru._core.flows.deployed import DeployedCode
from kitaru._core.versions.records import Version, VersionFacts
from kitaru._engine.code import environment
from kitaru._engine.code.archive import Packed
from kitaru._engine.port.deployments import NewVersion
from kitaru.errors import KitaruUsageError
from kitaru.models import Build


def of(new: NewVersion, packed: Packed, uri: str, *, is_remote: bool) -> VersionFacts:
    """Return the facts of a version that has no number yet.

    Args:
        new: The version.
        packed: Its code.
        uri: Where the archive is kept.
        is_remote: Whether its stack runs bodies elsewhere.
    """
    source = new.flow.source
    recorded = environment.recorded()
    return VersionFacts(
        source=source,
        settings=new.settings,
        deployed=DeployedCode(
            number=0,
            code=packed.hash,
            uri=uri,
            file=_within(source.file, new.project),
            root=_within(source.root, new.project),
            python=sys.executable,
            python_version=platform.python_version(),
            host=socket.gethostname(),
            environment=recorded.to_dict(),
        ),
        schema=new.schema,
        files=packed.files,
        size=packed.size,
        project=str(new.project),
        deployed_by=new.deployed_by,
        commit_sha=new.commit_sha,
        commit_dirty=new.commit_dirty,
        is_remote=is_remote,
    )


def built(
    new: NewVersion, facts: VersionFacts, *, stack: str, image: str | None = None
) -> Build:
    """Return what a version would be made of, as users see it."""
    said = environment.Environment.from_dict(dict(facts.deployed.environment))
    return Build(
        flow=new.flow.name,
        code=facts.deployed.code,
        files=facts.files,
        size=facts.size,
        uri=facts.deployed.uri,
        packages=said.packages,
        python_version=said.python_version,
        image_digest=image,
        stack=stack,
        schema=dict(new.schema),
    )


def interpreter(version: Version, *, any_python: bool) -> str:
    """Return the Python to run a version with: the recorded one, if it is here.

    Raises:
        KitaruUsageError: If it would be another one that need not run the code.
    """
    code = version.facts.deployed
    said = environment.Environment(code.python, code.python_version)
    python = environment.interpreter(said)
    is_ours = python == sys.executable
    if is_ours and not any_python and not environment.fits_python(said):
        raise KitaruUsageError(
            f"{version.label} was deployed with Python {code.python_version} "
            f"({code.python}), which is not here, and this is "
            f"{platform.python_version()}; deploy it again with this one, or say "
            "--any-python"
        )
    return python


def _within(path: str, project: Path) -> str:
    relative = os.path.relpath(Path(path).resolve(), project)
    return str(PurePosixPath(*Path(relative).parts))


def description(new: NewVersion, facts: VersionFacts) -> str:
    """Return what a version is, in a line for ZenML's dashboard."""
    commit = f", {new.commit_sha[:7]}" if new.commit_sha else ""
    dirty = " dirty" if new.commit_dirty else ""
    code = facts.deployed.code[:12]
    return f"{new.flow.source.reference}, code {code}{commit}{dirty}"
