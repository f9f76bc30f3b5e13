"""`kitaru stack` at the keyboard: what it changes and what it refuses."""

from __future__ import annotations

import json

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e


def test_a_stack_is_created_used_in_a_project_and_deleted(workspace: Workspace) -> None:
    made = workspace.kitaru("stack", "create", "experiments", "--label", "team=nlp")
    workspace.python("-c", "from zenml.client import Client; Client.initialize()")
    used = workspace.kitaru("stack", "use", "default")
    listed = workspace.kitaru_items("stack", "list")
    refused = workspace.kitaru("stack", "delete", "experiments", "--yes", code=1)
    gone = workspace.kitaru(
        "stack", "delete", "experiments", "--yes", "--recursive", "--force"
    )

    assert made.stdout.splitlines()[0] == "created stack experiments"
    assert str(workspace.config / "config.yaml") in made.stdout
    assert f"for the project {workspace.project}" in used.stdout
    assert [(item["name"], item["active"]) for item in listed] == [
        ("default", True),
        ("experiments", False),
    ]
    # It is still the active one everywhere else.
    assert "is the active one" in refused.stderr
    assert gone.stdout.splitlines() == [
        "deleted stack experiments; default is active",
        "  and its artifact_store experiments",
        "  and its orchestrator experiments",
    ]
    assert gone.stderr == ""


def test_wrong_use_is_one_message_and_changes_nothing(workspace: Workspace) -> None:
    commands = {
        "type": ("stack", "create", "cluster", "--type", "kubernetes"),
        "label": ("stack", "create", "cluster", "--label", "team"),
        "nobody answers": ("stack", "delete", "default"),
        "unknown": ("stack", "use", "nope", "-o", "json"),
    }

    running = {name: workspace.start_kitaru(*line) for name, line in commands.items()}

    ends = {name: process.finish() for name, process in running.items()}
    assert {name: end.code for name, end in ends.items()} == {
        "type": 2,
        "label": 2,
        "nobody answers": 2,
        "unknown": 2,
    }
    assert "artifact_store is missing" in ends["type"].stderr
    assert "'team' is not KEY=VALUE" in ends["label"].stderr
    assert "--yes" in ends["nobody answers"].stderr
    assert json.loads(ends["unknown"].stderr)["command"] == "stack use"
    assert [end for end in ends.values() if "Traceback" in end.stderr] == []
    assert workspace.kitaru_item("stack", "current")["name"] == "default"


def test_a_remote_stack_is_made_checked_and_deleted(workspace: Workspace) -> None:
    workspace.script(
        "stack.yaml",
        "type: kubernetes\nname: cluster\ncluster: prod\n"
        "artifact_store: s3://bucket\ncontainer_registry: registry.example.com\n"
        "credentials: {server: 'https://127.0.0.1:1', token: $MY_TOKEN}\n",
    )
    line = ("stack", "create", "--file", "stack.yaml", "--no-activate")

    refused = workspace.kitaru(*line, code=2)
    made = workspace.kitaru(
        *line, "--namespace", "agents", environment={"MY_TOKEN": "HUSH"}
    )
    shown = workspace.kitaru("stack", "show", "cluster")
    checked = workspace.kitaru("stack", "verify", "cluster", "-o", "json", code=1)
    gone = workspace.kitaru("stack", "delete", "cluster", "--yes", "--recursive")

    assert "the variable MY_TOKEN is not set" in refused.stderr
    assert made.stdout.splitlines() == [
        "created stack cluster",
        "nothing was asked of the platform yet; do that with: kitaru stack verify cluster",
    ]
    assert "    kubernetes_namespace: agents\n" in shown.stdout
    assert "    service connector: cluster\n" in shown.stdout
    report = json.loads(checked.stdout)["item"]
    assert report["ok"] is False
    assert len(report["checks"]) == 4
    assert "  and its service connector cluster" in gone.stdout.splitlines()
    for said in (refused, made, shown, checked, gone):
        assert "HUSH" not in said.stdout + said.stderr
        assert "Traceback" not in said.stderr
        assert "Warning" not in said.stderr


def test_missing_packages_are_named_with_what_to_install(workspace: Workspace) -> None:
    script = workspace.script(
        "without.py",
        """
        import sys

        # What Python does if they are not installed.
        sys.modules |= {"boto3": None, "s3fs": None}

        from kitaru import flow, list_stacks
        from kitaru._ops import stacks
        from kitaru.errors import KitaruStackIntegrationDependencyError

        KEYS = {"aws_access_key_id": "HUSH", "aws_secret_access_key": "HUSH"}
        PARTS = {"artifact_store": "s3://bucket", "container_registry": "x.io"}

        @flow
        def nothing():
            return 1

        def create(**settings):
            settings = {"name": "there", "type": "kubernetes"} | PARTS | settings
            return stacks.create_from(settings, place="here", activate=False)

        try:
            create(
                cluster="c", region="eu-west-1", credentials={"type": "aws"} | KEYS
            )
        except KitaruStackIntegrationDependencyError as error:
            print("connector:", error)
        print([stack.name for stack in list_stacks()])
        create(context="minikube")
        try:
            nothing.run(stack="there")
        except KitaruStackIntegrationDependencyError as error:
            print("flow:", error)
        """,
    )

    said = workspace.python(script).stdout.splitlines()

    assert said == [
        "connector: connectors of aws: packages for aws are missing here; install them "
        "with: pip install 'kitaru[aws]'",
        "['default']",
        "flow: starting flow 'nothing': packages for s3 are missing here; install them "
        "with: pip install 'kitaru[aws]'",
    ]
