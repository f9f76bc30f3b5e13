"""What all records have in common."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


def _without_attributes(schema: dict[str, Any]) -> None:
    """Leave to JSON schemas what a record is: they name its fields themselves.

    An assistant is given the schemas of all tools at once, before anything is asked.
    """
    if "description" in schema:
        said, _, _ = schema["description"].partition("\n\nAttributes:")
        schema["description"] = said


class Record(BaseModel):
    """Base of all records: frozen, unknown fields refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        defer_build=True,
        json_schema_extra=_without_attributes,
    )


class Page(Record, Generic[T]):
    """One page of a listing.

    Attributes:
        items: What is on this page, in the order of the listing; empty past the end.
        total: How many items there are on all pages.
        page: Its number, from 1.
        size: How many items fit on a page.
    """

    items: tuple[T, ...]
    total: int
    page: int
    size: int
