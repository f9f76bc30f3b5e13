"""Text from outside is text: in every field of every record, wherever it is printed."""

from __future__ import annotations

import enum
import io
import json
import types
import unicodedata
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from kitaru._core.words import plain
from kitaru._engine.output.reporter import StreamReporter
from kitaru._engine.output.streams import say, tell
from kitaru._engine.port.execution import Ending
from kitaru._ops.overview import Overview
from kitaru.cli import (
    auth,
    clean,
    connection,
    home,
    log_store,
    models,
    reconcile,
    render,
    secrets,
    stacks,
    tree,
)
from kitaru.cli.output import Format, fail, show_item, show_items
from kitaru.errors import KitaruError
from kitaru.mcp.wording import for_assistants, readable
from kitaru.models import (
    ApiKey,
    Cleaned,
    CleanPlan,
    Connection,
    Continuation,
    DeletedStack,
    Execution,
    ExecutionStatus,
    LocalServer,
    LogEntry,
    LoggedOut,
    LogStore,
    ModelAlias,
    Page,
    PendingWait,
    Reconciled,
    SecretInfo,
    ServiceAccount,
    Stack,
    StackReport,
)

FORGED = "✓ FORGED completed"
EVIL = (
    "\x1b]0;PWN\x07\x1b[38;5;201mEVIL\x1b[2J\r\n" + FORGED + "\x9b31m \u202eRTL\u2066 "
    "[bold]MARK[/bold] [/nope] \x00 \x7f \u2028LS a\u200bb\ufeff \ud83d \U000e0041"
)
# Written from the Unicode standard, not from the code that is tested.
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
HIDDEN = set("\u00ad\u034f\u180e\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\u3164\uffa0")

pieces = st.sampled_from(
    [*BIDI, *HIDDEN, EVIL, "\x1b[31m", "\n", "\r", "\t", f"\n{FORGED}"]
)
evil = st.lists(
    st.one_of(
        pieces, st.text(max_size=4), st.characters(categories=("Cc", "Cs", "Cf"))
    ),
    max_size=4,
).map("".join)
moments = st.just(datetime(2026, 1, 2, tzinfo=UTC))


# Records are big: a failure is shown as it was found.
SOME = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def dirt(printed: str) -> list[str]:
    """Return what a terminal would obey or hide, in what was printed."""
    unsafe = {
        c
        for c in printed
        if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in BIDI | HIDDEN
    }
    forged = [line for line in printed.split("\n") if line.startswith(FORGED)]
    return [repr(c) for c in sorted(unsafe - {"\n"})] + forged


def field(annotation: Any) -> st.SearchStrategy[Any]:
    """Return evil values for the type of a field."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return st.one_of([field(one) for one in inner])
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return st.lists(field(inner[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(evil, field(inner[1]), max_size=2)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return st.sampled_from(list(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return record(annotation)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: evil,
        Any: evil,
        bool: st.booleans(),
        int: st.integers(1, 9),
        float: st.floats(0, 9),
        Decimal: st.just(Decimal("0.01")),
        datetime: moments,
        timedelta: st.timedeltas(timedelta(), timedelta(days=9)),
        type(None): st.none(),
    }
    return simple[annotation]


def record(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Return records with evil texts in every field."""
    return st.builds(
        model,
        **{
            info.alias or name: field(info.annotation)
            for name, info in model.model_fields.items()
        },
    )


def page(items: type[BaseModel]) -> st.SearchStrategy[Any]:
    return st.lists(record(items), min_size=1, max_size=2).map(
        lambda found: Page(items=tuple(found), total=9, page=1, size=2)
    )


