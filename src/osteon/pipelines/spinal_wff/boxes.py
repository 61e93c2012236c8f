"""Drawn and found boxes: between the archive's pixels and the square that the detector sees."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon.cohorts.errors import CohortError
from osteon.measures.tube_boxes import BOX
from osteon.recipes.preprocessing import PreprocessingConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from osteon.imaging.laying import Laying


def with_series(table: pd.DataFrame) -> pd.DataFrame:
    """The slices with `sequence_id`; a file that names no series is one by itself.

    Raises:
        CohortError: one series stands under several patients, whose slices would be mixed.
    """
    named = table["series_id"].fillna("").astype(str)
    found = table.assign(sequence_id=named.where(named != "", table["sample_id"]))
    owners = found.groupby("sequence_id")["patient_id"].nunique()
    if len(shared := owners.index[owners > 1]):
        first = found.loc[found["sequence_id"] == shared[0], "patient_id"].unique()[:2]
        raise CohortError(
            f"SeriesInstanceUID: {len(shared)} series under more than one patient, {shared[0]} "
            f"under {' and '.join(first)} among them; one patient each is allowed"
        )
    return found


def refuse_field(preprocessing: PreprocessingConfig) -> None:
    """Refuse squares that show a part of a slice: boxes are laid on the whole one.

    Raises:
        CohortError: `field_mm` is given.
    """
    if preprocessing.field_mm is not None:
        raise CohortError(
            f"preprocessing.field_mm: {preprocessing.field_mm:g} found, only null allowed here: "
            "the detector's boxes lie on whole slices, and a field may cut them"
        )


def drawn_boxes(samples: pd.DataFrame, archive: Any) -> pd.DataFrame:
    """Boxes that readers drew, one row a box: sample_id and x0 … y1 in the archive's pixels."""
    found = [
        (sample, *box[:4])
        for sample, row in zip(samples["sample_id"], samples["archive_row"], strict=True)
        for box in archive.boxes(int(row))
    ]
    return pd.DataFrame(found, columns=["sample_id", *BOX]).astype(dict.fromkeys(BOX, "float64"))


def layings(
    samples: pd.DataFrame, archive: Any, preprocessing: PreprocessingConfig
) -> "list[Laying]":
    """How each slice was laid on the network's square."""
    from osteon.imaging.laying import Laying

    shapes = archive.index.loc[samples["archive_row"], ["rows", "columns"]].to_numpy()
    return [
        Laying.of(int(rows), int(columns), preprocessing.size, preprocessing.resize)
        for rows, columns in shapes
    ]


def padded_boxes(
    samples: pd.DataFrame, drawn: pd.DataFrame, laid: "list[Laying]"
) -> "NDArray[np.float32]":
    """N × K × 4 boxes on the squares, NaN where a slice has fewer than K (at least 1)."""
    of_sample = {name: rows[BOX].to_numpy() for name, rows in drawn.groupby("sample_id")}
    most = max((len(one) for one in of_sample.values()), default=1)
    found = np.full((len(samples), most, 4), np.nan, np.float32)
    for place, name in enumerate(samples["sample_id"]):
        if name in of_sample:
            own = laid[place].to_square(of_sample[name])
            found[place, : len(own)] = own
    return found


def corridors(
    samples: pd.DataFrame, padded: "NDArray[np.float32]", size: int
) -> "NDArray[np.float32]":
    """N × 2: from which x to which the spine runs, read off all boxes of the patient.

    A patient without a box: the whole width.
    """
    known = np.isfinite(padded[..., 0])
    lowest = np.where(known, padded[..., 0], np.inf).min(axis=1)
    highest = np.where(known, padded[..., 2], -np.inf).max(axis=1)
    frame = pd.DataFrame({"patient": samples["patient_id"].to_numpy(), "x0": lowest, "x1": highest})
    by = frame.groupby("patient")
    band = np.stack([by["x0"].transform("min"), by["x1"].transform("max")], axis=1)
    whole = np.array([0.0, size])
    return np.where(np.isfinite(band), band, whole).astype(np.float32)


def found_boxes(
    samples: pd.DataFrame,
    numbers: "NDArray[np.float64]",
    laid: "list[Laying]",
    shapes: "NDArray[np.int64]",
    classes: tuple[str, ...],
) -> pd.DataFrame:
    """What a detector found, one row a box, in the archive's pixels and cut at the image's border.

    Args:
        samples: the judged slices, in the order of `numbers`.
        numbers: N × (top · 6), see `DetectionObjective`.
        laid: how each slice lies on the square.
        shapes: N × 2, rows and columns of the originals.
        classes: two names.

    Returns:
        the columns of `samples`, score, x0 … y1, class and prob_<class>.
    """
    from osteon.imaging.laying import found_on_originals

    at, boxes, given = found_on_originals(numbers.reshape(len(samples), -1, 6), laid, shapes)
    table = samples.iloc[at].reset_index(drop=True)
    table[BOX] = boxes
    table[[f"prob_{name}" for name in classes]] = given
    table["score"] = given.max(axis=1, initial=0)
    table["class"] = np.array(classes, dtype=object)[given.argmax(axis=1)]
    return table
