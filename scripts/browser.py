"""Chromium without a window: open a page, wait for something, take a picture of it."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

from websockets.sync.client import connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 60


class Browser:
    """One tab of a Chromium that is installed here (Debian: apt-get install chromium)."""

    def __enter__(self) -> Self:
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if program is None:
            raise SystemExit("this needs Chromium: apt-get install chromium")
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                f"--user-data-dir={self._folder.name}",
                "about:blank",
            ],
            stderr=subprocess.DEVNULL,
        )
        port_file = Path(self._folder.name, "DevToolsActivePort")
        until(lambda: port_file.exists() and "\n" in port_file.read_text())
        port = port_file.read_text().splitlines()[0]
        with urlopen(f"http://127.0.0.1:{port}/json") as answer:
            tabs = json.load(answer)
        tab = next(tab for tab in tabs if tab["type"] == "page")
        self._socket = connect(tab["webSocketDebuggerUrl"], max_size=None)
        self._numbers = itertools.count(1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def opens(self, url: str, *, width: int, height: int, dark: bool = False) -> None:
        """Show a page in a window of that size."""
        self._tell(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._tell("Emulation.setEmulatedMedia", features=[scheme])
        self._tell("Page.navigate", url=url)
        self.waits_for("document.readyState === 'complete'")

    def waits_for(self, expression: str) -> None:
        """Wait until an expression of JavaScript is true."""
        until(lambda: bool(self.evaluates(expression)))

    def evaluates(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript."""
        said = self._tell("Runtime.evaluate", expression=expression, returnByValue=True)
        return said["result"].get("value")

    def settles(self) -> None:
        """Wait until two pictures, a second apart, are the same."""
        before = b""
        while (now := self.picture()) != before:
            before = now
            time.sleep(1)

    def picture(self, *, whole: bool = False) -> bytes:
        """Return what is seen, or the whole page, as PNG."""
        said = self._tell("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(said["data"])

    def _tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message))
        while True:
            said = json.loads(self._socket.recv(timeout=SECONDS))
            if said.get("id") == number:
                result: dict[str, Any] = said["result"]
                return result


def until(holds: Any) -> None:
    """Wait until something holds."""
    end = time.monotonic() + SECONDS
    while not holds():
        if time.monotonic() > end:
            raise SystemExit("it takes too long")
        time.sleep(0.1)
