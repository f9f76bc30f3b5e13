"""Small pictures of what was measured, as SVG that reads in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from benchmarks.figures import Measured
from benchmarks.table import shown

WIDTH = 640
_LEFT, _RIGHT, _TOP, _LINE = 176, 96, 52, 30
_STYLE = """
.card { fill: #ffffff; stroke: #d1d9e0 }
.grid { stroke: #d1d9e0 }
text { fill: #59636e; font: 12px system-ui, -apple-system, "Segoe UI", sans-serif }
.title { fill: #1f2328; font-size: 14px; font-weight: 600 }
.ours { fill: #0969da; font-weight: 600 }
.mark { fill: #818b98; stroke: #818b98 }
.ours.mark { fill: #0969da; stroke: #0969da }
.line { fill: none; stroke: #818b98; stroke-width: 2 }
.ours.line { fill: none; stroke: #0969da; stroke-width: 2.5 }
.end { text-anchor: end }
.middle { text-anchor: middle }
@media (prefers-color-scheme: dark) {
  .card { fill: #151b23; stroke: #3d444d }
  .grid { stroke: #3d444d }
  text { fill: #9198a1 }
  .title { fill: #f0f6fc }
  .ours { fill: #4493f8 }
  .ours.mark { fill: #4493f8; stroke: #4493f8 }
  .ours.line { fill: none; stroke: #4493f8 }
}
"""


def dots(title: str, sides: Sequence[Measured]) -> str:
    """Return medians as dots with their quartiles, on a logarithmic scale."""
    sides = _fastest_first(sides)
    ends = [value for side in sides for value in side.sample.spread]
    low = math.floor(math.log10(min(ends)))
    high = math.ceil(math.log10(max(ends)))
    scale = (WIDTH - _LEFT - _RIGHT) / (high - low)
    bottom = _TOP + _LINE * len(sides)

    def place(value: float) -> float:
        return _LEFT + (math.log10(value) - low) * scale

    powers = [10.0**n for n in range(low, high + 1)]
    parts = _ticks({place(value): _round(value) for value in powers}, bottom)
    for number, side in enumerate(sides):
        middle = _TOP + _LINE * (number + 0.5)
        first, third = (place(value) for value in side.sample.spread)
        ours = _ours(side.name)
        parts += [
            _text(_LEFT - 12, middle + 4, side.name, f"end {ours}"),
            f'<path class="{ours} line" d="M{first:.1f} {middle}H{third:.1f}"/>',
            f'<circle class="{ours} mark" cx="{place(side.sample.median):.1f}" cy="{middle}" r="5"/>',
            _text(third + 12, middle + 4, shown(side.sample.median, "s"), ours),
        ]
    return _picture(title, bottom + 36, parts)


def bars(title: str, sides: Sequence[Measured]) -> str:
    """Return medians as bars from zero."""
    sides = _fastest_first(sides)
    step = _nice(max(side.sample.median for side in sides))
    last = math.ceil(max(side.sample.median for side in sides) / step)
    scale = (WIDTH - _LEFT - _RIGHT) / (last * step)
    bottom = _TOP + _LINE * len(sides)
    ticks = {_LEFT + n * step * scale: _round(n * step) for n in range(last + 1)}
    parts = _ticks(ticks, bottom)
    for number, side in enumerate(sides):
        top, length = _TOP + _LINE * number, side.sample.median * scale
        ours = _ours(side.name)
        parts += [
            _text(_LEFT - 12, top + 19, side.name, f"end {ours}"),
            f'<rect class="{ours} mark" x="{_LEFT}" y="{top + 6}" width="{length:.1f}" height="18" rx="2"/>',
            _text(_LEFT + length + 8, top + 19, shown(side.sample.median, "s"), ours),
        ]
    return _picture(title, bottom + 36, parts)


def curves(title: str, found: Mapping[str, Sequence[float]], *, each: int) -> str:
    """Return one line for each framework: seconds over how many came before."""
    left, right, bottom = 72, 168, 232
    top = max(max(values) for values in found.values())
    step = _nice(top)
    last = math.ceil(top / step)
    length = len(next(iter(found.values())))

    def across(number: int) -> float:
        return left + (WIDTH - left - right) * number / (length - 1)

    def up(value: float) -> float:
        return bottom - (bottom - _TOP) * value / (last * step)

    parts = []
    for n in range(last + 1):
        height = up(n * step)
        parts += [
            f'<path class="grid" d="M{left} {height:.1f}H{WIDTH - right}"/>',
            _text(left - 8, height + 4, _round(n * step), "end"),
        ]
    for number in range(0, length, 3):
        label = f"{number * each}-{(number + 1) * each}"
        parts.append(_text(across(number), bottom + 20, label, "middle"))
    heights = _apart({name: up(values[-1]) + 4 for name, values in found.items()})
    for name, values in found.items():
        points = " ".join(
            f"{across(number):.1f},{up(value):.1f}"
            for number, value in enumerate(values)
        )
        ours = _ours(name)
        parts += [
            f'<polyline class="{ours} line" points="{points}"/>',
            _text(WIDTH - right + 10, heights[name], name, ours),
        ]
    return _picture(title, bottom + 36, parts)


def _fastest_first(sides: Sequence[Measured]) -> list[Measured]:
    return sorted(sides, key=lambda side: side.sample.median)


def _round(seconds: float) -> str:
    if not seconds:
        return "0"
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"


def _nice(largest: float) -> float:
    """Return a round distance of marks, three to six of them up to the largest value."""
    power = 10.0 ** math.floor(math.log10(largest))
    return next(
        power * part for part in (0.2, 0.5, 1, 2) if largest / (power * part) <= 5
    )


def _apart(heights: Mapping[str, float]) -> dict[str, float]:
    """Return heights of labels that do not touch; who has no room goes up."""
    placed: dict[str, float] = {}
    highest = math.inf
    for name, height in sorted(heights.items(), key=lambda item: -item[1]):
        highest = placed[name] = min(height, highest - 15)
    return placed


def _ours(name: str) -> str:
    return "ours" if name == "Kitaru" else ""


def _ticks(labels: Mapping[float, str], bottom: float) -> list[str]:
    return [
        part
        for place, label in labels.items()
        for part in (
            f'<path class="grid" d="M{place:.1f} {_TOP}V{bottom}"/>',
            _text(place, bottom + 20, label, "middle"),
        )
    ]


def _text(x: float, y: float, content: str, kind: str = "") -> str:
    return (
        f'<text class="{kind.strip()}" x="{x:.1f}" y="{y:.1f}">{escape(content)}</text>'
    )


def _picture(title: str, height: int, parts: Iterable[str]) -> str:
    name = escape(title)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label="{name}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
        _text(16, 26, title, "title"),
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
