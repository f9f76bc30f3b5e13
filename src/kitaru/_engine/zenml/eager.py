"""Listings of a local ZenML store, read with all that belongs to their rows.

ZenML's own listing of waits reads the run of each one by one.
"""

from __future__ import annotations

from sqlalchemy.orm import joinedload
from sqlmodel import select
from zenml.client import Client
from zenml.models import Page, RunWaitConditionFilter, RunWaitConditionResponse
from zenml.zen_stores.schemas import PipelineRunSchema, RunWaitConditionSchema
from zenml.zen_stores.schemas.utils import jl_arg
from zenml.zen_stores.sql_zen_store import Session, SqlZenStore


def wait_conditions(wanted: RunWaitConditionFilter) -> Page[RunWaitConditionResponse]:
    """Return a page of wait conditions, in as few statements however long it is."""
    store = Client().zen_store
    if not isinstance(store, SqlZenStore):
        return store.list_run_wait_conditions(wanted, hydrate=True)
    runs = joinedload(jl_arg(RunWaitConditionSchema.run))
    with Session(store.engine) as session:
        return store.filter_and_paginate(
            session=session,
            query=select(RunWaitConditionSchema).options(
                runs.joinedload(jl_arg(PipelineRunSchema.snapshot))
            ),
            table=RunWaitConditionSchema,
            filter_model=wanted,
            hydrate=True,
            apply_query_options_from_schema=True,
        )
