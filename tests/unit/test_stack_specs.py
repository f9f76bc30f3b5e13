"""What the settings of a stack may be, and what they come to."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kitaru._core.stack_recipes import (
    ComponentRecipe,
    KnownConnector,
    NewConnector,
    StackRecipe,
)
from kitaru.errors import KitaruUsageError
from kitaru.stacks import files, specs

KEY = json.dumps({"type": "service_account", "private_key": "HUSH"})
AWS = {"aws_access_key_id": "HUSH1", "aws_secret_access_key": "HUSH2"}
AZURE = {"tenant_id": "HUSH1", "client_id": "HUSH2", "client_secret": "HUSH3"}
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
PLACE = "stack.yaml"
GOOD: dict[str, dict[str, Any]] = {
    "local": {"name": "mine"},
    "kubernetes": {
        "name": "mine",
        "artifact_store": "s3://bucket/folder",
        "container_registry": "registry.example.com/team",
        "cluster": "prod",
        "namespace": "agents",
        "credentials": {"server": "https://10.0.0.1:6443", "token": "HUSH"},
    },
    "vertex": {
        "name": "mine",
        "artifact_store": "gs://bucket",
        "container_registry": "europe-west1-docker.pkg.dev/my-project-1/images",
        "project": "my-project-1",
        "location": "europe-west1",
        "credentials": {"service_account_json": KEY},
    },
    "sagemaker": {
        "name": "mine",
        "artifact_store": "s3://bucket",
        "container_registry": ECR,
        "region": "eu-west-1",
        "execution_role": "arn:aws:iam::123456789012:role/runner",
        "credentials": AWS,
    },
    "azureml": {
        "name": "mine",
        "artifact_store": "az://container",
        "container_registry": "mine.azurecr.io",
        "subscription_id": "00000000-0000-0000-0000-000000000000",
        "resource_group": "team",
        "workspace": "research",
        "credentials": AZURE,
    },
}


def recipe(kind: str, **changes: Any) -> StackRecipe:
    return specs.read({"type": kind, **GOOD[kind], **changes}, PLACE).recipe()


def part(made: StackRecipe, kind: str) -> ComponentRecipe:
    (found,) = [item for item in made.components if item.kind == kind]
    return found


def refused(kind: str, **changes: Any) -> str:
    given = {"type": kind, **GOOD[kind], **changes}
    given = {key: value for key, value in given.items() if value is not ...}
    with pytest.raises(KitaruUsageError) as caught:
        specs.read(given, PLACE)
    said = str(caught.value)
    assert said.startswith(PLACE)
    assert "Nothing was created" in said
    assert "HUSH" not in said
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return said


@pytest.mark.parametrize(
    ("kind", "flavors", "settings"),
    [
        pytest.param(
            "kubernetes",
            ["kubernetes", "s3", "default", "local"],
            {"kubernetes_namespace": "agents"},
            id="kubernetes",
        ),
        pytest.param(
            "vertex",
            ["vertex", "gcp", "gcp", "local"],
            {"project": "my-project-1", "location": "europe-west1"},
            id="vertex",
        ),
        pytest.param(
            "sagemaker",
            ["sagemaker", "s3", "aws", "local"],
            {
                "region": "eu-west-1",
                "execution_role": "arn:aws:iam::123456789012:role/runner",
            },
            id="sagemaker",
        ),
        pytest.param(
            "azureml",
            ["azureml", "azure", "azure", "local"],
            {
                "subscription_id": "00000000-0000-0000-0000-000000000000",
                "resource_group": "team",
                "workspace": "research",
            },
            id="azureml",
        ),
    ],
)
def test_a_platform_has_its_components(
    kind: str, flavors: list[str], settings: dict[str, str]
) -> None:
    made = recipe(kind)

    assert [item.kind for item in made.components] == [
        "orchestrator",
        "artifact_store",
        "container_registry",
        "image_builder",
    ]
    assert [item.flavor for item in made.components] == flavors
    assert made.components[0].configuration == settings


@pytest.mark.parametrize("kind", ["vertex", "sagemaker", "azureml"])
def test_one_connector_of_a_cloud_lets_into_all_of_it(kind: str) -> None:
    made = recipe(kind)

    (connector,) = made.connectors
    used = [item.connector for item in made.components]
    assert used == [connector, connector, connector, None]


def test_credentials_of_a_cluster_are_for_the_cluster_only() -> None:
    made = recipe("kubernetes")

    orchestrator = part(made, "orchestrator")
    assert orchestrator.resource == "prod"
    assert orchestrator.connector == NewConnector(
        "kubernetes",
        "token",
        {"server": "https://10.0.0.1:6443", "token": "HUSH"},
        {"cluster_name": "prod"},
    )
    assert made.connectors == (orchestrator.connector,)


def test_credentials_of_a_cloud_are_for_what_the_cluster_has_there() -> None:
    made = recipe(
        "kubernetes",
        region="eu-west-1",
        artifact_store="gs://bucket",
        container_registry=ECR,
        credentials={"type": "aws", **AWS},
    )

    (connector,) = made.connectors
    assert part(made, "orchestrator").connector == connector
    assert part(made, "container_registry").connector == connector
    assert part(made, "artifact_store").connector is None


def test_parts_may_have_credentials_of_their_own() -> None:
    made = recipe(
        "kubernetes",
        artifact_store={
            "uri": "gs://bucket",
            "credentials": {"service_account_json": KEY},
        },
        container_registry={
            "uri": "registry.example.com",
            "credentials": {"username": "me", "password": "HUSH"},
        },
    )

    assert [(item.provider, item.method) for item in made.connectors] == [  # type: ignore[union-attr]  # all are new
        ("kubernetes", "token"),
        ("gcp", "service-account"),
        ("docker", "password"),
    ]


def test_a_connector_that_exists_is_named() -> None:
    made = recipe("sagemaker", credentials={"connector": "ours"})

    assert made.connectors == (KnownConnector("aws", "ours"),)


def test_without_credentials_a_cloud_stack_has_no_connector() -> None:
    assert recipe("vertex", credentials=None).connectors == ()


def test_a_context_of_the_kubeconfig_takes_the_place_of_credentials() -> None:
    made = recipe("kubernetes", credentials=None, context="minikube")

    orchestrator = part(made, "orchestrator")
    assert orchestrator.configuration["kubernetes_context"] == "minikube"
    assert (orchestrator.connector, orchestrator.resource) == (None, None)


def test_a_store_that_speaks_s3_reads_its_credentials_from_a_secret() -> None:
    made = recipe(
        "kubernetes",
        artifact_store={
            "uri": "s3://bucket",
            "endpoint": "http://minio:9000",
            "region": "us-east-1",
            "credentials": {"secret": "minio", **AWS},
        },
    )

    assert part(made, "artifact_store") == ComponentRecipe(
        "artifact_store",
        "s3",
        {
            "path": "s3://bucket",
            "client_kwargs": {
                "endpoint_url": "http://minio:9000",
                "region_name": "us-east-1",
            },
            "key": "{{minio.aws_access_key_id}}",
            "secret": "{{minio.aws_secret_access_key}}",
        },
    )


def test_further_settings_go_to_the_orchestrator() -> None:
    made = recipe("kubernetes", settings={"max_parallelism": 3})

    assert part(made, "orchestrator").configuration["max_parallelism"] == 3


@pytest.mark.parametrize(
    ("kind", "credentials", "method"),
    [
        ("sagemaker", AWS, "secret-key"),
        ("sagemaker", AWS | {"aws_session_token": "HUSH"}, "sts-token"),
        ("sagemaker", AWS | {"role_arn": "HUSH"}, "iam-role"),
        ("vertex", {"service_account_json": KEY}, "service-account"),
        ("vertex", {"external_account_json": KEY}, "external-account"),
        (
            "vertex",
            {"service_account_json": base64.b64encode(KEY.encode()).decode()},
            "service-account",
        ),
        (
            "vertex",
            {"service_account_json": KEY, "target_principal": "a@b.c"},
            "impersonation",
        ),
        ("azureml", AZURE, "service-principal"),
        (
            "kubernetes",
            {"server": "s", "client_certificate": "c", "client_key": "k"},
            "token",
        ),
        (
            "kubernetes",
            {"server": "s", "username": "u", "password": "p", "insecure": True},
            "password",
        ),
    ],
)
def test_the_keys_say_how_to_log_in(
    kind: str, credentials: dict[str, Any], method: str
) -> None:
    (connector,) = recipe(kind, credentials=credentials).connectors

    assert isinstance(connector, NewConnector)
    assert connector.method == method


def test_no_recipe_shows_credentials() -> None:
    for kind in GOOD:
        assert "HUSH" not in repr(recipe(kind))
        assert "HUSH" not in repr(specs.read({"type": kind, **GOOD[kind]}, PLACE))


@pytest.mark.parametrize("kind", [kind for kind in GOOD if kind != "local"])
def test_every_missing_setting_is_named_at_once(kind: str) -> None:
    optional = {"credentials", "namespace", "cluster"}
    needed = set(GOOD[kind]) - optional

    said = refused(kind, **dict.fromkeys(needed, ...))

    for name in needed:
        assert f"\n  {name} is missing" in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {},
            r"type is missing \(one of: local, kubernetes, vertex, sagemaker, azureml\)",
        ),
        ({"type": "vertexai"}, "'vertexai' does not exist; did you mean 'vertex'?"),
        ({"type": 3}, "'3' does not exist"),
    ],
)
def test_a_type_is_one_of_five(given: dict[str, Any], said: str) -> None:
    with pytest.raises(KitaruUsageError, match=said):
        specs.read(given, PLACE)


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("local", {"region": "x"}, "region is unknown"),
        ("vertex", {"artifact_store": "s3://bucket"}, "does not fit this platform: use gs://"),
        ("sagemaker", {"artifact_store": "gs://bucket"}, "platform: use s3://"),
        ("azureml", {"artifact_store": "s3://bucket"}, "use az:// or abfs://"),
        ("kubernetes", {"artifact_store": "/tmp/x"}, "begins with one of s3://, gs://"),
        ("kubernetes", {"artifact_store": "s3://"}, "not a bucket"),
        ("kubernetes", {"artifact_store": "s3://HUSH:HUSH@bucket"}, "'s3://***@bucket'"),
        ("kubernetes", {"artifact_store": None}, "artifact_store: "),
        ("kubernetes", {"artifact_store": {"url": "x"}}, "did you mean 'uri'?"),
        ("kubernetes", {"artifact_store": {"uri": "gs://bucket", "endpoint": "http://x"}}, "endpoint is for s3:// only"),
        ("kubernetes", {"artifact_store": {"uri": "s3://bucket", "endpoint": "x"}}, "is not a URL"),
        ("kubernetes", {"artifact_store": {"uri": "s3://bucket", "endpoint": "http://x", "credentials": AWS}}, "credentials are a secret"),
        ("kubernetes", {"artifact_store": {"uri": "s3://bucket", "credentials": {"service_account_json": KEY}}}, "aws credentials"),
        ("kubernetes", {"container_registry": "https://x.io"}, "no https://"),
        ("kubernetes", {"container_registry": "x.io/a:tag"}, "no tag"),
        ("kubernetes", {"container_registry": "me:HUSH@x.io"}, "'***@x.io'"),
        ("sagemaker", {"container_registry": f"{ECR}/repo"}, "without repository"),
        ("sagemaker", {"container_registry": "x.io"}, "does not fit this platform"),
        ("vertex", {"container_registry": ECR}, "such as europe-west1-docker.pkg.dev"),
        ("azureml", {"container_registry": "gcr.io/x"}, "such as myregistry.azurecr.io"),
        ("kubernetes", {"namespace": "Not_Good"}, "'Not_Good' is not a Kubernetes name"),
        ("kubernetes", {"credentials": ...}, "how is the cluster reached?"),
        ("kubernetes", {"context": "x"}, "how is the cluster reached?"),
        ("kubernetes", {"cluster": ...}, "credentials need a cluster"),
        ("kubernetes", {"credentials": {"type": "aws", **AWS}}, "aws credentials need a region"),
        ("kubernetes", {"credentials": {"type": "gpc", "connector": "x"}}, "did you mean 'gcp'?"),
        ("kubernetes", {"credentials": {"server": "x", "token": "HUSH", "insecure": "maybe"}}, "insecure must be true or false"),
        ("vertex", {"location": "eu-west-1"}, "'eu-west-1' is not a GCP location"),
        ("vertex", {"project": "My Project"}, "is not the id of a GCP project"),
        ("vertex", {"project": 1234567}, "project must be text; put it in quotes"),
        ("vertex", {"service_account": "me"}, "is not a service account"),
        ("vertex", {"credentials": {"service_account_json": "/home/HUSH.json"}}, "give it as @FILE"),
        ("vertex", {"credentials": {"service_account_json": "[1]"}}, "give it as @FILE"),
        ("sagemaker", {"region": "europe-west1"}, "is not an AWS region"),
        ("sagemaker", {"execution_role": "runner"}, "is not a role such as arn:aws:iam"),
        ("sagemaker", {"instance_type": "large"}, "such as ml.m5.xlarge"),
        ("sagemaker", {"credentials": {"aws_access_key_id": "HUSH"}}, "Given: aws_access_key_id"),
        ("sagemaker", {"credentials": {"aws_acces_key_id": "HUSH"}}, "did you mean 'aws_access_key_id'"),
        ("sagemaker", {"credentials": "HUSH"}, "must be a mapping"),
        ("sagemaker", {"credentials": ["HUSH"]}, "must be a mapping"),
        ("sagemaker", {"credentials": {}}, "is empty"),
        ("sagemaker", {"credentials": {"connector": ""}}, "credentials.connector"),
        ("sagemaker", {"credentials": {"connector": "x", **AWS}}, "give one of them"),
        ("sagemaker", {"credentials": {"aws_access_key_id": 5}}, "must be text that is not empty"),
        ("sagemaker", {"credentials": {"aws_access_key_id": ""}}, "must be text that is not empty"),
        ("sagemaker", {"credentials": {7: "HUSH"}}, "must have names as keys"),
        ("azureml", {"subscription_id": "mine"}, "is not the id of a subscription"),
        ("azureml", {"resource_group": "a b"}, "is not a resource group"),
        ("azureml", {"workspace": "x"}, "is not a workspace"),
        ("azureml", {"workspce": "x"}, "workspce is unknown; did you mean 'workspace'?"),
        ("azureml", {"labels": {"team": 1}}, "labels.team must be text"),
        ("azureml", {"image_builder": "magic"}, "image_builder: "),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_what_fits(
    kind: str, changes: dict[str, Any], said: str
) -> None:
    assert said in refused(kind, **changes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("type: [HUSH", "is not YAML in line"),
        ("a: b: HUSH", "is not YAML in line 1"),
        ("token: \x00HUSH", "is not YAML: a character"),
        ("HUSH", "is not a list of settings"),
        ("", "is not a list of settings"),
        ("- HUSH", "is not a list of settings"),
        ("1: HUSH", "is not a list of settings"),
        ("!!python/object/apply:os.system [HUSH]", "is not YAML in line 1"),
    ],
)
def test_a_file_that_is_no_yaml_is_refused_without_a_quote(
    text: str, said: str
) -> None:
    with pytest.raises(KitaruUsageError, match=said) as caught:
        files.parse(text, PLACE)

    assert "HUSH" not in str(caught.value)
    assert caught.value.__context__ is None
