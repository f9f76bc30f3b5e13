"""Look at every page of the built site in Chromium: wide and narrow, light and dark.

python website/look.py            says which pages are wider than their window
python website/look.py FOLDER     also writes contact sheets into a folder
python website/look.py FOLDER waits guides/people    of these pages only, whole
"""

from __future__ import annotations

import base64
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from kitaru.shipped import pages  # noqa: E402
from scripts.browser import Browser  # noqa: E402

SITE = ROOT / "build" / "site"
WINDOWS = {"wide": (1280, 900), "narrow": (360, 760)}
SCHEMES = ("light", "dark")
ON_A_SHEET = 20
# How far the page can be scrolled to the side, and the pictures that are not there.
TOO_WIDE = "document.scrollingElement.scrollWidth - window.innerWidth"
BROKEN = "[...document.images].filter(i => !i.naturalWidth).map(i => i.src)"


def address(page: str) -> str:
    """Return where the built page of a Markdown file is."""
    name = page.removesuffix(".md").removesuffix(pages.INDEX.removesuffix(".md"))
    return (SITE / name / "index.html").as_uri()


def too_wide(browser: Browser) -> int:
    """Return by how much; the theme lets tables scroll by a script, a moment later."""
    for _ in range(20):
        excess = int(browser.evaluates(TOO_WIDE))
        if excess <= 0:
            break
        time.sleep(0.1)
    return excess


def sheet(browser: Browser, shots: list[tuple[str, bytes]], width: int) -> bytes:
    """Return many pictures as one."""
    cells = "".join(
        f'<figure style="margin:6px;width:{width}px"><figcaption>{name}</figcaption>'
        f'<img width="{width}" src="data:image/png;base64,{base64.b64encode(shot).decode()}">'
        "</figure>"
        for name, shot in shots
    )
    page = f'<body style="background:#999;display:flex;flex-wrap:wrap">{cells}'
    with tempfile.NamedTemporaryFile("w", suffix=".html") as file:
        file.write(page)
        file.flush()
        browser.opens(Path(file.name).as_uri(), width=5 * (width + 14), height=800)
        return browser.picture(whole=True)


def main() -> int:
    """Look, and say what is wrong."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    chosen = [f"{name}.md" for name in sys.argv[2:]]
    wrong = []
    with Browser() as browser:
        for window, (width, height) in WINDOWS.items():
            for scheme in SCHEMES:
                shots = []
                for page in chosen or pages.paths():
                    browser.opens(
                        address(page), width=width, height=height, dark=scheme == "dark"
                    )
                    if (excess := too_wide(browser)) > 0:
                        wrong.append(f"{page}, {window}: {excess} px too wide")
                    wrong += [
                        f"{page}: no picture {src}" for src in browser.evaluates(BROKEN)
                    ]
                    if folder:
                        shots.append((page, browser.picture(whole=bool(chosen))))
                for first in range(0, len(shots), ON_A_SHEET):
                    part = shots[first : first + ON_A_SHEET]
                    name = f"{window}-{scheme}-{first // ON_A_SHEET + 1}.png"
                    Path(str(folder), name).write_bytes(
                        sheet(browser, part, 360 if window == "narrow" else 480)
                    )
    print("\n".join(dict.fromkeys(wrong)) or "every page fits its window")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
