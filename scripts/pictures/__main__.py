"""Draw the pictures of the documentation again.

python -m scripts.pictures                types a session in an empty folder, draws what it showed
python -m scripts.pictures --dashboard    takes a picture of it in ZenML's dashboard, too; needs Chromium
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from scripts.pictures import dashboard, drawn, session

PICTURES = session.ROOT / "docs" / "pictures"


def main() -> None:
    """Draw them all."""
    with tempfile.TemporaryDirectory(prefix="tea-") as folder:
        typed = session.run(Path(folder))
        made = {
            "life.svg": drawn.life().encode(),
            "again.svg": drawn.again(typed.attempts).encode(),
            "terminal.svg": drawn.terminal(
                typed.screen, prompt=session.PROMPT
            ).encode(),
        }
        if "--dashboard" in sys.argv[1:]:
            made["dashboard.png"] = dashboard.picture(typed)
    for name, picture in made.items():
        path = PICTURES / name
        path.write_bytes(picture)
        print(f"{path.relative_to(session.ROOT)}: {len(picture) / 1000:.1f} kB")


if __name__ == "__main__":
    main()
