"""What the explanations of all learners amount to, with intervals over patients and verdicts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.measures.intervals import draw, percentile

AVERAGED = {
    "pointing": "pointing",
    "energy": "energy",
    "iou": "iou",
    "chance": "lesion_share",
    "deletion": "deletion",
    "deletion_random": "deletion_random",
    "insertion": "insertion",
    "insertion_random": "insertion_random",
    "randomised_correlation": "randomised_correlation",
    "randomised_pointing": "randomised_pointing",
    "randomised_energy": "randomised_energy",
}
KINDS = ("gradient", "grad_x_input", "integrated")
GAIN = "pointing_gain"
FOLLOWS = "follows the weights"
ENOUGH = 10
COARSE = 16
STATEMENT = (
    "Maps say where a network's evidence for the positive class lies, not whether it is right. "
    "Every image is explained by the network of the fold that held it out. Pointing and energy are "
    "the lesion's share of what the network was given, for a point drawn blindly and for an even "
    "map; an empty map counts as a miss. Low deletion and high insertion speak for a map only in "
    "comparison with the random order beside them; what is taken away is replaced by block means "
    "of the image. Maps are not judged if more than half of them are empty, if they have fewer "
    "than {cells} cells, or if fewer than {enough} images can be compared. They are called "
    "worthless if their mean rank correlation with the maps of networks with shuffled weights is "
    "above {bound:g}, of images with neither map empty; or if, where lesions are drawn, they do "
    "not point into them more often than those maps do (interval of the difference within "
    "patients not above 0). Means over images; 95 % intervals by bootstrap over patients."
)

Floats = NDArray[np.float64]


def summarise(
    scores: pd.DataFrame,
    attributions: pd.DataFrame,
    rounds: int = 2000,
    seed: int = 0,
    *,
    bound: float = 0.5,
    ratio: tuple[str, str] = ("alp", "ldh"),
) -> dict[str, Any]:
    """Means with intervals, and a verdict by rule on each learner's maps.

    Args:
        scores, attributions: tables of `explain_learner`, of all learners together.
        rounds: bootstrap resamples of patients, stratified by label; seed: of these.
        bound: of the mean rank correlation with the maps of shuffled weights.
        ratio: the two clinical values whose mean absolute attributions are divided.

    Returns:
        methods: learner → method → figure → {value, lo, hi, n (images), patients} (pointing_gain:
        pointing minus that of shuffled weights, image by image) and n_images, n_patients,
        n_with_lesion, n_lesion_outside (drawn, but not in what the network was given), n_empty,
        verdict, note; clinical: learner → features: name →
        kind → mean absolute attribution (`direction`: mean gradient with its sign), and
        ratio_alp_ldh: kind → figure, None without both values; statement. Values that are not
        defined are None.
    """
    methods: dict[str, Any] = {}
    for (learner, method), rows in scores.groupby(["learner", "method"], sort=False):
        methods.setdefault(str(learner), {})[str(method)] = _method(rows, rounds, seed, bound)
    strata = _strata(scores)
    clinical = {
        str(learner): _clinical(rows, strata, rounds, seed, ratio)
        for learner, rows in attributions.groupby("learner", sort=False)
    }
    statement = STATEMENT.format(bound=bound, cells=COARSE, enough=ENOUGH)
    return {"methods": methods, "clinical": clinical, "statement": statement}


class _Patients:
    """Draws of the patients of some rows, and means of these rows over them."""

    def __init__(self, patient: pd.Series, label: pd.Series, rounds: int, seed: int) -> None:
        # By first appearance: names depend on a secret key and must not decide who is drawn.
        self.unit, names = pd.factorize(patient)
        self.count = len(names)
        first = np.unique(self.unit, return_index=True)[1]
        strata = label.to_numpy(dtype=np.int64)[first]
        self.weights = draw(strata, rounds, seed).astype(np.float64)

    def totals(self, values: Floats) -> tuple[float, Floats]:
        """Sum of the values that are numbers: observed, and in each round."""
        known = np.where(np.isfinite(values), values, 0)
        by_patient = np.bincount(self.unit, known, minlength=self.count)
        return float(by_patient.sum()), self.weights @ by_patient

    def mean(self, values: Floats) -> dict[str, Any]:
        """Mean over rows with its interval."""
        known = np.isfinite(values).astype(np.float64)
        total, totals = self.totals(values)
        count, counts = self.totals(known)
        return self._figure(total, count, totals, counts, known)

    def ratio(self, above: Floats, below: Floats) -> dict[str, Any]:
        """Sum over sum with its interval; both vary together, since the patients are the same."""
        top, bottom = self.totals(above), self.totals(below)
        return self._figure(top[0], bottom[0], top[1], bottom[1], np.ones(len(above)))

    def _figure(
        self, top: float, bottom: float, tops: Floats, bottoms: Floats, known: Floats
    ) -> dict[str, Any]:
        patients = len(np.unique(self.unit[known > 0]))
        found: dict[str, Any] = {"value": None, "lo": None, "hi": None}
        if bottom > 0:
            found["value"] = top / bottom
            ends = percentile(
                np.divide(tops, bottoms, out=np.full_like(tops, np.nan), where=bottoms > 0)
            )
            if patients > 1 and np.isfinite(ends.lo):
                found |= {"lo": ends.lo, "hi": ends.hi}
        return found | {"n": int(known.sum()), "patients": patients}


def _method(rows: pd.DataFrame, rounds: int, seed: int, bound: float) -> dict[str, Any]:
    patients = _Patients(rows["patient_id"], rows["label"], rounds, seed)
    figures = {
        name: patients.mean(rows[column].to_numpy(dtype=np.float64))
        for name, column in AVERAGED.items()
    }
    gain = (rows["pointing"] - rows["randomised_pointing"]).to_numpy(dtype=np.float64)
    figures[GAIN] = patients.mean(gain)
    empty, cells = int(rows["empty_map"].sum()), int(rows["cells"].min())
    inside, outside = int(rows["has_lesion"].sum()), int(rows["lesion_outside"].sum())
    return figures | {
        "n_images": len(rows),
        "n_patients": patients.count,
        "n_with_lesion": inside,
        "n_lesion_outside": outside,
        "n_empty": empty,
        "verdict": verdict(
            figures["randomised_correlation"],
            figures[GAIN] if rows["has_lesion"].any() else None,
            images=len(rows),
            empty=empty,
            cells=cells,
            bound=bound,
        ),
        "note": " ".join([*_said(inside, outside), *_doubts(figures, empty, len(rows))]),
    }


def verdict(
    correlation: Mapping[str, Any],
    gain: Mapping[str, Any] | None,
    *,
    images: int,
    empty: int,
    cells: int,
    bound: float = 0.5,
) -> str:
    """The rule: maps that are as those of shuffled weights are worthless; empty ones say nothing.

    Args:
        correlation: figure of the rank correlation with the maps of shuffled weights, of images
            where neither map is empty.
        gain: figure of pointing minus pointing with shuffled weights; None if no lesion is drawn.
        images, empty: number of maps, and of those with nothing above 0; cells: of a map.
        bound: above this mean correlation the maps are worthless.

    Returns:
        a sentence that begins with `not judged`, `worthless` or `follows the weights`.
    """
    if reason := _not_judged(correlation, gain, images, empty, cells):
        return f"not judged: {reason}"
    if correlation["value"] > bound:
        return (
            f"worthless: the maps hardly change when the weights are shuffled "
            f"(mean rank correlation {correlation['value']:.2f}, above {bound:g})"
        )
    if gain is not None and _least(gain) <= 0:
        return (
            "worthless for finding lesions: maps of shuffled weights point as well "
            f"(difference of the pointing game {_spoken(gain)})"
        )
    return FOLLOWS


def _not_judged(
    correlation: Mapping[str, Any],
    gain: Mapping[str, Any] | None,
    images: int,
    empty: int,
    cells: int,
) -> str:
    if 2 * empty > images:
        return f"{empty} of {images} maps are empty, nothing in them speaks for the class"
    if cells < COARSE:
        return f"a map has {cells} cells, too few to locate a lesion ({COARSE} needed)"
    if correlation["value"] is None:
        return "no map of a network with shuffled weights to compare with"
    if correlation["n"] < ENOUGH:
        return f"{correlation['n']} images compared, {ENOUGH} needed"
    if gain is not None and (gain["n"] < ENOUGH or gain["patients"] < 2):
        return (
            f"pointing compared on {gain['n']} images with a lesion of {gain['patients']} "
            f"patient(s), {ENOUGH} images of 2 patients needed"
        )
    return ""


def _least(gain: Mapping[str, Any]) -> float:
    """Lower end of the interval; the value itself where it is the same in every resample."""
    return float(gain["value"] if gain["lo"] is None else gain["lo"])


def _spoken(figure: Mapping[str, Any]) -> str:
    if figure["lo"] is None:
        return f"{figure['value']:.2f} in every resample"
    return f"{figure['value']:.2f} [{figure['lo']:.2f}, {figure['hi']:.2f}]"


def _said(inside: int, outside: int) -> list[str]:
    """Which images have no lesion to compare with, and why."""
    parts = []
    if not inside and not outside:
        parts.append("No lesion is drawn on any image: pointing, energy and IoU do not exist.")
    if outside:
        parts.append(
            f"On {outside} images the lesion that is drawn lies wholly outside the part that the "
            "network was given: not scored."
        )
        if not inside:
            parts.append("No other lesion is drawn: pointing, energy and IoU do not exist.")
    return parts


def _doubts(figures: Mapping[str, Any], empty: int, images: int) -> list[str]:
    parts = []
    for name, better in (("deletion", -1), ("insertion", 1)):
        ours, random = figures[name]["value"], figures[f"{name}_random"]["value"]
        if ours is not None and better * (ours - random) <= 0:
            parts.append(f"{name.capitalize()} is no better than in random order.")
    if 0 < 2 * empty <= images:
        parts.append(f"{empty} of {images} maps are empty: nothing in them speaks for the class.")
    return parts


def _strata(scores: pd.DataFrame) -> "pd.Series[int]":
    return scores.drop_duplicates("patient_id").set_index("patient_id")["label"]


def _clinical(
    rows: pd.DataFrame,
    strata: "pd.Series[int]",
    rounds: int,
    seed: int,
    ratio: tuple[str, str],
) -> dict[str, Any]:
    tables = {
        str(name): part.set_index("sample_id") for name, part in rows.groupby("feature", sort=False)
    }
    first = next(iter(tables.values()))
    patients = _Patients(first["patient_id"], first["patient_id"].map(strata), rounds, seed)
    found = {
        name: table.reindex(first.index)[list(KINDS)].to_numpy(dtype=np.float64)
        for name, table in tables.items()
    }
    features = {
        name: {kind: patients.mean(np.abs(values[:, i])) for i, kind in enumerate(KINDS)}
        | {"direction": patients.mean(values[:, 0])}
        for name, values in found.items()
    }
    above, below = (found.get(name) for name in ratio)
    ratios = None
    if above is not None and below is not None:
        ratios = {
            kind: patients.ratio(np.abs(above[:, i]), np.abs(below[:, i]))
            for i, kind in enumerate(KINDS)
        }
    return {"features": features, "ratio_alp_ldh": ratios}
