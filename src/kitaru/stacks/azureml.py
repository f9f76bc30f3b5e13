"""An AzureML stack: flows run as command jobs of Azure Machine Learning."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from kitaru._core.stack_recipes import ComponentRecipe, StackRecipe
from kitaru.stacks.parts import RemoteSpec, matching

Subscription = Annotated[
    str,
    matching(
        r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        "the id of a subscription such as 00000000-0000-0000-0000-000000000000",
    ),
]
ResourceGroup = Annotated[
    str,
    matching(
        r"[\w.\-()]{0,89}[\w\-()]",
        "a resource group: up to 90 letters, digits and _ - . ( )",
    ),
]
Workspace = Annotated[
    str,
    matching(
        r"[A-Za-z0-9][\w\-]{2,32}", "a workspace: 3 to 33 letters, digits and _ -"
    ),
]


class AzuremlSpec(RemoteSpec):
    """Settings of an AzureML stack; `RemoteSpec` has the others.

    Attributes:
        type: `azureml`.
        subscription_id: Id of the Azure subscription.
        resource_group: Name of the resource group.
        workspace: Name of the AzureML workspace.
    """

    provider: ClassVar[str] = "azure"
    schemes: ClassVar[tuple[str, ...]] = ("az://", "abfs://")
    registries: ClassVar[tuple[str, ...]] = ("azure",)
    example_registry: ClassVar[str] = "myregistry.azurecr.io"

    type: Literal["azureml"]
    subscription_id: Subscription
    resource_group: ResourceGroup
    workspace: Workspace

    def connector_settings(self, provider: str) -> dict[str, object]:
        """Return what a connector of a provider needs beside credentials."""
        if provider != "azure":
            return {}
        return {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
        }

    def recipe(self) -> StackRecipe:
        """Return what it is made of."""
        settings: dict[str, object] = {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "workspace": self.workspace,
        }
        orchestrator = ComponentRecipe(
            "orchestrator",
            "azureml",
            {**settings, **self.settings},
            self.connector(self.provider),
        )
        return StackRecipe(self.name, (orchestrator, *self.parts()), self.labels)
