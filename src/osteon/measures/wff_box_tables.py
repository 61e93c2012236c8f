"""What the report adds on boxes: how well they are found, and how calls came about."""

from collections.abc import Mapping
from typing import Any

from osteon.measures.detection_evaluator import ANY
from osteon.measures.paper_table import PaperTable, at, with_interval

PARTS = {"test": "test part", "cv": "training part, out of fold"}
GROUPS = {ANY: "any class", "benign": "benign", "malignant": "malignant"}
METRICS = {
    "ap": "AP at IoU 0.5",
    "sensitivity_at_0.5": "Sensitivity at 0.5",
    "sensitivity_at_1": "at 1",
    "sensitivity_at_2": "at 2 false boxes an image",
    "recall": "with any number",
}
LEARNER = "detector"
FROC_POINTS = 60
"""Points of a drawn FROC curve at most: more would not be seen."""


def boxes(detection: Mapping[str, Any]) -> PaperTable:
    """AP and FROC of the detector in both parts.

    Args:
        detection: part → of `osteon.measures.detection_evaluator.evaluate`.
    """
    rows = []
    for part, words in PARTS.items():
        found = at(detection, part, "learners", LEARNER, "patient")
        if not found:
            continue
        counted = f"{found['lesions']} boxes on {found['n_images']} slices"
        for group, name in GROUPS.items():
            if group in found:
                cells = [with_interval(found[group].get(metric), 3) for metric in METRICS]
                rows.append([f"{words}, {name}", *cells, counted if group == ANY else ""])
    return PaperTable(
        "Boxes of the detector (the paper prints no figure)",
        "Every slice of the part counts, with or without a drawn box; a box on a tumour that the "
        "reader left without one counts as false. A box is right from an intersection over union "
        "of 0.5 on; any class: whatever it is called. 95 % intervals by bootstrap over patients. "
        "Out of fold judge detectors trained on some of the training patients only, on the test "
        "part the one trained on all of them: the first find less, and λ, thresholds and "
        "temperatures are chosen on what they find.",
        ("Part", *METRICS.values(), "Drawn"),
        rows,
    )


def calls(decided: Mapping[str, Any], tubes: Mapping[str, int]) -> PaperTable:
    """How many patients, sequences and slices were called in which way.

    Args:
        decided: `patients` and `sequences` → way → count; without_age, images_without_box, images.
        tubes: where a tube's box is from → number of sequences, both parts.
    """
    rows = [["patients", way, str(count)] for way, count in decided["patients"].items()]
    rows += [["sequences", way, str(count)] for way, count in decided["sequences"].items()]
    rows.append(["patients", "no age: the term drops out", str(decided["without_age"])])
    unboxed = f"{decided['images_without_box']} of {decided['images']}"
    rows.append(["slices", "no box: no word of the detector", unboxed])
    words = {
        "detected": "at the largest detected box of the sequence",
        "other_series": "at the place of another sequence's box",
        "whole": "the whole picture: no detector",
        "labelled": "at the largest drawn box",
        "none": "none: no box at all",
    }
    rows += [
        ["tubes, both parts", words.get(source, source), str(count)]
        for source, count in tubes.items()
    ]
    return PaperTable(
        "How calls came about",
        "Of Det-Seq-Age on the test part, except where both parts are named. A tie is decided by "
        "the mean of P, still tied it is called malignant. Tubes: where the sequence model looked "
        "when it judged; it learnt from tubes at the largest drawn box, where boxes are drawn.",
        ("What", "Way", "Number"),
        rows,
    )


def froc_figure(detection: Mapping[str, Any]) -> dict[str, Any] | None:
    """Sensitivity over false boxes an image, both parts; None without any.

    Args:
        detection: part → of `osteon.measures.detection_evaluator.evaluate`.
    """
    series = []
    for part, words in PARTS.items():
        curve = at(detection, part, "learners", LEARNER, "patient", "froc", ANY)
        if not curve or not curve["false_positives"]:
            continue
        step = max(1, len(curve["false_positives"]) // FROC_POINTS)
        places = sorted(
            {*range(0, len(curve["false_positives"]), step), len(curve["sensitivity"]) - 1}
        )
        series.append(
            {
                "name": words,
                "x": [curve["false_positives"][place] for place in places],
                "y": [curve["sensitivity"][place] for place in places],
            }
        )
    if not series:
        return None
    return {
        "kind": "lines",
        "name": "froc",
        "title": "Boxes found against false boxes (FROC)",
        "x": "False boxes an image",
        "y": "Sensitivity",
        "series": series,
        "note": "Any class, IoU 0.5 or more; each patient by a detector that had not seen him.",
    }
