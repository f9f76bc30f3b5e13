"""Draw the pictures of the documentation again.

python -m scripts.pictures    types a session in an empty folder, and draws what it showed
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from scripts.pictures import drawn, session

PICTURES = session.ROOT / "docs" / "pictures"


def main() -> None:
    """Draw them all."""
    with tempfile.TemporaryDirectory(prefix="tea-") as folder:
        typed = session.run(Path(folder))
    for name, picture in {
        "life": drawn.life(),
        "again": drawn.again(typed.attempts),
        "terminal": drawn.terminal(typed.screen, prompt=session.PROMPT),
    }.items():
        path = PICTURES / f"{name}.svg"
        path.write_text(picture, encoding="utf-8")
        print(f"{path.relative_to(session.ROOT)}: {len(picture) / 1000:.1f} kB")


if __name__ == "__main__":
    main()
