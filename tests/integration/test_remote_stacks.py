"""Remote stacks in a real store: made of what they should be, whole or not at all."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from zenml.client import Client
from zenml.enums import StackComponentType
from zenml.models import ComponentResponse, StackResponse

from kitaru import create_secret, current_stack, delete_stack, list_stacks
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._ops import stacks
from kitaru.errors import KitaruBackendError, KitaruUsageError
from kitaru.models import Stack

KEY = json.dumps(
    {
        "type": "service_account",
        "project_id": "my-project-1",
        "private_key_id": "1",
        "private_key": "HUSH",
        "client_email": "runner@my-project-1.iam.gserviceaccount.com",
        "client_id": "1",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": "https://www.googleapis.com/robot/v1/metadata/x509/r",
    }
)
UUID = "00000000-0000-0000-0000-000000000000"
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
KUBERNETES: dict[str, Any] = {
    "type": "kubernetes",
    "name": "remote",
    "artifact_store": "s3://bucket/folder",
    "container_registry": "registry.example.com/team",
    "cluster": "prod",
    "namespace": "agents",
    "credentials": {"server": "https://127.0.0.1:1", "token": "HUSH"},
}
VERTEX: dict[str, Any] = {
    "type": "vertex",
    "name": "remote",
    "artifact_store": "gs://bucket",
    "container_registry": "europe-west1-docker.pkg.dev/my-project-1/images",
    "project": "my-project-1",
    "location": "europe-west1",
    "credentials": {"service_account_json": KEY},
}
SAGEMAKER: dict[str, Any] = {
    "type": "sagemaker",
    "name": "remote",
    "artifact_store": "s3://bucket",
    "container_registry": ECR,
    "region": "eu-west-1",
    "execution_role": "arn:aws:iam::123456789012:role/runner",
    "credentials": {"aws_access_key_id": "HUSH1", "aws_secret_access_key": "HUSH2"},
}
AZUREML: dict[str, Any] = {
    "type": "azureml",
    "name": "remote",
    "artifact_store": "az://container",
    "container_registry": "mine.azurecr.io",
    "subscription_id": UUID,
    "resource_group": "team",
    "workspace": "research",
    "credentials": {"tenant_id": UUID, "client_id": UUID, "client_secret": "HUSH"},
}
pytestmark = pytest.mark.zenml


def create(settings: dict[str, Any], /, **changes: Any) -> Stack:
    return stacks.create_from({**settings, **changes}, place="here", activate=False)


def made(name: str = "remote") -> StackResponse:
    return Client().get_stack(name, hydrate=True)


def component(stack: StackResponse, kind: str) -> ComponentResponse:
    (found,) = stack.components[StackComponentType(kind)]
    return found


def hushed(values: dict[str, str]) -> dict[str, str]:
    """Return those that nobody may see."""
    found = {key: value for key, value in values.items() if "HUSH" in value}
    assert found
    return found


def left_over(config: Path) -> dict[str, int]:
    """Count what is in the store beside the default stack."""
    (file,) = config.rglob("zenml.db")
    with closing(sqlite3.connect(file)) as db:
        return {
            table: db.execute(
                f"SELECT count(*) FROM {table} WHERE name != 'default'"
            ).fetchone()[0]
            for table in ("stack", "stack_component", "service_connector", "secret")
        }


NOTHING = {"stack": 0, "stack_component": 0, "service_connector": 0, "secret": 0}


@contextmanager
def refusing(config: Path, table: str, when: str = "1") -> Iterator[None]:
    """Let the store refuse to insert some rows."""
    (file,) = config.rglob("zenml.db")
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table} WHEN {when} "
            "BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    yield
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("DROP TRIGGER refuse")


@pytest.mark.parametrize(
    ("settings", "orchestrator", "connector", "resources"),
    [
        pytest.param(
            KUBERNETES,
            {"kubernetes_namespace": "agents"},
            ("kubernetes", "token"),
            {"orchestrator": "prod"},
            id="kubernetes",
        ),
        pytest.param(
            VERTEX,
            {"project": "my-project-1", "location": "europe-west1"},
            ("gcp", "service-account"),
            {
                "orchestrator": None,
                "artifact_store": "gs://bucket",
                "container_registry": VERTEX["container_registry"],
            },
            id="vertex",
        ),
        pytest.param(
            SAGEMAKER,
            {
                "region": "eu-west-1",
                "execution_role": "arn:aws:iam::123456789012:role/runner",
            },
            ("aws", "secret-key"),
            {
                "orchestrator": None,
                "artifact_store": "s3://bucket",
                "container_registry": ECR,
            },
            id="sagemaker",
        ),
        pytest.param(
            AZUREML,
            {
                "subscription_id": UUID,
                "resource_group": "team",
                "workspace": "research",
            },
            ("azure", "service-principal"),
            {
                "orchestrator": None,
                "artifact_store": "az://container",
                "container_registry": "mine.azurecr.io",
            },
            id="azureml",
        ),
    ],
)
def test_a_stack_has_its_components_and_one_connector_with_the_credentials(
    engine: ZenMLEngine,
    config: Path,
    settings: dict[str, Any],
    orchestrator: dict[str, str],
    connector: tuple[str, str],
    resources: dict[str, str | None],
) -> None:
    shown = create(settings, labels={"team": "nlp"})

    stack = made()
    configuration = component(stack, "orchestrator").configuration
    assert component(stack, "orchestrator").flavor_name == settings["type"]
    assert orchestrator.items() <= configuration.items()
    assert (
        component(stack, "artifact_store").configuration["path"]
        == (settings["artifact_store"])
    )
    assert (
        component(stack, "container_registry").configuration["uri"]
        == (settings["container_registry"])
    )
    assert component(stack, "image_builder").flavor_name == "local"
    assert {
        kind.value: item.connector_resource_id
        for kind, (item,) in stack.components.items()
        if item.connector is not None
    } == resources
    (kept,) = Client().list_service_connectors(expand_secrets=True).items
    assert (kept.type, kept.auth_method) == connector
    secrets = kept.configuration.secrets
    values = {key: secret.get_secret_value() for key, secret in secrets.items()}
    assert hushed(values) == hushed(settings["credentials"])
    (unexpanded,) = Client().list_service_connectors().items
    assert "HUSH" not in str(unexpanded.configuration.plain)
    assert (shown.is_local, shown.active, shown.labels) == (
        False,
        False,
        {"team": "nlp"},
    )
    assert "HUSH" not in shown.model_dump_json()
    assert left_over(config)["service_connector"] == 1


def test_every_optional_setting_reaches_its_component(engine: ZenMLEngine) -> None:
    create_secret("minio", SAGEMAKER["credentials"])
    store = {
        "uri": "s3://bucket",
        "endpoint": "http://127.0.0.1:1",
        "region": "eu-west-1",
        "credentials": {"secret": "minio"},
    }
    account = "runner@my-project-1.iam.gserviceaccount.com"

    create(
        KUBERNETES | {"credentials": None},
        name="kubernetes",
        context="minikube",
        service_account="runner",
        artifact_store=store,
        container_registry={
            "uri": "registry.example.com",
            "credentials": {"username": "me", "password": "HUSH"},
        },
        settings={"max_parallelism": 3},
    )
    create(VERTEX, name="vertex", service_account=account)
    create(SAGEMAKER, name="sagemaker", instance_type="ml.m5.xlarge")
    create(AZUREML, name="azureml", settings={"compute_name": "small"})

    orchestrators = {
        name: component(made(name), "orchestrator").configuration
        for name in ("kubernetes", "vertex", "sagemaker", "azureml")
    }
    wanted: dict[str, dict[str, Any]] = {
        "kubernetes": {
            "kubernetes_context": "minikube",
            "service_account_name": "runner",
            "step_pod_service_account_name": "runner",
            "max_parallelism": 3,
        },
        "vertex": {"workload_service_account": account},
        "sagemaker": {"instance_type": "ml.m5.xlarge"},
        "azureml": {"compute_name": "small"},
    }
    for name, settings in wanted.items():
        assert settings.items() <= orchestrators[name].items()
    kept = component(made("kubernetes"), "artifact_store").configuration
    assert kept["client_kwargs"] == {
        "endpoint_url": "http://127.0.0.1:1",
        "region_name": "eu-west-1",
    }
    registry = component(made("kubernetes"), "container_registry")
    assert registry.connector is not None
    assert registry.connector.auth_method == "password"


def test_show_says_where_a_stack_is_and_who_lets_it_in(engine: ZenMLEngine) -> None:
    create(SAGEMAKER)

    shown = stacks.get("remote")

    (orchestrator,) = shown.components["orchestrator"]
    (store,) = shown.components["artifact_store"]
    assert (orchestrator.flavor, orchestrator.connector) == ("sagemaker", "remote")
    assert orchestrator.settings["region"] == "eu-west-1"
    assert (store.connector, store.settings) == ("remote", {"path": "s3://bucket"})


def test_no_secret_setting_of_a_component_is_shown(engine: ZenMLEngine) -> None:
    Client().create_stack_component(
        "own",
        "s3",
        component_type=StackComponentType.ARTIFACT_STORE,
        configuration={"path": "s3://bucket", "key": "HUSH1", "secret": "HUSH2"},
    )
    Client().create_stack("own", {"orchestrator": "default", "artifact_store": "own"})

    shown = stacks.get("own")

    assert "HUSH" not in shown.model_dump_json()


def test_a_local_stack_comes_from_settings_as_well(engine: ZenMLEngine) -> None:
    shown = stacks.create_from(
        {"type": "local", "name": "mine"}, place="here", activate=True
    )

    assert (shown.is_local, shown.active) == (True, True)


def test_credentials_come_from_a_secret(engine: ZenMLEngine) -> None:
    create_secret("key", SAGEMAKER["credentials"])

    create(SAGEMAKER, credentials={"secret": "key"})

    (kept,) = Client().list_service_connectors(expand_secrets=True).items
    assert kept.configuration.secrets["aws_secret_access_key"].get_secret_value() == (
        "HUSH2"
    )


def test_credentials_come_from_variables_and_files(
    engine: ZenMLEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key.txt"
    file.write_text("HUSH2\n")
    monkeypatch.setenv("MY_ID", "HUSH1")

    create(
        SAGEMAKER,
        credentials={
            "aws_access_key_id": "$MY_ID",
            "aws_secret_access_key": f"@{file}",
        },
    )

    (kept,) = Client().list_service_connectors(expand_secrets=True).items
    values = {k: v.get_secret_value() for k, v in kept.configuration.secrets.items()}
    assert values == SAGEMAKER["credentials"]


def test_a_store_that_speaks_s3_has_its_keys_in_a_secret(engine: ZenMLEngine) -> None:
    create_secret("minio", SAGEMAKER["credentials"])
    store = {
        "uri": "s3://bucket",
        "endpoint": "http://127.0.0.1:1",
        "credentials": {"secret": "minio"},
    }

    create(KUBERNETES, artifact_store=store)

    configuration = component(made(), "artifact_store").configuration
    assert configuration["secret"] == "{{minio.aws_secret_access_key}}"
    assert "HUSH" not in str(configuration)


def test_a_connector_that_exists_is_used_and_survives_a_failure(
    engine: ZenMLEngine, config: Path
) -> None:
    create(SAGEMAKER, name="first")
    before = left_over(config)

    with refusing(config, "stack"), pytest.raises(KitaruBackendError):
        create(SAGEMAKER, credentials={"connector": "first"})
    after = left_over(config)
    create(SAGEMAKER, credentials={"connector": "first"})

    assert after == before
    assert component(made(), "orchestrator").connector.name == "first"  # type: ignore[union-attr]  # the test fails without
    assert left_over(config)["service_connector"] == 1


@pytest.mark.parametrize(
    ("table", "when", "left"),
    [
        # ZenML does not find the hidden secret of a connector that it could not write.
        pytest.param(
            "service_connector", "1", NOTHING | {"secret": 1}, id="at the connector"
        ),
        pytest.param(
            "stack_component",
            "NEW.type = 'orchestrator'",
            NOTHING,
            id="at the first component",
        ),
        pytest.param(
            "stack_component",
            "NEW.type = 'artifact_store'",
            NOTHING,
            id="at the store",
        ),
        pytest.param(
            "stack_component",
            "NEW.type = 'container_registry'",
            NOTHING,
            id="at the registry",
        ),
        pytest.param(
            "stack_component",
            "NEW.type = 'image_builder'",
            NOTHING,
            id="at the last component",
        ),
        pytest.param("stack", "1", NOTHING, id="at the stack itself"),
        pytest.param("stack_composition", "1", NOTHING, id="at the last row"),
    ],
)
def test_a_creation_that_fails_in_the_middle_leaves_nothing(
    engine: ZenMLEngine, config: Path, table: str, when: str, left: dict[str, int]
) -> None:
    with refusing(config, table, when), pytest.raises(KitaruBackendError) as caught:
        create(VERTEX)

    assert "creating stack 'remote' failed" in str(caught.value)
    assert "HUSH" not in str(caught.value)
    assert caught.value.__context__ is None
    assert left_over(config) == left
    assert create(VERTEX).name == "remote"


def test_a_stack_that_cannot_become_the_active_one_is_not_made(
    engine: ZenMLEngine, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZENML_ACTIVE_STACK_ID", current_stack().stack_id)

    with pytest.raises(Exception, match="ZENML_ACTIVE_STACK_ID decides"):
        stacks.create_from(VERTEX, place="here", activate=True)

    assert left_over(config) == NOTHING


def create_until_pressed(thread: threading.Thread) -> None:
    create(SAGEMAKER)
    thread.join()


def test_ctrl_c_in_the_middle_comes_when_the_stack_is_whole(
    engine: ZenMLEngine, config: Path
) -> None:
    (file,) = config.rglob("zenml.db")
    create(SAGEMAKER, name="warm")

    def press() -> None:
        """Press it as soon as the first part of the stack is there."""
        with closing(sqlite3.connect(file)) as db:
            while not db.execute(
                "SELECT 1 FROM service_connector WHERE name = 'remote'"
            ).fetchone():
                pass
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()

    with pytest.raises(KeyboardInterrupt):
        create_until_pressed(thread)

    assert len(made().components) == 4


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {"settings": {"no_such": 1}}, r"\['no_such'\].* kubernetes", id="settings"
        ),
        pytest.param(
            {"settings": {"pod_settings": {"resources": 7}}}, "resources", id="values"
        ),
        pytest.param(
            {"credentials": {"connector": "other"}},
            "no service connector 'other'",
            id="connector",
        ),
        pytest.param({"credentials": {"secret": "other"}}, "no secret", id="secret"),
        pytest.param(
            {"credentials": {"server": "s", "token": "$NOT_SET"}},
            r"here: credentials.token: the variable NOT_SET is not set",
            id="variable",
        ),
        pytest.param(
            {"credentials": {"server": "s", "token": "@/no/file"}},
            "/no/file cannot be read",
            id="file",
        ),
        pytest.param({"name": "a/b"}, "stack name 'a/b' is not valid", id="name"),
        pytest.param({"name": "default"}, "there is a stack 'default'", id="taken"),
        pytest.param({"namespace": "A_B"}, "namespace", id="one of the platform"),
    ],
)
def test_what_can_never_work_is_refused_before_anything_is_made(
    engine: ZenMLEngine, config: Path, changes: dict[str, Any], said: str
) -> None:
    # Whatever it would write, it would fail with another error.
    with (
        refusing(config, "stack_component"),
        refusing_connectors(config),
        pytest.raises(KitaruUsageError, match=said) as caught,
    ):
        create(KUBERNETES, **changes)

    assert "HUSH" not in str(caught.value)
    assert left_over(config) == NOTHING


@contextmanager
def refusing_connectors(config: Path) -> Iterator[None]:
    (file,) = config.rglob("zenml.db")
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(
            "CREATE TRIGGER refuse_too BEFORE INSERT ON service_connector "
            "BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    yield


def test_credentials_of_another_form_are_refused_without_a_quote(
    engine: ZenMLEngine, config: Path
) -> None:
    half = json.dumps({"type": "service_account", "private_key": "HUSH"})

    with pytest.raises(KitaruUsageError, match="missing required fields") as caught:
        create(VERTEX, credentials={"service_account_json": half})

    assert "HUSH" not in str(caught.value)
    assert caught.value.__context__ is None
    assert left_over(config) == NOTHING


def test_a_connector_of_another_provider_is_refused(engine: ZenMLEngine) -> None:
    create(SAGEMAKER, name="first")

    with pytest.raises(KitaruUsageError, match="type: aws, connector: first"):
        create(KUBERNETES, credentials={"connector": "first"})

    assert [stack.name for stack in list_stacks()] == ["default", "first"]


def test_recursive_deletion_takes_components_connector_and_its_secret(
    engine: ZenMLEngine, config: Path
) -> None:
    create(SAGEMAKER)

    gone = stacks.delete("remote", recursive=True)

    assert gone.components == (
        "artifact_store remote",
        "container_registry remote",
        "image_builder remote",
        "orchestrator remote",
    )
    assert gone.connectors == ("remote",)
    assert left_over(config) == NOTHING


def test_recursive_deletion_leaves_what_others_use(
    engine: ZenMLEngine, config: Path
) -> None:
    create(SAGEMAKER, name="first")
    create(SAGEMAKER, credentials={"connector": "first"})
    shared = component(made(), "artifact_store")
    Client().create_stack(
        "third", {"orchestrator": "default", "artifact_store": shared.id}
    )

    gone = stacks.delete("first", recursive=True)
    then = stacks.delete("remote", recursive=True)
    last = stacks.delete("third", recursive=True)

    assert gone.connectors == ()
    assert (len(then.components), then.connectors) == (3, ())
    assert (last.components, last.connectors) == (
        ("artifact_store remote",),
        ("first",),
    )
    assert left_over(config) == NOTHING


def test_the_sdk_neither_creates_nor_deletes_remote_ones(engine: ZenMLEngine) -> None:
    create(KUBERNETES)

    with pytest.raises(KitaruUsageError, match="kitaru stack delete remote"):
        delete_stack("remote")


def test_the_store_opens_although_packages_of_the_active_stack_are_missing(
    engine: ZenMLEngine,
) -> None:
    stacks.create_from(KUBERNETES, place="here", activate=True)

    again = ZenMLEngine()

    assert again.stacks.active().name == "remote"
    again.journal.close()
