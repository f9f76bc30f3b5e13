"""ZenML's dashboard with an execution, as Chromium shows it."""

from __future__ import annotations

from scripts.browser import Browser
from scripts.pictures.session import Session

# The notice that ZenML's own service exists is no part of the picture.
CLOSE = """
[...document.querySelectorAll('button')].find(
  one => one.innerText.trim() === '' && one.getBoundingClientRect().top < 40
)?.click()
"""
GONE = "!document.body.innerText.includes('local version of ZenML')"
DRAWN = "document.querySelectorAll('.react-flow__node').length > 5"


def picture(session: Session) -> bytes:
    """Return the page of the session's first execution as PNG."""
    server = session.asked("login", "--no-browser")
    try:
        with Browser() as browser:
            browser.opens(
                f"{server['dashboard_url']}/{session.exec_id}",
                width=1200,
                height=760,
            )
            browser.waits_for("document.body.innerText.includes('Run Insights')")
            browser.evaluates(CLOSE)
            browser.waits_for(GONE)
            browser.waits_for(DRAWN)
            browser.settles()
            return browser.picture()
    finally:
        session.does("logout")
