"""The curve of what errors cost as a picture: success over the amount of each kind of error, with its intervals."""

from collections.abc import Mapping, Sequence
from html import escape

from pellucid.grasp.disturbance import UNITS, ErrorKind

Point = tuple[float, float, float, float]  # amount of the error, success, and the ends of its interval

PANEL, HEIGHT, MARGIN = 270, 200, 46  # pixels: a kind's width, from success 0 to 1, and around
INK, FAINT, LINE = "#24292f", "#d0d7de", "#0e7c7b"
_TITLES: dict[ErrorKind, str] = {
    "bias": "all of it too near or too far", "noise": "smooth noise, standard deviation", "blur": "blur",
}  # fmt: skip


def curve_chart(points: Mapping[ErrorKind, Sequence[Point]]) -> str:
    """An SVG with a panel for each kind of error."""
    width, height = len(points) * PANEL + MARGIN, HEIGHT + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for k, (kind, own) in enumerate(points.items()):
        parts += _panel(kind, sorted(own), MARGIN + k * PANEL, first=k == 0)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(kind: ErrorKind, points: Sequence[Point], left: int, first: bool) -> list[str]:
    low, high = points[0][0], points[-1][0]
    inner = PANEL - MARGIN

    def x(amount: float) -> float:
        return left + (amount - low) / (high - low or 1) * inner

    def y(rate: float) -> float:
        return MARGIN + (1 - rate) * HEIGHT

    parts = [f'<text x="{left}" y="{MARGIN - 18}">{escape(_TITLES[kind])}, {UNITS[kind]}</text>']
    for rate in (0, 0.25, 0.5, 0.75, 1):
        parts.append(f'<path d="M{left} {y(rate):.1f}h{inner}" stroke="{FAINT}"/>')
        if first:
            parts.append(f'<text x="{left - 8}" y="{y(rate) + 4:.1f}" text-anchor="end">{rate:g}</text>')
    for amount, _, bottom, top in points:
        parts.append(f'<path d="M{x(amount):.1f} {y(top):.1f}V{y(bottom):.1f}" stroke="{LINE}" opacity="0.5"/>')
        parts.append(f'<text x="{x(amount):.1f}" y="{y(0) + 18:.1f}" text-anchor="middle">{amount:g}</text>')
    line = " ".join(f"{x(amount):.1f},{y(rate):.1f}" for amount, rate, _, _ in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    parts += [f'<circle cx="{x(a):.1f}" cy="{y(rate):.1f}" r="3.5" fill="{LINE}"/>' for a, rate, _, _ in points]
    return parts
