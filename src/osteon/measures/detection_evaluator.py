"""Detection with intervals and paired tests, from tables of boxes alone.

Three tables: `images`, what each learner judged, with or without a lesion, found or not;
`references`, the boxes drawn by readers; `detections`, the boxes found. Conventions of matching, AP
and FROC stand in `osteon.measures.detection`.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.measures.comparing import adjust
from osteon.measures.describing import plain, spread
from osteon.measures.detection import (
    DetectionError,
    Found,
    as_boxes,
    froc,
    match,
    measure,
)
from osteon.measures.discrimination import Floats
from osteon.measures.judging import Key, Settings
from osteon.measures.levels import DIVIDED
from osteon.measures.resampling import (
    Measured,
    describe,
    differences,
    entries,
    places,
    warnings,
)

BOX = ("x0", "y0", "x1", "y1")
ANY, MEAN = "any_class", "class_mean"
JUDGED = ("sample_id", "patient_id", "learner", "fold")


def checked(
    images: pd.DataFrame, references: pd.DataFrame, detections: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The tables once fit to be judged; `images` gains `place`, the patient's number.

    Raises:
        DetectionError: a column is missing, an image is judged twice by a learner or belongs to two
            patients, boxes are not boxes, a score is not finite, or a box lies on an image that
            nobody (for a detection: not that learner) judged.
    """
    for table, what, names in (
        (images, "images", JUDGED),
        (references, "references", ("sample_id", *BOX)),
        (detections, "detections", ("sample_id", "learner", "score", *BOX)),
    ):
        if absent := [name for name in names if name not in table.columns]:
            raise DetectionError(f"{what}: no columns {absent}, {list(names)} needed")
    if images.empty:
        raise DetectionError("images: no row found, at least one judged image needed")
    owners = images.groupby("sample_id")["patient_id"].transform("nunique")
    refuse(images, images.duplicated(["learner", "sample_id"]), "images", "judged a second time")
    refuse(images, owners > 1, "images", "of two patients")
    known = references["sample_id"].isin(images["sample_id"])
    refuse(references, ~known, "references", "on an image that no learner judged")
    pairs = pd.MultiIndex.from_frame(images[["learner", "sample_id"]])
    judged = pd.MultiIndex.from_frame(detections[["learner", "sample_id"]]).isin(pairs)
    refuse(detections, ~judged, "detections", "on an image that its learner did not judge")
    scores = detections["score"].to_numpy(dtype=np.float64)
    refuse(detections, ~np.isfinite(scores), "detections", "with a score that is not a number")
    as_boxes("references", references[list(BOX)])
    as_boxes("detections", detections[list(BOX)])
    frame = images.assign(patient_id=images["patient_id"].astype(str))
    place = frame["patient_id"].map(places(frame["patient_id"]))
    return frame.assign(place=place), references, detections


def refuse(table: pd.DataFrame, bad: Any, what: str, why: str) -> None:
    """Stop, naming the first image, where any row is bad."""
    if np.any(bad):
        first = table.loc[np.asarray(bad), "sample_id"].iloc[0]
        raise DetectionError(f"{what}: {int(np.sum(bad))} row(s) {why} (first: {first})")


def matched(
    images: pd.DataFrame,
    references: pd.DataFrame,
    detections: pd.DataFrame,
    threshold: float = 0.5,
) -> tuple[Found, pd.DataFrame]:
    """Match one learner's boxes image by image.

    Args:
        images: its checked rows; references: boxes of all images; detections: its boxes;
        threshold: least IoU.

    Returns:
        the matched detections, and one row a patient: patient_id, place, fold (DIVIDED, -2, for
        several), lesions, images.
    """
    known = references[references["sample_id"].isin(images["sample_id"])]
    drawn = {
        str(name): rows[list(BOX)].to_numpy(float) for name, rows in known.groupby("sample_id")
    }
    patient = dict(zip(images["sample_id"], images["place"], strict=True))
    count = known["sample_id"].map(patient).value_counts()
    rows = images.sort_values("place", kind="stable").groupby("place")
    people = rows.agg(patient_id=("patient_id", "first"), fold=("fold", "first")).reset_index()
    people.loc[rows["fold"].nunique().to_numpy() > 1, "fold"] = DIVIDED
    people["images"] = rows.size().to_numpy()
    people["lesions"] = people["place"].map(count).fillna(0).astype(np.int64)
    column = {place: k for k, place in enumerate(people["place"])}
    hit = np.zeros(len(detections), dtype=bool)
    boxes, score = detections[list(BOX)].to_numpy(float), detections["score"].to_numpy(float)
    for name, at in detections.reset_index(drop=True).groupby("sample_id").indices.items():
        if str(name) in drawn:
            hit[at] = match(boxes[at], score[at], drawn[str(name)], threshold) >= 0
    unit = np.array([column[patient[name]] for name in detections["sample_id"]], dtype=np.int64)
    lesions, judged = people["lesions"].to_numpy(), people["images"].to_numpy()
    return Found(score, hit, unit, lesions, judged), people


