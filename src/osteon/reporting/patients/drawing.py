"""Small drawings of the patient page as inline SVG, made of numbers only, so nothing to escape."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from osteon.reporting.figures.style import GRID, INK, MUTED
from osteon.reporting.patients.words import TERMS, number

TERM_COLOURS = ("#0b4f7d", "#e69f00", "#b9c6d3")
"""Detector, sequence model, age: apart in hue and, for print and the colour-blind, in lightness."""
WIDTH, HEIGHT, LEFT, FLOOR, TOP = 250, 138, 26, 108, 16
"""Age curve, px: the drawing, the left end of the axis, its floor, and the line of P = 1."""
FADED, STRONG = "#d3dbe3", "#3d4f5f"


def bar(parts: Sequence[float], p: float) -> str:
    """Contributions of detector, sequence model and age, stacked from 0 to 1, with a line at 0.5.

    Args:
        parts: three numbers of 0..1 that sum to `p`.
    """
    named = zip(TERMS, parts, strict=True)
    label = ", ".join(f"{name} {number(value)}" for name, value in named if value > 0)
    drawn, x = [], 0.0
    for colour, value in zip(TERM_COLOURS, parts, strict=True):
        if value > 0:
            drawn.append(f'<rect x="{x:.2f}" y="3" width="{100 * value:.2f}" height="10" ')
            drawn.append(f'fill="{colour}" stroke="#fff" stroke-width=".6"/>')
        x += 100 * value
    return (
        f'<svg class="bar" viewBox="0 0 100 16" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}; together {number(p)}">'
        f'<rect x="0" y="3" width="100" height="10" fill="#f4f7f9" stroke="{FADED}" '
        f'stroke-width=".5"/>{"".join(drawn)}'
        # A white line below the dashed one keeps it in sight on dark parts.
        '<path d="M50 0V16" stroke="#fff" stroke-width="4" vector-effect="non-scaling-stroke"/>'
        f'<path d="M50 0V16" stroke="{INK}" stroke-width="2" vector-effect="non-scaling-stroke" '
        'stroke-dasharray="3 2"/></svg>'
    )


def age_bins(table: Mapping[str, Any]) -> list[tuple[float, float, float]]:
    """(from, to, probability of malignant) of each bin of an age table; `to` may be infinite.

    Args:
        table: `AgeTable.as_json()`: `edges` in years, rising, one more than there are bins or one a
            bin (its lower end); `probability`, 0..1. Empty = no table.

    Raises:
        ValueError: neither as many edges as bins nor one more.
    """
    if not table:
        return []
    shares = [float(value) for value in table["probability"]]
    edges = [math.inf if value is None else float(value) for value in table["edges"]]
    if len(edges) == len(shares):
        edges.append(math.inf)
    if len(edges) != len(shares) + 1:
        raise ValueError(
            f"age_table: {len(edges)} edges for {len(shares)} bins found, "
            f"{len(shares)} or {len(shares) + 1} allowed"
        )
    return [(low, high, share) for low, high, share in zip(edges, edges[1:], shares, strict=False)]


def age_curve(table: Mapping[str, Any], age: float | None, a: float | None) -> str:
    """The age table as columns, the patient's own dark with its number above it.

    Args:
        table: see `age_bins`; age: years, None = not known; a: what the patient was given, 0..1.
    """
    bins = age_bins(table)
    if not bins:
        return ""
    own = None if age is None else at(bins, age)
    step = (WIDTH - LEFT - 8) / len(bins)
    drawn = [_axis()]
    for place, (low, high, share) in enumerate(bins):
        mine = place == own and a is not None
        shown = a if mine and a is not None else share
        x, y = LEFT + place * step, FLOOR - shown * (FLOOR - TOP)
        drawn.append(
            f'<rect x="{x + 1:.1f}" y="{y:.1f}" width="{step - 2:.1f}" height="{FLOOR - y:.1f}" '
            f'fill="{STRONG if mine else FADED}"/>'
        )
        middle = x + step / 2
        if mine:
            drawn.append(_text(middle, y - 4, number(shown), INK, 12, "bold"))
        if place % 2 == 0 or len(bins) < 7 or mine:
            plus = "" if math.isfinite(high) else "+"
            drawn.append(_text(middle, FLOOR + 12, f"{low:.0f}{plus}", INK if mine else MUTED, 10))
    drawn.append(_text((LEFT + WIDTH) / 2, HEIGHT - 3, "age from, years", MUTED, 10))
    said = "age not known" if own is None or a is None else f"{number(a)} at this patient's age"
    return (
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Share of malignant by age; {said}">{"".join(drawn)}</svg>'
    )


def at(bins: Sequence[tuple[float, float, float]], age: float) -> int:
    """The place of an age's bin; younger than the first falls into the first, as older the last."""
    return max((k for k, (low, _, _) in enumerate(bins) if age >= low), default=0)


def _axis() -> str:
    """Lines and labels at 0, 0.5 and 1."""
    drawn = []
    for value in (0.0, 0.5, 1.0):
        y = FLOOR - value * (FLOOR - TOP)
        drawn.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - 6}" stroke="{GRID}"/>')
        drawn.append(_text(LEFT - 4, y + 3.5, f"{value:g}", MUTED, 10, anchor="end"))
    return "".join(drawn)


def _text(
    x: float, y: float, text: str, colour: str, size: int, weight: str = "", anchor: str = "middle"
) -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}"{bold} text-anchor="{anchor}" '
        f'fill="{colour}">{text}</text>'
    )