PLACES: dict[str, tuple[Any, Callable[[Any], object]]] = {
    "executions get": (record(Execution), tree.execution),
    "executions list": (page(Execution), render.executions),
    "retry and resume": (
        st.tuples(record(Execution), record(Continuation)),
        lambda found: render.goes_on(*found),
    ),
    "--wait": (record(Execution), render.settled),
    "cancel": (record(Execution), render.line),
    "logs": (record(LogEntry), lambda entry: say(*render.log_lines(entry))),
    "home": (
        st.builds(
            Overview,
            waiting=page(Execution),
            failed=page(Execution),
            running=page(Execution),
        ),
        home._print,
    ),
    "stack show": (record(Stack), stacks._print),
    "stack list": (page(Stack), stacks._print_page),
    "stack verify": (record(StackReport), stacks._say_found),
    "stack delete": (record(DeletedStack), stacks._say_deleted),
    "model list": (page(ModelAlias), models._print_aliases),
    "secrets list": (page(SecretInfo), secrets._print_page),
    "reconcile": (st.lists(record(Reconciled)), reconcile._print),
    "clean": (record(CleanPlan), clean._print_plan),
    "cleaned": (record(Cleaned), clean._print_done),
    "log-store": (record(LogStore), log_store._print),
    "login": (record(Connection), connection._show_connection),
    "local server": (record(LocalServer), connection._show_server),
    "logout": (record(LoggedOut), connection._show_logout),
    "account": (record(ServiceAccount), auth._show_account),
    "key": (record(ApiKey), auth._show_key),
    "error": (evil, lambda text: fail("x", KitaruError(text), Format.TEXT)),
    "said": (evil, say),
    "told": (evil, tell),
}


def printed(show: Callable[[], object]) -> str:
    """Return what is printed on both streams."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        show()
    return out.getvalue()


@pytest.mark.parametrize("place", PLACES)
def test_nothing_steers_the_terminal_or_hides(place: str) -> None:
    values, show = PLACES[place]

    @SOME
    @given(values)
    def shown(value: Any) -> None:
        assert dirt(printed(lambda: show(value))) == []

    shown()


def _odd(text: str) -> type[Exception]:
    """Return a class of exceptions with an evil name, as far as Python allows."""
    name = text.replace("\x00", "").encode(errors="ignore").decode()
    return type(f"Odd{name}", (Exception,), {})


@given(evil)
def test_progress_lines_show_it_escaped(text: str) -> None:
    stream = io.StringIO()
    lines = StreamReporter(stream)
    wait = PendingWait(wait_id="w", name=text, question=text)

    lines.begun("6f2d1f9e", text, finished_calls=0, here_only=True)
    lines.failed(text, _odd(text)(text), 1)
    lines.reused(text, text)
    lines.waiting("6f2d1f9e", wait)
    lines.warn(text)
    failed = Ending(ExecutionStatus.FAILED, error=ValueError(text))
    lines.ended("6f2d1f9e", text, failed)

    assert dirt(stream.getvalue()) == []


@given(evil)
def test_assistants_and_their_forms_show_it_escaped(text: str) -> None:
    assert dirt(readable(text)) == []
    assert dirt(for_assistants(text)) == []


@SOME
@given(record(Execution), record(LogEntry))
def test_json_says_the_same_with_escapes_of_json(
    execution: Execution, entry: LogEntry
) -> None:
    one = printed(lambda: show_item("x", execution, Format.JSON, lambda: None))
    many = printed(lambda: show_items("x", [entry], Format.JSON, lambda: None))
    bad = printed(lambda: fail("x", KitaruError(entry.message), Format.JSON))

    assert dirt(one + many + bad) == []
    assert json.loads(one)["item"]["status_reason"] == _read(execution.status_reason)
    assert json.loads(many)["items"][0]["message"] == _read(entry.message)
    assert json.loads(bad)["error"]["message"] == _read(entry.message)


def _read(text: str | None) -> str | None:
    """Return a text as JSON tells it: two halves of a surrogate pair are one letter."""
    return text and text.encode("utf-16", "surrogatepass").decode(
        "utf-16", "surrogatepass"
    )


@pytest.mark.parametrize(
    "text",
    [
        "naïve Überschrift",
        "日本語のテキスト",
        "👩‍👩‍👧 🏴‍☠️ ❤️",
        "नमस्ते क्‍ष",
        "سلام می‌خواهم",
        "a\\b c",
    ],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert plain.line(text) == text
    assert plain.json_text(text) == text


def test_several_lines_stay_several_but_none_looks_like_ours() -> None:
    assert plain.block("Continue?\r\n- 3 sources\n" + FORGED + "\n") == [
        "Continue?",
        "| - 3 sources",
        f"| {FORGED}",
    ]