def prepare(
    images: pd.DataFrame,
    references: pd.DataFrame,
    detections: pd.DataFrame,
    threshold: float,
    classes: Sequence[str],
) -> tuple[Measured, dict[str, Found], pd.DataFrame]:
    """One learner, ready to be resampled; matched as any class, and within each class."""
    parts = {ANY: matched(images, references, detections, threshold)}
    for name in classes:
        own = [table[table["class"].astype(str) == name] for table in (references, detections)]
        parts[name] = matched(images, own[0], own[1], threshold)
    people = parts[ANY][1]

    def measured(weights: NDArray[np.generic]) -> Mapping[Key, Floats]:
        values: dict[Key, Floats] = {}
        for group, (found, _) in parts.items():
            values |= {(group, name): value for name, value in measure(found, weights).items()}
        if classes:
            each = np.stack([values[name, "ap"] for name in classes])
            values[MEAN, "ap"] = each.mean(axis=0)
        return values

    strata = (people["lesions"].to_numpy() > 0).astype(np.int64)
    ready = Measured(tuple(people["patient_id"]), strata, measured)
    return ready, {group: found for group, (found, _) in parts.items()}, people


def evaluate(
    images: pd.DataFrame,
    references: pd.DataFrame,
    detections: pd.DataFrame,
    settings: Settings,
    reference: str,
    threshold: float = 0.5,
) -> dict[str, Any]:
    """Judge all learners: AP, recall and FROC with bootstrap intervals over patients.

    Args:
        images: sample_id, patient_id, learner, fold; one row a judged image and learner.
        references: sample_id, x0, y0, x1, y1, optionally class; detections: also learner, score.
        settings: an `EvaluationConfig`; reference: the learner the others are tested against.
        threshold: least IoU of a hit. Where both tables have `class`, boxes are matched within each
            class too, and `class_mean` holds the mean AP of the classes in `references`.

    Returns:
        JSON-able: `settings`, `learners` (name → `patient`: n_patients, n_images, lesions,
        detections, warnings, froc, and group → metric → value, lo, hi, method, folds) and
        `comparisons` (name → `patient`: n_patients, note, tests). NaN is None.

    Raises:
        DetectionError: a table cannot be judged. ValueError: an unknown reference learner.
    """
    frame, drawn, boxes = checked(images, references, detections)
    learners = [str(name) for name in frame["learner"].drop_duplicates()]
    if reference not in learners:
        raise ValueError(f"reference: {reference!r} found, one of {learners} allowed")
    classes = []
    if "class" in drawn and "class" in boxes:
        classes = sorted(str(name) for name in drawn["class"].unique())
    rows = {name: frame[frame["learner"] == name] for name in learners}
    found = {name: boxes[boxes["learner"] == name] for name in learners}
    report = {
        name: {
            "patient": judge(prepare(rows[name], drawn, found[name], threshold, classes), settings)
        }
        for name in learners
    }
    compared = {}
    for name in learners:
        if name != reference:
            pair = [(rows[one], found[one]) for one in (name, reference)]
            compared[name] = {"patient": compare(pair, drawn, threshold, classes, settings)}
    adjust([one["patient"] for one in compared.values()], settings.alpha)
    said = describe(settings, reference) | {
        "iou": threshold,
        "average_precision": "COCO, 101 recalls; equal scores taken together",
        "sensitivity": "at no more than the stated false positives per image; not interpolated",
    }
    final: dict[str, Any] = plain({"settings": said, "learners": report, "comparisons": compared})
    return final


def within(table: pd.DataFrame, samples: Collection[str]) -> pd.DataFrame:
    """The rows of these images."""
    return table[table["sample_id"].isin(samples)]


def judge(
    prepared: tuple[Measured, dict[str, Found], pd.DataFrame], settings: Settings
) -> dict[str, Any]:
    """One learner's figures with intervals, folds, FROC curve, counts and warnings."""
    measured, found, people = prepared
    report: dict[str, Any] = entries(measured, settings)
    folds = np.unique(people["fold"][people["fold"] != DIVIDED])
    member = (people["fold"].to_numpy()[None, :] == folds[:, None]).astype(np.float64)
    for (group, name), values in measured.measure(member).items():
        named = {int(fold): float(value) for fold, value in zip(folds, values, strict=True)}
        report[group][name]["folds"] = spread(named)
    return report | {
        "n_patients": len(people),
        "n_images": int(people["images"].sum()),
        "lesions": int(people["lesions"].sum()),
        "detections": len(found[ANY].score),
        "froc": {group: froc(one) for group, one in found.items()},
        "warnings": warnings(measured, settings),
    }


def compare(
    pair: Sequence[tuple[pd.DataFrame, pd.DataFrame]],
    references: pd.DataFrame,
    threshold: float,
    classes: Sequence[str],
    settings: Settings,
) -> dict[str, Any]:
    """Paired differences first - second on the images that both judged; pair: images and boxes."""
    (first, _), (second, _) = pair
    common = set(first["sample_id"]) & set(second["sample_id"])
    if not common:
        return {"n_patients": 0, "note": "no image judged by both learners", "tests": []}
    both = [
        prepare(within(images, common), references, within(boxes, common), threshold, classes)
        for images, boxes in pair
    ]
    uneven = len(common) < max(len(first), len(second))
    note = f"on the {len(common)} images that both learners judged" if uneven else ""
    tests = differences(both[0][0], both[1][0], settings)
    return {"n_patients": len(both[0][2]), "note": note, "tests": tests}
