"""JSON schemas of Python types, as pydantic makes them."""

from __future__ import annotations

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema


class Schemas(GenerateJsonSchema):
    """Pydantic's JSON schemas, with one thing said as it is meant."""

    def tagged_union_schema(
        self, schema: core_schema.TaggedUnionSchema
    ) -> JsonSchemaValue:
        """Return `anyOf` where a function tells the choices apart.

        What is told apart by a function may look alike, which `oneOf` refuses.
        """
        found = super().tagged_union_schema(schema)
        if "oneOf" in found and "discriminator" not in found:
            found["anyOf"] = found.pop("oneOf")
        return found
