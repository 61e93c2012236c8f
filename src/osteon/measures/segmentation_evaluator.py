"""Segmentation scores with intervals and paired tests, from the tidy tables alone.

Rules of what is counted and how empty masks are judged stand in `osteon.measures.segmentation`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.measures.comparing import adjust
from osteon.measures.describing import plain, spread
from osteon.measures.discrimination import Floats, from_confusion, ratio, sums
from osteon.measures.judging import Key, Settings
from osteon.measures.prevalence import stated
from osteon.measures.resampling import (
    Measured,
    describe,
    differences,
    entries,
    places,
    warnings,
)
from osteon.measures.segmentation import (
    COUNTS,
    METRICS,
    SegmentationError,
    demand_columns,
    overlap,
)

PIXEL, POOLED, PATCH = "pixel", "pixel_pooled", "patch"
UNSPACED = "images_without_spacing"
"""Column of the segmentations that counts a patient's images of unknown pixel spacing."""
EMPTY_RULE = (
    "both masks empty: not defined, left out of the means and counted; one empty: Dice, IoU and "
    "NSD 0, HD95 the diagonal of the image; precision is not defined without a prediction, recall "
    "not without a reference"
)
CONDITIONAL = frozenset({(PIXEL, "recall"), (POOLED, "recall"), (PATCH, "recall")})
"""What patients with a lesion decide alone. Everything else also depends on how many have one."""
RESAMPLED = (
    "patients; all their images come along. Recall: patients with and without a lesion keep their "
    "numbers, as it is a matter of the first alone. Everything else: patients drawn whatever they "
    "have, so that the share of those with a lesion varies as it does between cohorts. Resamples "
    "in which a metric is not defined are left out and counted in its method."
)


def checked(table: pd.DataFrame, names: Iterable[str], what: str) -> pd.DataFrame:
    """The table once fit to be judged, with `place`, the patient's number by first appearance.

    Raises:
        SegmentationError: columns or counts missing, a patient twice for a learner, or learners
            that were judged on different references of a patient.
    """
    demand_columns(table, ("learner", "patient_id", "fold", *COUNTS, *names), what)
    counts = table[list(COUNTS)].to_numpy(dtype=np.float64)
    bad = ~(np.isfinite(counts) & (counts >= 0)).all(axis=1)
    twice = table.duplicated(["learner", "patient_id"]).to_numpy()
    lesion = table["tp"] + table["fn"]
    differ = lesion.groupby(table["patient_id"]).transform("nunique").to_numpy() > 1
    for rows, why in (
        (bad, "counts that are missing or negative"),
        (twice, "a second row of the same learner and patient"),
        (differ, "another size of the reference than a second learner has for the patient"),
    ):
        if rows.any():
            one = table[rows].iloc[0]
            raise SegmentationError(
                f"{what}: {int(rows.sum())} row(s) with {why} (first: patient "
                f"{one['patient_id']}, learner {one['learner']})"
            )
    frame = table.assign(patient_id=table["patient_id"].astype(str))
    return frame.assign(place=frame["patient_id"].map(places(frame["patient_id"])))


def prepare(
    rows: pd.DataFrame, patches: pd.DataFrame | None, prevalences: Iterable[float]
) -> Measured:
    """One learner, ready to be resampled.

    Args:
        rows: its checked rows; patches: its checked patch counts of the same patients, if any;
        prevalences: shares of positive patches at which `ppv_at_<p>` (the precision of patches
            balanced so), `npv_at_<p>`, `accuracy_at_<p>` and `f1_at_<p>` are stated.
    """
    rows = rows.sort_values("place")
    names, shares = tuple(rows["patient_id"]), tuple(prevalences)
    values = rows[list(METRICS)].to_numpy(dtype=np.float64)
    defined = np.isfinite(values)
    columns = np.concatenate([np.where(defined, values, 0.0), defined], axis=1)
    pixels = rows[list(COUNTS)].to_numpy(dtype=np.float64)
    squares = None
    if patches is not None and len(patches):
        own = patches.set_index("patient_id").reindex(names)[list(COUNTS)]
        if own.isna().any(axis=None):
            missing = own.index[own.isna().any(axis=1)][0]
            raise SegmentationError(f"patches: no row for patient {missing}, whose pixels have one")
        squares = own.to_numpy(dtype=np.float64)

    def measure(weights: NDArray[np.generic]) -> Mapping[Key, Floats]:
        total = sums(weights, columns)
        size = len(METRICS)
        found: dict[Key, Floats] = {
            (PIXEL, name): ratio(total[:, k], total[:, size + k]) for k, name in enumerate(METRICS)
        }
        tp, fp, fn, _ = sums(weights, pixels).T
        found |= {(POOLED, name): value for name, value in overlap(tp, fp, fn).items()}
        if squares is not None:
            counted = dict(zip(COUNTS, sums(weights, squares).T, strict=True))
            for name, value in from_confusion(counted, shares).items():
                found[PATCH, "recall" if name == "sensitivity" else name] = value
            found |= {(PATCH, name): value for name, value in stated(counted, shares).items()}
        return found

    lesion = (pixels[:, 0] + pixels[:, 2] > 0).astype(np.int64)
    return Measured(names, lesion, measure, CONDITIONAL)


