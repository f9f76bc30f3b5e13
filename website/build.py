"""Build the site: its navigation is that of docs/index.md, its pages lie beside as Markdown.

python website/build.py           writes build/site; broken links and references fail
python website/build.py --serve   shows it, and follows changes of the pages
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from kitaru.shipped import pages  # noqa: E402
from kitaru.version import __version__  # noqa: E402

DOCS = ROOT / "docs"
SITE = ROOT / "build" / "site"
# The generator takes only what lies below its configuration.
CONFIG = ROOT / ".mkdocs.yml"


def navigation() -> list[dict[str, Any]]:
    """Return the navigation of the site."""
    parts: list[dict[str, Any]] = []
    for section in pages.contents(DOCS):
        entries: list[dict[str, Any]] = []
        folders: dict[str, list[Any]] = {}
        for entry in section.entries:
            folder, _, name = entry.path.rpartition("/")
            if folder and name == pages.INDEX:
                folders[folder] = [entry.path]
                entries.append({entry.title: folders[folder]})
            else:
                folders.get(folder, entries).append({entry.title: entry.path})
        parts.append({section.title: entries})
    return [{"Kitaru": pages.INDEX}, *parts]


def configure() -> None:
    """Write the configuration of the generator, with places and navigation."""
    config = yaml.safe_load((ROOT / "website" / "mkdocs.yml").read_text("utf-8"))
    config |= {"docs_dir": "docs", "site_dir": "build/site", "nav": navigation()}
    handler = config["plugins"][1]["mkdocstrings"]["handlers"]["python"]
    handler["paths"] = [str(ROOT / "src")]
    CONFIG.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def main() -> int:
    """Build or serve."""
    zensical = Path(sys.executable).with_name("zensical")
    configure()
    if "--serve" in sys.argv[1:]:
        return subprocess.call([zensical, "serve", "-f", CONFIG])
    shutil.rmtree(SITE, ignore_errors=True)
    code = subprocess.call([zensical, "build", "--strict", "-f", CONFIG])
    if code == 0:
        for name, text in pages.written(__version__, DOCS):
            target = SITE / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        print(f"the site: {SITE.relative_to(ROOT)}/index.html")
    return code


if __name__ == "__main__":
    sys.exit(main())
