"""A Kubernetes stack: flows run as Jobs of a cluster, anybody's or a cloud's."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from kitaru._core.stack_recipes import ComponentRecipe, StackRecipe
from kitaru.stacks.parts import AwsRegion, GcpProject, RemoteSpec, matching

DnsLabel = Annotated[
    str,
    matching(
        r"[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?",
        "a Kubernetes name: up to 63 small letters, digits and -",
    ),
]
_CLOUDS = ("aws", "gcp", "azure")


class KubernetesSpec(RemoteSpec):
    """Settings of a Kubernetes stack; `RemoteSpec` has the others.

    Who is let in: `credentials` of the cluster or of the cloud that runs it, else the
    `context` of the kubeconfig of the machine that uses the stack.

    Attributes:
        type: `kubernetes`.
        cluster: Name of the cluster, as its cloud calls it; needed with `credentials`,
            else `None`.
        namespace: Namespace of the pods, which exists; `zenml` by default.
        service_account: Kubernetes service account of the pods; `None`: the namespace's
            default.
        context: Context of the kubeconfig; `None` with `credentials`.
        region: AWS region of cluster, storage or registry, needed with new credentials
            of AWS; else `None`.
        project: Id of the GCP project, with credentials of GCP; `None`: the one they
            name.
    """

    provider: ClassVar[str] = "kubernetes"

    type: Literal["kubernetes"]
    cluster: str | None = Field(default=None, min_length=1)
    namespace: DnsLabel = "zenml"
    service_account: DnsLabel | None = None
    context: str | None = Field(default=None, min_length=1)
    region: AwsRegion | None = None
    project: GcpProject | None = None

    @classmethod
    def providers(cls) -> tuple[str, ...]:
        """Return whose credentials this platform takes."""
        return ("kubernetes", *_CLOUDS)

    @model_validator(mode="after")
    def _can_be_reached(self) -> KubernetesSpec:
        if (self.credentials is None) == (self.context is None):
            raise ValueError(
                "how is the cluster reached? Give credentials, or the context of a "
                "kubeconfig; one of them"
            )
        if self.credentials is not None and self.cluster is None:
            raise ValueError("credentials need a cluster: the name of the cluster")
        self._check_cloud()
        return self

    def _check_cloud(self) -> None:
        """Check what a new connector of AWS needs, wherever credentials stand."""
        own = (
            (self.credentials, self.provider),
            (self.artifact_store.credentials, self.artifact_store.provider),
            (self.container_registry.credentials, self.container_registry.provider),
        )
        uses_aws = any(
            found.provider(default) == "aws" and found.connector is None
            for found, default in own
            if found is not None
        )
        if uses_aws and self.region is None and self.artifact_store.endpoint is None:
            raise ValueError("aws credentials need a region, such as eu-west-1")

    def connector_settings(self, provider: str) -> dict[str, object]:
        """Return what a connector of a provider needs beside credentials."""
        settings: dict[str, dict[str, object]] = {
            "aws": {"region": self.region},
            "gcp": {"project_id": self.project},
            "kubernetes": {"cluster_name": self.cluster},
        }
        return settings.get(provider, {})

    def recipe(self) -> StackRecipe:
        """Return what it is made of."""
        settings: dict[str, object] = {"kubernetes_namespace": self.namespace}
        if self.context is not None:
            settings["kubernetes_context"] = self.context
        if self.service_account is not None:
            settings["service_account_name"] = self.service_account
            settings["step_pod_service_account_name"] = self.service_account
        connector = None
        if self.credentials is not None:
            connector = self.connector(self.credentials.provider(self.provider))
        orchestrator = ComponentRecipe(
            "orchestrator",
            "kubernetes",
            {**settings, **self.settings},
            connector,
            self.cluster if connector is not None else None,
        )
        return StackRecipe(self.name, (orchestrator, *self.parts()), self.labels)