def evaluate(
    table: pd.DataFrame,
    settings: Settings,
    reference: str,
    patches: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Judge all learners: means over patients, pooled pixels, patches, each with its interval.

    Args:
        table: from `score`; settings: an `EvaluationConfig`; reference: the learner that the others
        are tested against; patches: from `count_patches`, of the same learners and patients.

    Returns:
        JSON-able: `settings`, `learners` (name → `patient`: n_patients, n_images, empty, warnings,
        and group → metric → value, lo, hi, method, folds, in group `pixel` also n_patients) and
        `comparisons` (name → `patient`: n_patients, note, tests). NaN is None.

    Raises:
        SegmentationError: a table cannot be judged. ValueError: an unknown reference learner.
    """
    frame = checked(table, METRICS, "segmentations")
    squares = None if patches is None else checked(patches, (), "patches")
    learners = [str(name) for name in frame["learner"].drop_duplicates()]
    if reference not in learners:
        raise ValueError(f"reference: {reference!r} found, one of {learners} allowed")
    parts = {name: (frame[frame["learner"] == name], of(squares, name)) for name in learners}
    said = describe(settings, reference) | {"empty_masks": EMPTY_RULE, "resampling": RESAMPLED}
    said["prevalences"] = list(settings.prevalences)
    if "tolerance_mm" in frame:
        said["tolerance_mm"] = sorted(frame["tolerance_mm"].unique())
    compared = _against(parts, reference, settings)
    report = {name: {"patient": judge(*part, settings)} for name, part in parts.items()}
    found: dict[str, Any] = plain({"settings": said, "learners": report, "comparisons": compared})
    return found


def compare_all(table: pd.DataFrame, settings: Settings, reference: str) -> dict[str, Any]:
    """Only the paired comparisons that `evaluate` puts under `comparisons`, on pixels.

    Args:
        table, settings, reference: as in `evaluate`, with the same errors.
    """
    frame = checked(table, METRICS, "segmentations")
    learners = [str(name) for name in frame["learner"].drop_duplicates()]
    if reference not in learners:
        raise ValueError(f"reference: {reference!r} found, one of {learners} allowed")
    parts = {name: (frame[frame["learner"] == name], None) for name in learners}
    return dict(plain(_against(parts, reference, settings)))


def _against(
    parts: Mapping[str, tuple[pd.DataFrame, pd.DataFrame | None]],
    reference: str,
    settings: Settings,
) -> dict[str, Any]:
    """Learner → its differences from the reference, Holm-adjusted over the learners."""
    compared = {
        name: {"patient": compare(part, parts[reference], settings)}
        for name, part in parts.items()
        if name != reference
    }
    adjust([one["patient"] for one in compared.values()], settings.alpha)
    return compared


def of(patches: pd.DataFrame | None, learner: str) -> pd.DataFrame | None:
    """One learner's patch counts."""
    return None if patches is None else patches[patches["learner"] == learner]


def judge(rows: pd.DataFrame, patches: pd.DataFrame | None, settings: Settings) -> dict[str, Any]:
    """One learner's figures with intervals, folds, counts and warnings."""
    measured = prepare(rows, patches, settings.prevalences)
    report: dict[str, Any] = entries(measured, settings)
    ordered = rows.sort_values("place")
    folds = np.unique(ordered["fold"])
    by_fold = measured.measure(
        (ordered["fold"].to_numpy()[None, :] == folds[:, None]).astype(float)
    )
    for (group, name), values in by_fold.items():
        named = {int(fold): float(value) for fold, value in zip(folds, values, strict=True)}
        report[group][name]["folds"] = spread(named)
    for name in METRICS:
        report[PIXEL][name]["n_patients"] = int(rows[name].notna().sum())
    said, true = rows["tp"] + rows["fp"] > 0, rows["tp"] + rows["fn"] > 0
    report["n_patients"] = len(rows)
    report["n_images"] = int(rows["images"].sum()) if "images" in rows else None
    report["empty"] = {
        "both": int((~said & ~true).sum()),
        "prediction": int((~said & true).sum()),
        "reference": int((said & ~true).sum()),
    }
    return report | {"warnings": [*warnings(measured, settings), *unspaced(rows)]}


def unspaced(rows: pd.DataFrame) -> list[str]:
    """What to say beside distances of images whose pixel spacing nobody knows."""
    if UNSPACED not in rows or not (unknown := int(rows[UNSPACED].sum())):
        return []
    return [
        f"{unknown} of {int(rows['images'].sum())} images have no pixel spacing: 1 mm is taken, so "
        "that NSD and HD95 count pixels there"
    ]


def compare(
    first: tuple[pd.DataFrame, pd.DataFrame | None],
    second: tuple[pd.DataFrame, pd.DataFrame | None],
    settings: Settings,
) -> dict[str, Any]:
    """Paired differences first - second on the patients that both judged."""
    common = set(first[0]["patient_id"]) & set(second[0]["patient_id"])
    if not common:
        return {"n_patients": 0, "note": "no patient judged by both learners", "tests": []}
    rows = [
        part[part["patient_id"].isin(common)].sort_values("place").reset_index(drop=True)
        for part in (first[0], second[0])
    ]
    lacking = rows[0][list(METRICS)].isna() | rows[1][list(METRICS)].isna()
    both = [
        prepare(
            part.assign(**{name: part[name].mask(lacking[name]) for name in METRICS}),
            patches,
            settings.prevalences,
        )
        for part, patches in zip(rows, (first[1], second[1]), strict=True)
    ]
    uneven = len(first[0]) != len(common) or len(second[0]) != len(common)
    note = f"on the {len(common)} patients that both learners judged" if uneven else ""
    return {
        "n_patients": len(common),
        "note": note,
        "tests": differences(both[0], both[1], settings),
    }
