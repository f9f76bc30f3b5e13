"""What is secret: names, values and the forms they take in texts."""

from __future__ import annotations

import base64
import io
import json
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from kitaru._core.calls import failures
from kitaru._core.secrecy import masking
from kitaru._core.secrecy.masking import Secrets
from kitaru._core.secrecy.secret_names import is_secret
from kitaru._core.secrecy.secret_rules import without_values
from kitaru._core.values.tagging import anything
from kitaru._engine.output.log_file import LogFile
from kitaru._engine.output.reporter import StreamReporter
from kitaru.models import FailureOrigin

SECRET_NAMES = [
    "ACME_KEY",
    "ACME_API_KEY",
    "apiKey",
    "APIKey",
    "x-api-key",
    "api_key_2",
    "API_KEYS",
    "KITARU_AUTH_TOKEN",
    "ZENML_STORE_PASSWORD",
    "ZENML_SERVER_JWT_SECRET_KEY",
    "my_credentials",
    "DB_PASSWD",
    "db_pwd",
    "pwd",
    "dbpassword",
    "passphrase",
    "Authorization",
    "Proxy-Authorization",
    "Set-Cookie",
    "access_token",
    "accesstoken",
    "refreshTokens",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "private_key_id",
    "client_secret",
    "SECRET_KEY_BASE",
    "BASIC_AUTH",
    "auth",
    "SLACK_TOKEN",
    "apikey",
]
OTHER_NAMES = [
    "max_tokens",
    "input_tokens",
    "tokens",
    "author",
    "AUTHOR",
    "GIT_AUTHOR_NAME",
    "sort_key",
    "primary_key",
    "PUBLIC_KEY",
    "cache_key",
    "key",
    "KEY",
    "keyboard",
    "monkey",
    "secretary",
    "PWD",
    "OLDPWD",
    "SSH_AUTH_SOCK",
    "XAUTHORITY",
    "TOKENIZERS_PARALLELISM",
    "TOKEN_URL",
    "token_type",
    "SECRET_NAME",
    "PASSWORD_FILE",
    "ACME_REGION",
    "tokenizer",
    "compass",
    "",
    "42",
]

# Names of what the value looks like; each has letters, digits and what needs escapes.
VALUES = {
    "plain": "masking-4f9aQ2-key",
    "quoted": 'masking "ss\\word" \'2!',
    "lines": "masking-first-line-1\nmasking-second-line-2",
    "foreign": "mäsking-päss-wörd 7",
    "signs": "masking/p@ss+99=?&",
    "hex": "0123456789abcdef4711f00d",
}
Quote = Callable[[str], str]


def _base64(before: int, *, url_safe: bool = False) -> Quote:
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    return lambda value: encode(b"u" * before + value.encode() + b":end").decode()


