"""What a stack is made of: components, and the connectors that let them in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# What to install so that this machine can work with a platform, by ZenML's name for it.
EXTRAS = {
    "kubernetes": "kubernetes",
    "aws": "aws",
    "s3": "aws",
    "gcp": "gcp",
    "azure": "azure",
}


@dataclass(frozen=True, slots=True)
class NewConnector:
    """Credentials to be kept by the platform; they are never shown."""

    provider: str
    method: str
    credentials: Mapping[str, object] = field(repr=False)
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownConnector:
    """Credentials that the platform keeps already, under a name."""

    provider: str
    name: str


Connector = NewConnector | KnownConnector


@dataclass(frozen=True, slots=True)
class ComponentRecipe:
    """A component: its kind and flavor, its settings, and who lets it in.

    `resource` is what it may reach through the connector, if its settings do not say it.
    """

    kind: str
    flavor: str
    configuration: Mapping[str, object] = field(default_factory=dict)
    connector: Connector | None = None
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class StackRecipe:
    """A stack to be created, all of it or nothing."""

    name: str
    components: tuple[ComponentRecipe, ...]
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def connectors(self) -> tuple[Connector, ...]:
        """The connectors, each once, in the order of their components."""
        found: list[Connector] = []
        for component in self.components:
            if component.connector is not None and component.connector not in found:
                found.append(component.connector)
        return tuple(found)
