"""Lets ZenML load what Kitaru stored: `artifact.load()` gives the same value."""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer

from kitaru._core.calls.records import StoredValue
from kitaru._core.values import codec
from kitaru._engine.journal.journal import Journal
from kitaru._engine.settings import folders
from kitaru._engine.values import value_files
from kitaru._engine.zenml.recording import artifact_versions
from kitaru._engine.zenml.runs.trust import Gate


class KitaruMaterializer(BaseMaterializer):
    """Reads the one `data.*` file of an artifact with Kitaru's codec."""

    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA
    SKIP_REGISTRATION: ClassVar[bool] = True

    def load(self, data_type: type[Any]) -> Any:
        """Return the stored value."""
        names = [str(name) for name in self.artifact_store.listdir(self.uri)]
        (name,) = [name for name in names if name.startswith("data.")]
        with self.artifact_store.open(f"{self.uri}/{name}", "rb") as file:
            data = file.read()
        value = StoredValue(
            serializer=value_files.serializer_of(name),
            type_name="",
            content_hash=hashlib.sha256(data).hexdigest(),
            size=len(data),
            file_name=value_files.original_name(name),
        )
        return value_files.load(value, data, self._permit)

    def _permit(self, action: str) -> None:
        """Ask whose the value is: `load` runs wherever ZenML is asked for an artifact."""
        execution_id = artifact_versions.execution_at(self.uri)
        what = f"the artifact at {self.uri}"
        with closing(Journal(folders.journal_path())) as journal:
            gate = Gate(journal)
            if execution_id is None:
                gate.of_author(None, what, trust=False)(action)
            else:
                gate.of_execution(execution_id, what)(action)

    def save(self, data: Any) -> None:
        """Store a value; Kitaru itself writes the file before ZenML knows of it."""
        encoded = codec.encode(data)
        path = f"{self.uri}/{value_files.file_name(value_files.describe(encoded))}"
        with self.artifact_store.open(path, "wb") as file:
            file.write(encoded.payload)
