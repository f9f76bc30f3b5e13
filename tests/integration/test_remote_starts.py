"""What is refused before anything starts elsewhere, and what an image is built from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kitaru import KitaruClient, flow
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._engine.zenml.pods.images import docker_settings
from kitaru._ops import stacks
from kitaru.config import ImageSettings
from kitaru.errors import KitaruFeatureNotAvailableError, KitaruUsageError
from kitaru.version import __version__

pytestmark = pytest.mark.zenml

READY = "registry.example.com/team/agents:1"
STACK: dict[str, Any] = {
    "type": "kubernetes",
    "name": "remote",
    "artifact_store": "s3://bucket/folder",
    "container_registry": "registry.example.com/team",
    "cluster": "prod",
    "namespace": "agents",
    "credentials": {"server": "https://127.0.0.1:1", "token": "HUSH"},
}


@flow(stack="remote")
def in_a_file() -> int:
    return 1


@pytest.fixture
def remote_stack(engine: ZenMLEngine) -> None:
    stacks.create_from(STACK, place="here", activate=False)


@pytest.mark.usefixtures("remote_stack")
def test_pods_cannot_reach_the_database_of_this_machine() -> None:
    with pytest.raises(KitaruUsageError, match="kitaru login URL"):
        in_a_file.run()

    assert KitaruClient().executions.list() == []


@pytest.mark.usefixtures("remote_stack")
def test_flow_without_a_file_cannot_run_elsewhere() -> None:
    @flow(stack="remote")
    def inside() -> int:
        return 1

    with pytest.raises(KitaruUsageError, match="put it into a file"):
        inside.run()

    assert KitaruClient().executions.list() == []


@pytest.mark.usefixtures("remote_stack")
def test_what_is_to_stop_before_a_call_is_not_started_elsewhere(
    engine: ZenMLEngine,
) -> None:
    with pytest.raises(KitaruFeatureNotAvailableError, match="stack='default'"):
        in_a_file.run(break_before=["step"])
    points = engine.breakpoints
    points.change(points.next_of("in_a_file"), add=["step"])

    with pytest.raises(
        KitaruFeatureNotAvailableError, match="--before step --next --remove"
    ):
        in_a_file.run()

    assert points.of(points.next_of("in_a_file")) == {"step": False}
    assert KitaruClient().executions.list() == []


def test_ready_image_is_used_as_it_is() -> None:
    settings = docker_settings(ImageSettings(base_image=READY, environment={"A": "1"}))

    assert settings.skip_build
    assert settings.parent_image == READY
    # A commit may lack what the flow was started with.
    assert settings.allow_download_from_artifact_store
    assert not settings.allow_download_from_code_repository


@pytest.mark.parametrize(
    ("image", "requirements"),
    [
        (None, [f"kitaru=={__version__}"]),
        (
            ImageSettings(base_image=READY, requirements=["pandas"]),
            ["pandas", f"kitaru=={__version__}"],
        ),
        (ImageSettings(requirements=["kitaru[llm]"]), ["kitaru[llm]"]),
    ],
    ids=["nothing said", "on a base image", "kitaru itself"],
)
def test_other_images_are_built_with_kitaru_in_them(
    image: ImageSettings | None, requirements: list[str]
) -> None:
    settings = docker_settings(image)

    assert not settings.skip_build
    assert settings.requirements == requirements


def test_requirements_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("pandas\n\nrich>=13\n")

    settings = docker_settings(ImageSettings(requirements=str(file)))

    assert settings.requirements == ["pandas", "rich>=13", f"kitaru=={__version__}"]


def test_what_a_build_needs_reaches_it() -> None:
    settings = docker_settings(
        ImageSettings(
            apt_packages=["git"], user="agent", platform="linux/amd64", image_tag="7"
        )
    )

    assert (settings.apt_packages, settings.user) == (["git"], "agent")
    assert settings.image_tag == "7"
    assert settings.build_config is not None
    assert settings.build_config.build_options is not None
    assert settings.build_config.build_options.model_extra == {
        "platform": "linux/amd64"
    }
