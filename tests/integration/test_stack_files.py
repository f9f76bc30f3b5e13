"""Stacks from files: those of the documentation, and files with options beside them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kitaru import create_secret
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._ops import stacks
from kitaru.errors import KitaruUsageError
from kitaru.stacks import files
from tests.integration.test_remote_stacks import AZUREML, KEY, SAGEMAKER

PAGE = Path(__file__).resolve().parents[2] / "docs" / "stacks.md"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
SECRETS: dict[str, dict[str, str]] = {
    "cluster-key": {"server": "https://10.0.0.1:6443", "token": "HUSH"},
    "minio-key": SAGEMAKER["credentials"],
    "aws-runner": SAGEMAKER["credentials"],
    "gcp-key": {"service_account_json": KEY},
    "azure-principal": AZUREML["credentials"],
}
pytestmark = pytest.mark.zenml


def create(file: Path | None, **options: Any) -> Any:
    settings, place = stacks.settings_of(file, options, "the options")
    return stacks.create_from(settings, place=place, activate=False)


def test_the_page_has_an_example_of_every_platform() -> None:
    kinds = {files.parse(text, "page")["type"] for text in EXAMPLES}

    assert kinds == {"kubernetes", "vertex", "sagemaker", "azureml"}


def test_every_example_of_the_page_makes_a_stack(
    engine: ZenMLEngine, tmp_path: Path
) -> None:
    for name, values in SECRETS.items():
        create_secret(name, values)
    written = []

    for number, text in enumerate(EXAMPLES):
        written.append(tmp_path / f"{number}.yaml")
        written[-1].write_text(text, "utf-8")
    made = [create(file) for file in written]

    flavors = [stack.components["orchestrator"][0].flavor for stack in made]
    assert flavors == [files.parse(text, "page")["type"] for text in EXAMPLES]
    assert {
        stack.components["orchestrator"][0].connector is None for stack in made
    } == {False}


def test_options_replace_what_the_file_says(
    engine: ZenMLEngine, tmp_path: Path
) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text(json.dumps(SAGEMAKER))

    made = create(file, name="staging", region="us-east-1", namespace=None)

    (orchestrator,) = made.components["orchestrator"]
    assert (made.name, orchestrator.settings["region"]) == ("staging", "us-east-1")


def test_options_alone_are_enough(engine: ZenMLEngine) -> None:
    create_secret("ours", SAGEMAKER["credentials"])
    options = SAGEMAKER | {"credentials": {"secret": "ours"}}

    assert create(None, **options).name == "remote"
    assert create(None, name="mine").is_local


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(b"\xff\xfe", "is not text", id="no text"),
        pytest.param(b"type: [", "is not YAML in line 1", id="no YAML"),
        pytest.param(b"name: x", "type is missing", id="no type"),
        pytest.param(None, "cannot be read: Is a directory", id="a folder"),
    ],
)
def test_a_bad_file_is_named(
    engine: ZenMLEngine, tmp_path: Path, text: bytes | None, said: str
) -> None:
    file = tmp_path / "stack.yaml"
    if text is None:
        file.mkdir()
    else:
        file.write_bytes(text)

    with pytest.raises(KitaruUsageError, match=rf"stack\.yaml.* {said}"):
        create(file)
