"""Parts that stacks of several platforms have: values, images and their places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from kitaru._core.secrecy import masking
from kitaru._core.secrecy.redaction import HIDDEN
from kitaru._core.stack_recipes import ComponentRecipe, Connector
from kitaru._core.words.similar import shorten
from kitaru.stacks.credentials import Credentials

SCHEMES = {
    "s3://": ("s3", "aws"),
    "gs://": ("gcp", "gcp"),
    "az://": ("azure", "azure"),
    "abfs://": ("azure", "azure"),
}
_BUCKET = re.compile(r"[a-z0-9][\w.\-]{1,254}(/[^\s?#]*)?", re.IGNORECASE | re.ASCII)
_HOST = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9.\-]*[A-Za-z0-9])?(:\d{1,5})?(/[a-z0-9._\-/]+)?", re.ASCII
)
_USER = re.compile(r"[^/@\s]+:[^/@\s]*@")
# By host; the first that fits. Flavor and provider.
_REGISTRIES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?"),
        "aws",
        "aws",
    ),
    (re.compile(r"([a-z0-9-]+-docker\.pkg\.dev|([a-z]+\.)?gcr\.io)/.+"), "gcp", "gcp"),
    (re.compile(r"[a-z0-9]+\.azurecr\.io(/.+)?"), "azure", "azure"),
    (re.compile(r"(.+\.)?docker\.io(/.+)?"), "dockerhub", "docker"),
    (re.compile(r"ghcr\.io(/.+)?"), "github", "docker"),
)


def matching(pattern: str, what: str) -> AfterValidator:
    """Return a check that a text has a form; `what` says it, with an example."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"{shown(value)} is not {what}")
        return value

    return AfterValidator(check)


AwsRegion = Annotated[
    str, matching(r"[a-z]{2}(-[a-z]+)+-\d", "an AWS region such as eu-west-1")
]
GcpLocation = Annotated[
    str, matching(r"[a-z]+-[a-z]+\d+", "a GCP location such as europe-west1")
]
GcpProject = Annotated[
    str,
    matching(
        r"([a-z0-9.\-]+:)?[a-z][a-z0-9\-]{4,28}[a-z0-9]",
        "the id of a GCP project such as my-project-123",
    ),
]


class Part(BaseModel):
    """Settings that are checked whole and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ArtifactStore(Part):
    """Where values go: an URI, or an URI with more about it.

    Attributes:
        uri: Bucket and folder, such as `s3://bucket/folder`; also with `gs://`, `az://`
            and `abfs://`.
        endpoint: URL of a store that speaks S3 but is not Amazon's; `None`: Amazon's
            own.
        region: Region to tell the `endpoint`; `None`: none is told.
        credentials: Of this store alone; `None`: those of the stack, where they fit.
    """

    uri: str
    endpoint: (
        Annotated[
            str, matching(r"https?://[^\s@?#]+", "a URL such as https://minio:9000")
        ]
        | None
    ) = None
    region: str | None = None
    credentials: Credentials | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, given: Any) -> Any:
        return {"uri": given} if isinstance(given, str) else given

    @field_validator("uri")
    @classmethod
    def _check_uri(cls, uri: str) -> str:
        scheme = scheme_of(uri)
        if scheme not in SCHEMES:
            raise ValueError(
                f"{shown(uri)} is not a place for values: it begins with one of "
                f"{', '.join(SCHEMES)}"
            )
        if not _BUCKET.fullmatch(uri[len(scheme) :]):
            raise ValueError(
                f"{shown(uri)} is not a bucket with a folder, such as "
                f"{scheme}bucket/folder"
            )
        return uri.rstrip("/")

    @model_validator(mode="after")
    def _check_endpoint(self) -> ArtifactStore:
        own = self.credentials
        if own is not None:
            own.check(self.provider, (self.provider,))
        if self.endpoint is None:
            return self
        if self.provider != "aws":
            raise ValueError("endpoint is for s3:// only")
        if own is not None and own.secret is None:
            raise ValueError(
                "with an endpoint, credentials are a secret: {secret: NAME}, which has "
                "aws_access_key_id and aws_secret_access_key"
            )
        return self

    @property
    def provider(self) -> str:
        """Whose storage it is."""
        return SCHEMES[scheme_of(self.uri)][1]

    def recipe(self, connector: Connector | None) -> ComponentRecipe:
        """Return the component."""
        flavor = SCHEMES[scheme_of(self.uri)][0]
        settings: dict[str, object] = {"path": self.uri}
        if self.endpoint is None:
            return ComponentRecipe("artifact_store", flavor, settings, connector)
        client = {"endpoint_url": self.endpoint}
        if self.region is not None:
            client["region_name"] = self.region
        settings["client_kwargs"] = client
        if self.credentials is not None:
            # A service connector would ask Amazon about them; ZenML reads a secret.
            for key, name in (
                ("key", "access_key_id"),
                ("secret", "secret_access_key"),
            ):
                settings[key] = f"{{{{{self.credentials.secret}.aws_{name}}}}}"
        return ComponentRecipe("artifact_store", flavor, settings)


class ContainerRegistry(Part):
    """Where images come from: an address, or an address with credentials.

    Attributes:
        uri: Such as `registry.example.com/team`, without `https://` and tag.
        credentials: Of this registry alone; `None`: those of the stack, where they fit.
    """

    uri: str
    credentials: Credentials | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, given: Any) -> Any:
        return {"uri": given} if isinstance(given, str) else given

    @field_validator("uri")
    @classmethod
    def _check_uri(cls, uri: str) -> str:
        if "://" in uri or not _HOST.fullmatch(uri):
            raise ValueError(
                f"{shown(uri)} is not the address of a registry, such as "
                "registry.example.com/team; it has no https:// and no tag"
            )
        if registry_of(uri)[0] == "aws" and "/" in uri:
            raise ValueError(
                f"{shown(uri)}: a registry of AWS is given without repository, as "
                f"{uri.partition('/')[0]}"
            )
        return uri.rstrip("/")

    @model_validator(mode="after")
    def _check_credentials(self) -> ContainerRegistry:
        if self.credentials is not None:
            self.credentials.check(self.provider, tuple({self.provider, "docker"}))
        return self

    @property
    def provider(self) -> str:
        """Whose registry it is; `docker` for one that is nobody's in particular."""
        return registry_of(self.uri)[1]

    def recipe(self, connector: Connector | None) -> ComponentRecipe:
        """Return the component."""
        flavor = registry_of(self.uri)[0]
        if connector is not None and connector.provider == "docker":
            # The flavors of the clouds take their own cloud's connectors only.
            flavor = "default" if flavor in ("aws", "gcp", "azure") else flavor
        return ComponentRecipe(
            "container_registry", flavor, {"uri": self.uri}, connector
        )


