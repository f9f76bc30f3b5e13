"""Lets ZenML load what Kitaru stored: `artifact.load()` gives the same value."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer

from kitaru._core import codec
from kitaru._engine.blobs import serializer_of


class KitaruMaterializer(BaseMaterializer):
    """Reads the one `data.*` file of an artifact with Kitaru's codec."""

    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA
    SKIP_REGISTRATION: ClassVar[bool] = True

    def load(self, data_type: type[Any]) -> Any:
        """Return the stored value."""
        names = [str(name) for name in self.artifact_store.listdir(self.uri)]
        (name,) = [name for name in names if name.startswith("data.")]
        with self.artifact_store.open(
            str(PurePosixPath(self.uri) / name), "rb"
        ) as file:
            return codec.decode(serializer_of(name), file.read())

    def save(self, data: Any) -> None:
        """Store a value; Kitaru itself writes the file before ZenML knows of it."""
        from kitaru._engine.blobs import describe, file_name

        encoded = codec.encode(data)
        path = str(PurePosixPath(self.uri) / file_name(describe(encoded)))
        with self.artifact_store.open(path, "wb") as file:
            file.write(encoded.payload)
