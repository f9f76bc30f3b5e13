"""A Vertex AI stack: flows run as custom jobs of Google Cloud."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from kitaru._core.stack_recipes import ComponentRecipe, StackRecipe
from kitaru.stacks.parts import GcpLocation, GcpProject, RemoteSpec, matching

Email = Annotated[
    str,
    matching(
        r"[\w.\-]+@[\w.\-]+",
        "a service account such as runner@my-project.iam.gserviceaccount.com",
    ),
]


class VertexSpec(RemoteSpec):
    """Settings of a Vertex AI stack; `RemoteSpec` has the others.

    Attributes:
        type: `vertex`.
        project: Id of the GCP project.
        location: GCP location of the jobs, such as `europe-west1`.
        service_account: Address of the service account that the jobs run as; `None`:
            the project's default.
    """

    provider: ClassVar[str] = "gcp"
    schemes: ClassVar[tuple[str, ...]] = ("gs://",)
    registries: ClassVar[tuple[str, ...]] = ("gcp",)
    example_registry: ClassVar[str] = "europe-west1-docker.pkg.dev/PROJECT/REPOSITORY"

    type: Literal["vertex"]
    project: GcpProject
    location: GcpLocation
    service_account: Email | None = None

    def connector_settings(self, provider: str) -> dict[str, object]:
        """Return what a connector of a provider needs beside credentials."""
        return {"project_id": self.project} if provider == "gcp" else {}

    def recipe(self) -> StackRecipe:
        """Return what it is made of."""
        settings: dict[str, object] = {
            "project": self.project,
            "location": self.location,
        }
        if self.service_account is not None:
            settings["workload_service_account"] = self.service_account
        orchestrator = ComponentRecipe(
            "orchestrator",
            "vertex",
            {**settings, **self.settings},
            self.connector(self.provider),
        )
        return StackRecipe(self.name, (orchestrator, *self.parts()), self.labels)
