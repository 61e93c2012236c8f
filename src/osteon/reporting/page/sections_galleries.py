"""Section of the report: cases with their pictures and maps."""

from collections.abc import Mapping
from typing import Any

from osteon.reporting.page.blocks import Block, Gallery, Section, Text, section
from osteon.reporting.page.parts import View

PREPARED = "prepared"
"""Name of the gallery that shows what the networks were given; it has a section of its own."""


def galleries(view: View) -> Section:
    """Cases with their pictures and maps."""
    given = [one for one in view.parts.galleries if one.get("name") != PREPARED]
    shown: list[Block] = [gallery(one, k) for k, one in enumerate(given) if one.get("cases")]
    empty = [str(one.get("title") or one.get("name")) for one in given if not one.get("cases")]
    colours = f"Warm colours speak for {view.positive}, blue against it. The switch hides the maps."
    if view.segmentation:
        colours = "The captions name the colours; the switch hides outlines and maps."
    lead = Text(
        f"Single cases, chosen by rule, illustrate; they prove nothing. {colours} Cases carry "
        "running numbers that lead back to nobody."
    )
    none = Text(f"No case fell into: {', '.join(empty)}.", "note") if empty else None
    return section("galleries", "Galleries", lead if shown else None, *shown, none)


def gallery(one: Mapping[str, Any], place: int) -> Gallery:
    """A gallery as a block."""
    return Gallery(
        str(one.get("name", f"gallery-{place}")),
        str(one.get("title", "")),
        str(one.get("caption", "")),
        tuple(one["cases"]),
        int(one.get("left_out", 0)),
    )
