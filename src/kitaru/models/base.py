"""What all records have in common."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Record(BaseModel):
    """Base of all records: frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Record, Generic[T]):
    """One page of a listing, numbered from 1, and how many items there are in all."""

    items: tuple[T, ...]
    total: int
    page: int
    size: int
