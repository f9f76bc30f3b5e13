"""Nobody but who started the page gets in, and nothing of it runs what it shows."""

from __future__ import annotations

import pytest

from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from kitaru.ui.guard import START_TOKEN, Guard, is_ours
from kitaru.ui.routes import ROUTES
from tests.support.page import ORIGIN, Page


@pytest.fixture
def page() -> Page:
    with use_engine(MemoryEngine()):
        return Page()


@pytest.mark.parametrize(
    ("method", "headers", "ours"),
    [
        pytest.param("GET", {"host": "127.0.0.1:4817"}, True, id="typed"),
        pytest.param("GET", {"host": "localhost"}, True, id="by name"),
        pytest.param("GET", {"host": "[::1]:80"}, True, id="IPv6"),
        pytest.param("GET", {}, False, id="no host"),
        pytest.param("GET", {"host": "evil.example"}, False, id="rebound"),
        pytest.param("GET", {"host": "127.0.0.1.evil.example"}, False, id="prefix"),
        pytest.param("GET", {"host": "127.0.0.1\n"}, False, id="newline"),
        pytest.param("POST", {"host": "127.0.0.1"}, False, id="form from nowhere"),
        pytest.param(
            "POST", {"host": "127.0.0.1", "origin": "http://127.0.0.1"}, True, id="form"
        ),
        pytest.param(
            "POST", {"host": "127.0.0.1", "origin": "null"}, False, id="hidden origin"
        ),
        pytest.param(
            "POST",
            {"host": "127.0.0.1:4817", "origin": "http://127.0.0.1:9"},
            False,
            id="another port",
        ),
        pytest.param(
            "GET",
            {"host": "127.0.0.1", "origin": "http://evil.example"},
            False,
            id="script of another site",
        ),
    ],
)
def test_only_requests_of_the_page_itself_are_answered(
    method: str, headers: dict[str, str], ours: bool
) -> None:
    assert is_ours(method, headers) is ours


def test_the_token_becomes_a_cookie_that_no_script_and_no_site_has() -> None:
    guard = Guard()
    with use_engine(MemoryEngine()):
        page = Page(guard=guard, starts=False)

    found = page.get("/", params={START_TOKEN: guard.token})

    cookie = found.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert guard.token not in cookie
    assert page.get("/inbox").status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", "%ff", "ü"])
def test_a_wrong_token_begins_nothing(token: str) -> None:
    with use_engine(MemoryEngine()):
        page = Page(starts=False)

    found = page.get("/", params={START_TOKEN: token})

    assert found.status_code == 403
    assert "set-cookie" not in found.headers


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if not r.by_link], ids=lambda r: f"{r.method} {r.address}"
)  # fmt: skip
def test_every_address_needs_the_session(route: object) -> None:
    with use_engine(MemoryEngine()):
        page = Page(starts=False)
    method, address = route.method, route.address  # type: ignore[attr-defined]

    found = page.client.request(method, address, headers={"origin": ORIGIN})

    assert found.status_code == 403
    assert "You are not allowed here" in found.text


POSTED = [route for route in ROUTES if route.method == "POST"]


@pytest.mark.parametrize("route", POSTED, ids=lambda r: r.address)
def test_a_form_needs_its_token(route: object, page: Page) -> None:
    found = page.post(route.address, token="0" * 64)  # type: ignore[attr-defined]

    assert found.status_code == 403


@pytest.mark.parametrize(
    "address", ["/inbox", "/executions", "/nope", "/static/page.js"]
)
def test_browsers_are_told_to_run_nothing_that_is_not_ours(
    address: str, page: Page
) -> None:
    headers = page.get(address).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_a_form_that_nobody_types_is_refused(page: Page) -> None:
    many = page.post("/executions/many", {f"f{n}": "1" for n in range(20_001)})
    large = page.post("/executions/many", {"f": "x" * (16 * 2**20)})

    assert (many.status_code, large.status_code) == (413, 413)
