"""The container image of an execution, as ZenML is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zenml.config import DockerSettings
from zenml.config.docker_settings import DockerBuildConfig, DockerBuildOptions

from kitaru._core.settings.images import ImageSettings
from kitaru.version import __version__

_OWN = f"kitaru=={__version__}"
# With none of these said, a given base image is ready as it is.
_NEEDS_BUILD = (
    "requirements",
    "dockerfile",
    "apt_packages",
    "replicate_local_python_environment",
    "user",
)


def docker_settings(image: ImageSettings | None) -> DockerSettings:
    """Return ZenML's settings; a base image that needs nothing more is used as it is."""
    wanted = image or ImageSettings()
    common: dict[str, Any] = {
        "parent_image": wanted.base_image,
        "allow_download_from_artifact_store": True,
        # What a commit holds is not always what the flow was started with.
        "allow_download_from_code_repository": False,
    }
    if wanted.base_image and not any(getattr(wanted, name) for name in _NEEDS_BUILD):
        return DockerSettings(skip_build=True, **common)
    return DockerSettings(
        **common,
        requirements=_requirements(wanted),
        dockerfile=wanted.dockerfile,
        build_context_root=wanted.build_context_root,
        apt_packages=list(wanted.apt_packages or ()),
        replicate_local_python_environment=wanted.replicate_local_python_environment,
        image_tag=wanted.image_tag,
        target_repository=wanted.target_repository,
        user=wanted.user,
        build_config=_build_config(wanted),
    )


def _requirements(image: ImageSettings) -> list[str]:
    """Return what to install: what is said, and Kitaru unless that says it."""
    said = image.requirements or ()
    if isinstance(said, str):
        said = tuple(Path(said).read_text(encoding="utf-8").splitlines())
    lines = [line.strip() for line in said if line.strip()]
    if any(line.lower().startswith("kitaru") for line in lines):
        return lines
    return [*lines, _OWN]


def _build_config(image: ImageSettings) -> DockerBuildConfig | None:
    if image.platform is None:
        return None
    # Options that ZenML has no name for reach the image builder as they are.
    options = DockerBuildOptions.model_validate({"platform": image.platform})
    return DockerBuildConfig(build_options=options)
