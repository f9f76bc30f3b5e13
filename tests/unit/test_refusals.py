"""What is left of the errors of client libraries."""

from __future__ import annotations

import pytest

from kitaru._core.words.refusals import in_one_line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(
            "failed: (401)\nReason: Unauthorized\nHTTP response headers: HTTPHeaderDict"
            "({'Server': 'x'})\nHTTP response body: {\"code\": 401}\n",
            "failed: Unauthorized (401); are the credentials right, and not expired?",
            id="credentials",
        ),
        pytest.param(
            "(403)\nReason: Forbidden\nHTTP response headers: x\nHTTP response body: y",
            "Forbidden (403); who is let in may not do this",
            id="rights",
        ),
        pytest.param(
            "HTTPSConnectionPool(host='10.0.0.1', port=6443): Max retries exceeded with "
            'url: /version (Caused by NewConnectionError("HTTPSConnection(host='
            "'10.0.0.1', port=6443): Failed to establish a new connection: [Errno 111] "
            'Connection refused"))',
            "10.0.0.1:6443 does not answer: Connection refused",
            id="nobody there",
        ),
        pytest.param(
            "HTTPSConnectionPool(host='nowhere.example', port=443): Max retries exceeded "
            'with url: /version (Caused by NameResolutionError("HTTPSConnection(host='
            "'nowhere.example', port=443): Failed to resolve 'nowhere.example' ([Errno "
            '-2] Name or service not known)"))',
            "nowhere.example:443 does not answer: Name or service not known",
            id="no such host",
        ),
        pytest.param(
            "HTTPSConnectionPool(host='h', port=1): Max retries exceeded with url: / "
            "(Caused by SSLError(SSLCertVerificationError(1, '[SSL: "
            "CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed "
            "certificate (_ssl.c:1006)')))",
            "the certificate of h:1 is not trusted (self-signed certificate); give its "
            "certificate_authority (base64 of the PEM)",
            id="certificate",
        ),
        pytest.param(
            'Could not connect to the endpoint URL: "http://h:1/b?list-type=2&prefix="',
            'Could not connect to the endpoint URL: "http://h:1/b"',
            id="query",
        ),
        pytest.param("anything\n  else ", "anything else", id="other"),
    ],
)
def test_one_line_says_what_a_user_can_mend(error: str, said: str) -> None:
    assert in_one_line(error) == said
