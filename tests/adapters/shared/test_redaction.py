from __future__ import annotations

import requests

from kitaru._core.secrecy.redaction import HIDDEN
from kitaru.adapters._shared import redaction

# Put together here, so that no scanner takes it for a real one.
OPENAI = "sk-" + "proj-" + "a1B2" * 8


class ProviderError(Exception):
    def __init__(self, message: str, body: object) -> None:
        super().__init__(message)
        self.body = body


def test_an_exception_keeps_its_type_and_loses_its_secrets() -> None:
    error = ProviderError(f"wrong key {OPENAI}", {"api_key": OPENAI, "code": 401})
    error.__cause__ = ConnectionError(401, f"refused {OPENAI}")
    group = ExceptionGroup("both", [error, ValueError(3)])

    redaction.clean_error(group)

    assert str(error) == f"wrong key {HIDDEN}"
    assert error.body == {"api_key": HIDDEN, "code": 401}
    assert str(error.__cause__) == f"[Errno 401] refused {HIDDEN}"
    assert group.exceptions[1].args == (3,)


def test_the_request_that_an_exception_holds_loses_its_credentials() -> None:
    request = requests.Request(
        "GET", "https://example.com", headers={"Authorization": f"Bearer {OPENAI}"}
    ).prepare()
    response = requests.Response()
    response.status_code, response.request = 401, request
    response.headers["Set-Cookie"] = OPENAI
    error = requests.HTTPError("refused", request=request, response=response)

    redaction.clean_error(error)

    assert error.response is not None
    assert error.response.status_code == 401
    assert request.headers["Authorization"] == HIDDEN
    assert response.headers["Set-Cookie"] == HIDDEN
