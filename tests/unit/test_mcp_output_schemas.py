"""The short schemas of what tools give back take all that the long ones take."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import jsonschema
import pytest
from pydantic import TypeAdapter, ValidationError

from kitaru.mcp.output_schemas import output_schema
from kitaru.models import Record


class Answer(Record):
    number: int | None = None
    place: Literal["here", "there"] | None = None
    only: Literal["this"] | None = None
    moment: datetime | None = None
    several: int | str | None = None
    inner: Answer | None = None


FULL = {
    "number": 1,
    "place": "there",
    "only": "this",
    "moment": "2026-01-02T03:04:05Z",
    "several": "a",
    "inner": {"place": None},
}


@pytest.mark.parametrize("given", [{}, FULL], ids=["empty", "full"])
def test_what_may_be_null_may_be_null_in_the_short_schema(given: Any) -> None:
    said = TypeAdapter(Answer).dump_python(Answer.model_validate(given), mode="json")

    jsonschema.validate(said, output_schema(Answer, is_full=True))


@pytest.mark.parametrize("name", ["number", "place", "only"])
def test_what_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Answer.model_validate({name: "else"})

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({name: "else"}, output_schema(Answer, is_full=True))
