"""Which requests the local server answers."""

from __future__ import annotations

import pytest

from kitaru._engine.zenml.programs.own_page_only import is_ours


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        pytest.param("127.0.0.1:8237", None, id="a program"),
        pytest.param("localhost", None, id="by name"),
        pytest.param("LOCALHOST:8237", None, id="in capitals"),
        pytest.param("[::1]:8237", None, id="IPv6"),
        pytest.param("127.0.0.1:8237", "http://127.0.0.1:8237", id="its page"),
        pytest.param("localhost:9", "http://localhost:9", id="a forwarded port"),
    ],
)
def test_programs_and_the_own_page_are_answered(host: str, origin: str | None) -> None:
    headers = [(b"accept", b"*/*"), (b"host", host.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))

    assert is_ours(headers)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="no host"),
        pytest.param([(b"host", b"")], id="empty"),
        pytest.param([(b"host", b"evil.example")], id="rebound"),
        pytest.param([(b"host", b"127.0.0.1.evil.example:8237")], id="prefix"),
        pytest.param([(b"host", b"me@127.0.0.1:8237")], id="user"),
        pytest.param([(b"host", b"127.0.0.1/:8237")], id="path"),
        pytest.param([(b"host", b"127.0.0.1:x")], id="no port"),
        pytest.param([(b"host", b"\xff")], id="no text"),
        pytest.param(
            [(b"host", b"127.0.0.1"), (b"host", b"evil.example")], id="two hosts"
        ),
        pytest.param(
            [(b"host", b"127.0.0.1:8237"), (b"origin", b"null")], id="sandboxed"
        ),
        pytest.param(
            [(b"host", b"127.0.0.1:8237"), (b"origin", b"http://127.0.0.1:3000")],
            id="another program's page",
        ),
        pytest.param(
            [(b"host", b"127.0.0.1:8237"), (b"origin", b"https://127.0.0.1:8237")],
            id="another scheme",
        ),
    ],
)
def test_pages_of_elsewhere_are_refused(headers: list[tuple[bytes, bytes]]) -> None:
    assert not is_ours(headers)