class RemoteSpec(Part):
    """What all remote stacks have.

    Attributes:
        name: Name of the stack.
        artifact_store: Where values go.
        container_registry: Where images come from.
        credentials: Who is let in; `None`: whatever the machine that uses the stack is
            logged in with.
        image_builder: `local`: Docker on the machine that starts a flow.
        labels: Labels of the stack by key; none by default.
        settings: Further settings of ZenML's orchestrator of this platform, by name;
            none by default.
    """

    provider: ClassVar[str]
    schemes: ClassVar[tuple[str, ...]] = tuple(SCHEMES)
    registries: ClassVar[tuple[str, ...]] = ()
    example_registry: ClassVar[str] = "registry.example.com/team"

    name: str
    artifact_store: ArtifactStore
    container_registry: ContainerRegistry
    credentials: Credentials | None = None
    image_builder: Literal["local"] = "local"
    labels: Mapping[str, str] = Field(default_factory=dict)
    settings: Mapping[str, Any] = Field(
        default_factory=dict,
        description="Further settings of ZenML's orchestrator of this platform.",
    )

    @field_validator("artifact_store")
    @classmethod
    def _fits_platform(cls, store: ArtifactStore) -> ArtifactStore:
        if scheme_of(store.uri) not in cls.schemes:
            raise ValueError(
                f"{shown(store.uri)} does not fit this platform: use "
                f"{' or '.join(cls.schemes)}"
            )
        return store

    @field_validator("container_registry")
    @classmethod
    def _pulls_from(cls, registry: ContainerRegistry) -> ContainerRegistry:
        if cls.registries and registry.provider not in cls.registries:
            raise ValueError(
                f"{shown(registry.uri)} does not fit this platform: use an address such "
                f"as {cls.example_registry}"
            )
        return registry

    @field_validator("credentials")
    @classmethod
    def _are_of_platform(
        cls, credentials: Credentials | None, info: ValidationInfo
    ) -> Credentials | None:
        if credentials is not None:
            credentials.check(cls.provider, cls.providers())
        return credentials

    @classmethod
    def providers(cls) -> tuple[str, ...]:
        """Return whose credentials this platform takes."""
        return (cls.provider,)

    def connector_settings(self, provider: str) -> dict[str, object]:
        """Return what a connector of a provider needs beside credentials."""
        return {}

    def connector(
        self, provider: str, own: Credentials | None = None
    ) -> Connector | None:
        """Return the connector for what a provider has: its own, else the stack's."""
        if own is not None:
            whose = own.provider(provider)
            return own.recipe(whose, self.connector_settings(whose))
        shared = self.credentials
        if shared is None or shared.provider(self.provider) != provider:
            return None
        return shared.recipe(provider, self.connector_settings(provider))

    def parts(self) -> tuple[ComponentRecipe, ...]:
        """Return the components that are the same on all platforms."""
        store, registry = self.artifact_store, self.container_registry
        return (
            store.recipe(self.connector(store.provider, store.credentials)),
            registry.recipe(self.connector(registry.provider, registry.credentials)),
            ComponentRecipe("image_builder", self.image_builder),
        )


def shown(address: str) -> str:
    """Return an address as messages show it: without who logs in, and not too long."""
    return shorten(_USER.sub(f"{HIDDEN}@", masking.shown(address)), 80)


def scheme_of(uri: str) -> str:
    """Return the scheme of a URI, such as `s3://`; empty if it has none."""
    scheme, separator, _ = uri.partition("://")
    return scheme + separator if separator else ""


def registry_of(uri: str) -> tuple[str, str]:
    """Return flavor and provider of a registry."""
    for pattern, flavor, provider in _REGISTRIES:
        if pattern.fullmatch(uri) or pattern.fullmatch(uri.partition("/")[0]):
            return flavor, provider
    return "default", "docker"
