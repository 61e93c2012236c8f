"""What the clinical values weigh: a part of the section on explanations."""

from collections.abc import Mapping
from typing import Any

from osteon.reporting.figures.style import readable
from osteon.reporting.page.blocks import Block
from osteon.reporting.page.parts import View
from osteon.reporting.page.sections_results import figure
from osteon.reporting.page.tables import (
    MISSING,
    Cell,
    Table,
    absent,
    estimate,
    flat,
    head,
    number,
    parts_of,
    words,
)

WAYS = {
    "Gradient": "gradient",
    "Gradient × input": "grad_x_input",
    "Integrated gradients": "integrated",
}
RATIO = "gradient_ratio_alp_over_ldh"


def clinical(view: View, found: Mapping[str, Any]) -> list[Block | None]:
    """Attributions of the clinical values and the ratio of ALP to LDH."""
    if not found:
        return []
    rows = [
        (
            head(view.label(name)),
            words(readable(feature)),
            *(estimate(values.get(key)) for key in WAYS.values()),
            direction(values.get("direction")),
        )
        for name, one in found.items()
        for feature, values in (one.get("features") or {}).items()
    ]
    note = (
        f"Mean absolute attribution to the output for {view.positive}; the gradient is per unit of "
        "the normalised value. Direction: sign of the mean gradient. Intervals over patients."
    )
    judged = weighed_on(found)
    columns = ("Learner", "Clinical value", *WAYS, "Direction")
    caption = f"What the clinical values weigh{f'; {judged}' if judged else ''}"
    table = Table(caption, columns, flat(rows), note) if rows else None
    kinds = ("attributions", "gradients")
    charts = [figure(view, kind, counts=judged) for kind in kinds]
    return [table, ratio(view, found), *charts]


def direction(found: Any) -> Cell:
    """Does a higher value raise the output? Unclear where the interval holds 0."""
    value, lo, hi = parts_of(found)
    if absent(value):
        return Cell(MISSING, why="direction not recorded", tone="quiet")
    if not absent(lo) and not absent(hi) and lo <= 0 <= hi:
        return words("unclear")
    return words("raises" if value > 0 else "lowers")


def weighed_on(found: Mapping[str, Any]) -> str:
    """Images and patients that the attributions were taken of; empty if not recorded."""
    for one in found.values():
        for values in (one.get("features") or {}).values():
            figure = values.get("gradient")
            if isinstance(figure, Mapping) and figure.get("n"):
                patients = figure.get("patients")
                of = f", {patients:,} patients" if patients else ""
                return f"image level, {figure['n']:,} images{of}"
    return ""


def ratio(view: View, found: Mapping[str, Any]) -> Table | None:
    """ALP:LDH, ours beside the printed one."""
    theirs = printed_ratio(view)
    rows: list[tuple[Cell, ...]] = [
        (
            head(view.label(name)),
            *(estimate(one["ratio_alp_ldh"].get(key)) for key in WAYS.values()),
            Cell(theirs),
        )
        for name, one in found.items()
        if one.get("ratio_alp_ldh")
    ]
    columns = ("Learner", *WAYS, "Printed")
    note = (
        "The paper does not say which attribution its ratio was taken of; the plain gradient is "
        "our reading. The ratio rests on how the values were normalised."
    )
    caption = "ALP : LDH, the ratio of their weights, beside the paper's"
    return Table(caption, columns, flat(rows), note) if rows else None


def printed_ratio(view: View) -> str:
    """The paper's ratio, from its printed numbers or its ledger."""
    given = (view.parts.published or {}).get(RATIO)
    if not absent(given):
        return number(given)
    for row in (view.parts.ledger or {}).get("rows") or ():
        if "gradient" in str(row.get("id")) and "ratio" in str(row.get("id")):
            return number(row.get("printed")) if not absent(row.get("printed")) else MISSING
    return MISSING
