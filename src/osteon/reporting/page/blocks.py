"""What a section of the report is made of; the templates print one macro a kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from osteon.reporting.page.tables import Table


@dataclass(frozen=True)
class Text:
    """A paragraph; `tone` is empty, `note`, `good`, `warn` or `bad`."""

    kind: ClassVar[str] = "text"
    text: str
    tone: str = ""


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Figure:
    """A chart by name, drawn when the page is put together; `counts` says level and patients."""

    kind: ClassVar[str] = "figure"
    name: str
    chart: Any
    counts: str = ""

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """(key, name) of the series that a reader can hide; none in charts of rows or cells."""
        if getattr(self.chart, "rows", False) or getattr(self.chart, "matrix", False):
            return ()
        first = ("headline", "reference", "control")
        series = sorted(
            getattr(self.chart, "series", ()),
            key=lambda one: first.index(one.role) if one.role in first else len(first),
        )
        names: dict[str, str] = {}
        for one in series:
            names.setdefault(one.key, one.name)
        return tuple(names.items())

    @property
    def title(self) -> str:
        """The chart's title as a sentence."""
        title = str(self.chart.title)
        return title if title[-1:] in ("?", "!", ".") else f"{title}."

    @property
    def caption(self) -> str:
        """Level and patients, then the chart's own note."""
        note = str(getattr(self.chart, "note", "") or "")
        if self.counts:
            level = self.counts.split(" level")[0]
            note = note.removeprefix(f"By {level}.").strip()
        counts = f"{self.counts[:1].upper()}{self.counts[1:]}." if self.counts else ""
        return f"{counts} {note}".strip()


@dataclass(frozen=True)
class Card:
    """One number of the summary with its interval and a word on what it means."""

    title: str
    value: str
    minor: str
    note: str
    tone: str = ""


@dataclass(frozen=True)
class Cards:
    """The numbers of the summary."""

    kind: ClassVar[str] = "cards"
    each: tuple[Card, ...]


@dataclass(frozen=True)
class Points:
    """Sentences in a list: (text, tone)."""

    kind: ClassVar[str] = "points"
    each: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Side:
    """Small figures side by side."""

    kind: ClassVar[str] = "side"
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Facts:
    """Terms and what they are."""

    kind: ClassVar[str] = "facts"
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Code:
    """Text to be copied as it stands."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class Flow:
    """Boxes in a column: (what, how many, note)."""

    kind: ClassVar[str] = "flow"
    caption: str
    boxes: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Matrices:
    """Two-by-two tables side by side: (title, counts)."""

    kind: ClassVar[str] = "matrices"
    caption: str
    positive: str
    each: tuple[tuple[str, Mapping[str, int]], ...]


@dataclass(frozen=True)
class Gallery:
    """Cases with their pictures."""

    kind: ClassVar[str] = "gallery"
    name: str
    title: str
    caption: str
    cases: Sequence[Mapping[str, Any]]
    left_out: int = 0

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes among the cases."""
        return tuple(dict.fromkeys(str(case.get("label", "")) for case in self.cases))

    @property
    def overlaid(self) -> bool:
        """Has any tile a map over it?"""
        return any(tile.get("overlay") for case in self.cases for tile in case.get("tiles", ()))


@dataclass(frozen=True)
class Folded:
    """A table behind a line that opens it; on paper it stands open if `printed`."""

    kind: ClassVar[str] = "folded"
    summary: str
    table: Table
    printed: bool = True


Block = (
    Text
    | Heading
    | Cards
    | Points
    | Figure
    | Side
    | Facts
    | Code
    | Flow
    | Matrices
    | Gallery
    | Folded
    | Table
)


@dataclass(frozen=True)
class Section:
    """A numbered part of the page; without blocks it is left out."""

    key: str
    title: str
    blocks: tuple[Block, ...]


def section(key: str, title: str, *blocks: Block | None) -> Section:
    """A section of the blocks that are there."""
    return Section(key, title, tuple(block for block in blocks if block is not None))
