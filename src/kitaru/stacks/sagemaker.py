"""A SageMaker stack: flows run as jobs of Amazon SageMaker."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from kitaru._core.stack_recipes import ComponentRecipe, StackRecipe
from kitaru.stacks.parts import AwsRegion, RemoteSpec, matching

Role = Annotated[
    str,
    matching(
        r"arn:aws[a-z\-]*:iam::\d{12}:role/[\w+=,.@\-/]+",
        "a role such as arn:aws:iam::123456789012:role/runner",
    ),
]
Instance = Annotated[
    str,
    matching(r"ml\.[a-z0-9\-]+\.[a-z0-9]+", "an instance type such as ml.m5.xlarge"),
]


class SagemakerSpec(RemoteSpec):
    """Settings of a SageMaker stack; `RemoteSpec` has the others.

    Attributes:
        type: `sagemaker`.
        region: AWS region of the jobs, such as `eu-west-1`.
        execution_role: ARN of the IAM role that the jobs run as.
        instance_type: Machine of a job, such as `ml.m5.xlarge`; `None`: ZenML's
            default.
    """

    provider: ClassVar[str] = "aws"
    schemes: ClassVar[tuple[str, ...]] = ("s3://",)
    registries: ClassVar[tuple[str, ...]] = ("aws",)
    example_registry: ClassVar[str] = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"

    type: Literal["sagemaker"]
    region: AwsRegion
    execution_role: Role
    instance_type: Instance | None = None

    def connector_settings(self, provider: str) -> dict[str, object]:
        """Return what a connector of a provider needs beside credentials."""
        return {"region": self.region} if provider == "aws" else {}

    def recipe(self) -> StackRecipe:
        """Return what it is made of."""
        settings: dict[str, object] = {
            "region": self.region,
            "execution_role": self.execution_role,
        }
        if self.instance_type is not None:
            settings["instance_type"] = self.instance_type
        orchestrator = ComponentRecipe(
            "orchestrator",
            "sagemaker",
            {**settings, **self.settings},
            self.connector(self.provider),
        )
        return StackRecipe(self.name, (orchestrator, *self.parts()), self.labels)
