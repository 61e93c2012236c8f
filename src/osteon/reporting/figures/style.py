"""How the report's figures look: colours, line styles and sizes, one place for both renderers.

Colours are of Okabe and Ito's set for colour-blind readers (jfly.uni-koeln.de/color), told apart
in greyscale by line style, marker and lightness.
"""

from dataclasses import dataclass
from typing import Any, Literal

Role = Literal[
    "headline",
    "reference",
    "control",
    "other",
    "context",
    "printed",
    "after",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
]

INK = "#1f2933"
MUTED = "#5b6770"
GRID = "#e4e8ec"
PALE = "#b4c0cd"
BLUE = "#0072b2"
VERMILION = "#d55e00"
GREEN = "#00785a"

WIDTH = 6.4
"""Width of a figure in inches: 640 px on a screen at 100 dots an inch, a text column of A4."""
DPI = 200
FONT = 9.0
SMALL = 8.0
FAMILY = "DejaVu Sans"
"""Comes with matplotlib: pictures are the same on every machine. Pages use the reader's own."""
CSS_FAMILY = "system-ui, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"


@dataclass(frozen=True)
class Look:
    """How a series of one role is drawn.

    `line` is matplotlib's word and `dash` Plotly's for one line style; `face` fills markers and
    bars; `order` is the layer, higher in front.
    """

    colour: str
    line: Any = "-"
    dash: str = "solid"
    width: float = 1.8
    marker: str = "o"
    symbol: str = "circle"
    face: str | None = None
    order: int = 3


DASHES: Any = (0, (5, 2))
DASH_DOTS: Any = (0, (5, 1.5, 1, 1.5))
DOTS: Any = (0, (1, 1.4))

LOOKS: dict[Role, Look] = {
    "headline": Look(BLUE, width=2.2, order=6),
    "reference": Look(VERMILION, DASHES, "dash", marker="s", symbol="square", order=5),
    "control": Look(GREEN, DASH_DOTS, "dashdot", 1.4, "^", "triangle-up", order=4),
    "other": Look(PALE, width=1.0, order=2),
    "context": Look(MUTED, DOTS, "dot", 1.2, order=2),
    "printed": Look(INK, marker="D", symbol="diamond", face="white", order=8),
    "after": Look(BLUE, DOTS, "dot", 1.6, symbol="circle-open", face="white", order=6),
    "first": Look("#08415c", face="#08415c"),
    "second": Look(BLUE, face=BLUE, marker="s", symbol="square"),
    "third": Look("#5fb0e0", face="#5fb0e0", marker="^", symbol="triangle-up"),
    "fourth": Look("#c9dff0", face="#c9dff0", marker="D", symbol="diamond"),
    "fifth": Look("#e69f00", face="#e69f00", marker="v", symbol="triangle-down"),
    "sixth": Look("#cc79a7", face="#cc79a7", marker="P", symbol="cross"),
    "seventh": Look("#009e73", face="#009e73", marker="X", symbol="x"),
    "eighth": Look("#f0e442", face="#f0e442", marker="h", symbol="hexagon"),
}
CYCLE: tuple[Role, ...] = ("first", "second", "third", "fourth")
LONG_CYCLE: tuple[Role, ...] = (*CYCLE, "fifth", "sixth", "seventh", "eighth")


def settings(salt: str) -> dict[str, Any]:
    """Matplotlib settings of a figure; `salt` makes the SVG's ids repeatable."""
    return {
        "font.family": FAMILY,
        "font.size": FONT,
        "text.color": INK,
        "text.parse_math": False,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": INK,
        "axes.labelsize": FONT,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": GRID,
        "grid.linewidth": 0.7,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": FONT,
        "ytick.labelsize": FONT,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "legend.fontsize": FONT,
        "legend.frameon": False,
        "lines.solid_capstyle": "round",
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
    }


WORDS = {"alp": "ALP", "ldh": "LDH", "xray": "X-ray", "mri": "MRI", "ct": "CT"}


def readable(words: str, joint: str = " ") -> str:
    """A name in code as words: `alp_ldh` → "ALP LDH", `non_tumour` → "non-tumour"."""
    split = words.replace("non_", "non-").split("_")
    return joint.join(WORDS.get(word, word) for word in split)