FORMS: dict[str, Quote] = {
    "as it is": lambda value: f"<{value}>",
    "repr": repr,
    "ascii": ascii,
    "repr of a dict": lambda value: repr({"it's": value}),
    "repr of bytes": lambda value: repr(value.encode()),
    "repr of repr": lambda value: repr(repr(value)),
    "JSON": json.dumps,
    "JSON as it is": lambda value: json.dumps({"a": value}, ensure_ascii=False),
    "JSON in JSON": lambda value: json.dumps(json.dumps(value, ensure_ascii=False)),
    "KeyError": lambda value: str(KeyError(value)),
    "URL": lambda value: f"https://h/?x={quote(value, safe='')}",
    "path": lambda value: f"https://h/{quote(value)}",
    "form": lambda value: f"x={quote_plus(value)}",
    "small URL": lambda value: re.sub("%..", lambda m: m[0].lower(), quote(value)),
    **{f"base64 {n}": _base64(n) for n in range(4)},
    **{f"URL-safe base64 {n}": _base64(n, url_safe=True) for n in range(4)},
}


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_name_tells_of_a_secret_wherever_it_stands(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = f"masking-value-of-{name}"
    monkeypatch.setenv(name, value)

    assert is_secret(name)
    assert masking.setting(name, "hunter2") == "***"
    assert masking.data({"a": [{name: "hunter2"}]}) == {"a": [{name: "***"}]}
    assert masking.recorded({name: ["hunter2"], "b": 1}) == {name: ["***"], "b": 1}
    assert masking.text(f"with {value}") == "with ***"
    assert masking.shown(f"https://h/?{name}=hunter2") == f"https://h/?{name}=***"


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_other_names_tell_of_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = f"masking-open-{name}-value"
    if name:
        monkeypatch.setenv(name, value)

    assert not is_secret(name)
    assert masking.setting(name, value) == value
    assert masking.data({name: value}) == {name: value}
    assert masking.text(f"with {value}") == f"with {value}"


def test_only_text_under_a_secret_name_is_hidden() -> None:
    given = {"token": 5, "password": "", "api_key": None, "secret": {"name": "n"}}

    assert masking.data(given) == given


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", VALUES)
def test_a_value_is_found_in_each_form(kind: str, form: str) -> None:
    value, said = VALUES[kind], FORMS[form](VALUES[kind])

    hidden = Secrets([value]).text(f"before {said} after")

    assert "***" in hidden
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")
    assert said not in hidden
    # No part of it that a person could read is left, either.
    assert "ask" not in hidden


@pytest.mark.parametrize(
    "change", [str.upper, str.lower, str], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("value", [VALUES["hex"], "Ab12" * 8, VALUES["plain"]])
def test_capitals_do_not_hide_a_made_value(value: str, change: Quote) -> None:
    assert Secrets([value]).text(f"id {change(value)}") == "id ***"


def test_base64_leaves_no_part_of_a_value() -> None:
    header = base64.b64encode(b"user:masking-4f9aQ2-key").decode()

    hidden = Secrets(["masking-4f9aQ2-key"]).text(f"Basic {header}")

    left = hidden.removeprefix("Basic ").removesuffix("***")
    assert base64.b64decode(left + "=" * (-len(left) % 4)) in (b"user", b"use")
    assert hidden.endswith("***")


def test_short_values_are_left_alone() -> None:
    masking.remember({"USER": "admin", "PASSWORD": "seven77"})

    assert masking.text("the admin page seven77") == "the admin page seven77"


def test_overlapping_values_leave_nothing_of_either() -> None:
    secrets = Secrets(["masking-short", "masking-short-and-long", "and-long-more"])

    assert secrets.text("<masking-short-and-long>") == "<***>"
    assert secrets.text("<masking-short-and-long-more>") == "<***>"


def test_secret_parts_of_a_value_that_is_json_are_cut_out_too() -> None:
    key = "-----BEGIN KEY-----\n" + "masking0inner" * 3 + "\n-----END KEY-----"
    inner = {"auths": {"host": {"auth": "masking-inner-auth"}}, "type": "an_account"}
    masking.remember({"FILE": json.dumps({"private_key": key, **inner})})

    assert masking.text("quoting masking-inner-auth") == "quoting ***"
    assert masking.text("masking0inner" * 3) == "***"
    assert masking.text("of type an_account") == "of type an_account"


def test_the_password_in_the_url_of_a_variable_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACME_DATABASE", "postgres://me:masking%2Fpw@h/db")

    said = masking.text("no login with masking%2Fpw or masking/pw")

    assert said == "no login with *** or ***"


def test_a_variable_that_is_set_later_is_known_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert masking.text("masking-set-later") == "masking-set-later"

    monkeypatch.setenv("ACME_KEY", "masking-set-later")

    assert masking.text("masking-set-later") == "***"


def test_what_was_secret_stays_so_when_its_variable_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACME_KEY", "masking-gone-again")
    assert masking.text("masking-gone-again") == "***"

    monkeypatch.delenv("ACME_KEY")

    assert masking.text("masking-gone-again") == "***"


def test_keys_of_data_are_texts_too_and_stay_apart() -> None:
    secrets = Secrets(["masking-key-one", "masking-key-two"])

    hidden = secrets.data({"note masking-key-one": 1, "note masking-key-two": 2, 3: 4})

    assert hidden == {"note ***": 1, "note *** 2": 2, 3: 4}


def test_variables_that_are_not_text_do_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACME_KEY", "masking-\udcff-bytes")

    assert masking.text("is masking-\udcff-bytes") == "is ***"
    assert masking.text("\ud800") == "\ud800"


# -- every place that writes -----------------------------------------------------


def _logged(text: str, folder: Path) -> str:
    file = LogFile(folder / "log")
    file.write(text)
    return "".join(entry.message for entry in file.read())


def _logged_past_us(text: str, folder: Path) -> str:
    file = LogFile(folder / "log")
    file.path.write_text("".join(f"{line}\n" for line in text.splitlines()))
    return "".join(entry.message for entry in file.read())


def _printed(text: str, folder: Path) -> str:
    stream = io.StringIO()
    StreamReporter(stream).warn(text)
    return stream.getvalue()


def _failed(text: str, folder: Path) -> str:
    try:
        raise ValueError(text)
    except ValueError as error:
        stored = failures.store(error, FailureOrigin.USER_CODE)
        rebuilt = failures.rebuild(stored, anything)
    shown = "".join(traceback.format_exception(rebuilt)) if rebuilt else ""
    return stored.message + stored.traceback + shown


def _died(text: str, folder: Path) -> str:
    stored = failures.without_exception(text, FailureOrigin.RUNTIME, traceback=text)
    return stored.message + stored.traceback


PLACES: dict[str, Callable[[str, Path], str]] = {
    "log": _logged,
    "log of another program": _logged_past_us,
    "terminal": _printed,
    "failure": _failed,
    "failure without an exception": _died,
    "metadata": lambda text, _: repr(masking.data({"a": [text], text: {}})),
    "prompt": lambda text, _: repr(masking.recorded([{"content": text}])),
    "status": lambda text, _: masking.shown(text),
    "variable": lambda text, _: masking.setting("ACME_PLACE", text),
    "message of a platform": lambda text, _: without_values(text, {}),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", ["as it is", "repr", "JSON", "URL", "base64 1"])
@pytest.mark.parametrize("kind", ["plain", "signs", "foreign", "hex"])
def test_every_place_hides_the_value_of_a_variable_in_each_form(
    place: str, form: str, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ACME_KEY", VALUES[kind])
    said = FORMS[form](VALUES[kind])

    written = PLACES[place](f"before {said} after", tmp_path)

    assert "***" in written
    assert "before" in written
    assert said not in written
    assert VALUES[kind] not in written


def test_an_exception_that_holds_a_secret_is_not_kept_as_an_object() -> None:
    masking.remember({"KEY": VALUES["plain"]})

    assert masking.holds_secret(b"x" + VALUES["plain"].encode())
    assert masking.holds_secret(base64.b64encode(VALUES["plain"].encode()))
    assert not masking.holds_secret(b"masking")
    error = ValueError(VALUES["plain"])
    assert (
        failures.rebuild(failures.store(error, FailureOrigin.USER_CODE), anything)
        is None
    )
