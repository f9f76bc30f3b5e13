"""The page as a browser sees it, without one."""

from __future__ import annotations

import html
import re
from typing import Any

from httpx import Response
from starlette.testclient import TestClient

from kitaru.ui.app import build
from kitaru.ui.guard import FORM_TOKEN, START_TOKEN, Guard

ORIGIN = "http://127.0.0.1:4817"


class Page:
    """Somebody who has opened the address that `kitaru ui` printed."""

    def __init__(self, *, guard: Guard | None = None, starts: bool = True) -> None:
        self.guard = guard or Guard()
        self.client = TestClient(build(self.guard), base_url=ORIGIN)
        self.client.follow_redirects = False
        if starts:
            self.client.get("/", params={START_TOKEN: self.guard.token})

    def get(self, address: str, **options: Any) -> Response:
        return self.client.get(address, **options)

    def text(self, address: str) -> str:
        """Return the text of a page that is there."""
        found = self.get(address)
        assert found.status_code == 200, found.text
        return words(found)

    def post(
        self,
        address: str,
        fields: dict[str, Any] | None = None,
        *,
        origin: str | None = ORIGIN,
        token: str | None = None,
    ) -> Response:
        """Send a form as a page of ours does."""
        sent = {FORM_TOKEN: token or self.guard.form_token, **(fields or {})}
        headers = {"origin": origin} if origin else {}
        return self.client.post(address, data=sent, headers=headers)

    def fill_in(self, address: str, said: dict[str, Any]) -> Response:
        """Fill a form in by its labels, and send it."""
        page = self.get(address).text
        fields = {}
        for label, value in said.items():
            found = re.search(rf'<label class="label" for="([^"]+)">{label}', page)
            assert found, f"no field {label!r}"
            fields[found[1]] = value
        return self.post(address, fields)


def words(response: Response) -> str:
    """Return what is to be read on a page, in one line."""
    main = response.text.partition("<main")[2].partition(">")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())
