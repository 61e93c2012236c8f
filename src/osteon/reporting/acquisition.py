"""How images were acquired, by class: a device that only one class has seen is a shortcut."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from osteon.reporting.cells import grouped, in_order, median, row, share

ALL = "all"
SPACING = "pixel spacing, mm"
NOTE = (
    "shares are of the class's images; a value that one class has and the other has not can be "
    "learnt instead of the disease"
)


def acquisition_table(
    images: pd.DataFrame, samples: pd.DataFrame, classes: Sequence[str]
) -> dict[str, Any]:
    """Counts and shares of images by what their headers say.

    Args:
        images: the archive's index; samples: those of its images that are learnt from or judged.
        classes: names, the positive one last; none where patients have no class.

    Returns:
        columns, rows (ready text), `differences` (attribute → largest difference between two
        classes' shares, in percentage points, and the value concerned) and a note.
    """
    table = samples[["sample_id", "class"]].merge(images, on="sample_id", how="inner")
    columns = [*classes, ALL]
    groups = {name: table["class"] == name for name in classes} | {ALL: table["class"].notna()}
    rows: list[dict[str, object]] = [
        row("images", {name: str(int(mask.sum())) for name, mask in groups.items()})
    ]
    differences = []
    for attribute, values in _attributes(table).items():
        shown = grouped(values, table["patient_id"])
        for value in in_order(shown):
            cells = {
                name: share(int((shown[mask] == value).sum()), int(mask.sum()))
                for name, mask in groups.items()
            }
            rows.append(row(f"{attribute}: {value}", cells))
        if classes:
            differences.append(_difference(attribute, shown, {c: groups[c] for c in classes}))
    spacing = _spacing(table)
    if spacing.notna().any():
        cells = {name: median(spacing[mask], 2) for name, mask in groups.items()}
        rows.append(row(f"{SPACING}: median [IQR]", cells))
    return {
        "columns": columns,
        "rows": rows,
        "differences": sorted(differences, key=lambda one: -one["points"]),
        "note": NOTE if classes else "",
    }


def _attributes(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Name of a row group → a value an image."""
    found = {"modality": table["modality"]}
    if not table["sequence"].equals(table["modality"]):
        found["sequence"] = table["sequence"]
    for name in ("view", "laterality", "body_part", "manufacturer", "model"):
        if table[name].notna().any():
            found[name.replace("_", " ")] = table[name]
    spacing = _spacing(table)
    if spacing.notna().any():
        found[SPACING] = spacing.map(_band)
    height = table["native_rows"] if "native_rows" in table else table["rows"]
    width = table["native_columns"] if "native_columns" in table else table["columns"]
    found["size, pixels"] = height.astype("str") + " x " + width.astype("str")
    found["transfer syntax"] = table["transfer_syntax"].map(_syntax, na_action="ignore")
    found["writing suspected in the pixels"] = table["burned_in_text"].map(
        {True: "yes", False: "no"}
    )
    return found


def _spacing(table: pd.DataFrame) -> pd.Series:
    """First of the two spacings in mm, NaN where there is none."""

    def first(text: Any) -> float:
        try:
            return float(json.loads(text)[0])
        except (TypeError, ValueError, IndexError, KeyError):
            return float("nan")

    return table["pixel_spacing_mm"].map(first).astype("float64")


def _band(spacing: float) -> str | None:
    """`0.7 to 0.8`: exact spacings differ from image to image and say nothing together."""
    if not np.isfinite(spacing):
        return None
    low = np.floor(spacing * 10 + 1e-9) / 10
    return f"{low:.1f} to {low + 0.1:.1f}"


def _syntax(uid: str) -> str:
    """Name of a DICOM transfer syntax (PS3.6, table A-1); anything else as it is."""
    from pydicom.uid import UID

    return str(UID(uid).name)


def _difference(attribute: str, shown: pd.Series, groups: dict[str, pd.Series]) -> dict[str, Any]:
    """The value whose share differs most between two classes, in percentage points."""
    best, at = 0.0, ""
    for value in in_order(shown):
        shares = [100 * float((shown[mask] == value).mean()) for mask in groups.values()]
        if max(shares) - min(shares) > best:
            best, at = max(shares) - min(shares), value
    return {"attribute": attribute, "points": round(best, 1), "value": at}
