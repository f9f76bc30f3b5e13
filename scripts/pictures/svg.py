"""What all drawings share: colours, light and dark, boxes, arrows and text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

STYLE = """
.card { fill: #ffffff; stroke: #d1d9e0 }
text { fill: #59636e; font: 13px system-ui, -apple-system, "Segoe UI", sans-serif }
.title { fill: #1f2328; font-size: 15px; font-weight: 600 }
.name { fill: #1f2328; font-weight: 600; text-anchor: middle }
.small { font-size: 12px }
.middle { text-anchor: middle }
.code { font-family: ui-monospace, SFMono-Regular, Menlo, monospace; font-size: 12px }
.box { fill: #f6f8fa; stroke: #818b98; stroke-width: 1.5 }
.done { fill: #dafbe1; stroke: #1a7f37 }
.again { fill: #ddf4ff; stroke: #0969da; stroke-width: 2 }
.bad { fill: #ffebe9; stroke: #cf222e }
.ask { fill: #fff8c5; stroke: #9a6700 }
.idle { fill: none; stroke: #818b98; stroke-dasharray: 4 3 }
.arrow { fill: none; stroke: #818b98; stroke-width: 1.5 }
.head { fill: #818b98; stroke: none }
.terminal text { fill: #1f2328; font: 13px ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace }
.terminal .typed { font-weight: 600 }
.terminal .dim { fill: #6e7781 }
.terminal .red { fill: #cf222e }
.terminal .green { fill: #1a7f37 }
.terminal .yellow { fill: #9a6700 }
.terminal .blue { fill: #0969da }
.terminal .cyan { fill: #1b7c83 }
@media (prefers-color-scheme: dark) {
  .card { fill: #151b23; stroke: #3d444d }
  text { fill: #9198a1 }
  .title, .name { fill: #f0f6fc }
  .box { fill: #212830; stroke: #656c76 }
  .done { fill: #12261e; stroke: #3fb950 }
  .again { fill: #121d2f; stroke: #4493f8 }
  .bad { fill: #25171c; stroke: #f85149 }
  .ask { fill: #272115; stroke: #d29922 }
  .idle, .arrow { stroke: #656c76 }
  .head { fill: #656c76 }
  .terminal text { fill: #e6edf3 }
  .terminal .dim { fill: #8b949e }
  .terminal .red { fill: #ff7b72 }
  .terminal .green { fill: #3fb950 }
  .terminal .yellow { fill: #d29922 }
  .terminal .blue { fill: #79c0ff }
  .terminal .cyan { fill: #56d4dd }
}
"""
HEAD = (
    '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
    'markerHeight="8" orient="auto-start-reverse">'
    '<path class="head" d="M0 0L8 4L0 8z"/></marker></defs>'
)


def picture(width: int, height: int, says: str, body: Sequence[str]) -> str:
    """Return a whole picture; `says` is what it shows, in words."""
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" '
        f'aria-label="{escape(says)}">',
        f"<style>{STYLE}</style>",
        HEAD,
        f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" '
        f'height="{height - 1}" rx="6"/>',
        *body,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def text(x: float, y: float, words: str, style: str = "") -> str:
    """Return a line of text."""
    return f'<text class="{style}" x="{x:g}" y="{y:g}">{escape(words)}</text>'


def box(
    x: float, y: float, width: float, height: float, style: str, *words: str
) -> list[str]:
    """Return a box with a name, and perhaps a line below it."""
    middle = x + width / 2
    drawn = [
        f'<rect class="{style}" x="{x:g}" y="{y:g}" width="{width:g}" '
        f'height="{height:g}" rx="6"/>'
    ]
    if len(words) == 1:
        drawn.append(text(middle, y + height / 2 + 5, words[0], "name"))
    elif words:
        drawn.append(text(middle, y + 23, words[0], "name"))
        drawn.append(text(middle, y + 40, words[1], "small middle"))
    return drawn


def arrow(path: str) -> str:
    """Return a line with a head."""
    return f'<path class="arrow" marker-end="url(#a)" d="{path}"/>'
