"""Each class against all others: the evaluator's figures and ROC curves, class by class.

The last class is the positive one of every other figure; its entries are those of the evaluator,
taken over. A learner's figures for a class need no model of their own: they are read off the same
probabilities. The ROC of the training part beside the held-out one shows what a network has learnt
by heart.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from osteon.measures import delong
from osteon.measures.curves import roc
from osteon.measures.describing import plain
from osteon.measures.evaluator import CURVE_DIGITS, Evaluation, judge, report
from osteon.measures.judging import SCORES, Resamples, Settings
from osteon.measures.levels import (
    LEVELS,
    SEQUENCE,
    Judged,
    at_level,
    checked,
    levels_of,
    numbered,
    one_vs_rest,
)
from osteon.measures.trained import (
    OUT_OF_FOLD,
    RESUBSTITUTION,
    classes_of,
    inner,
    part_of,
    usable,
)

LEFT_OUT = ("calibration", "subgroups")


@dataclass(frozen=True)
class ByClass:
    """Figures and curves, both JSON-able.

    Attributes:
        figures: learner → class → auroc, scores, at_0.5, at_youden, counts, warnings (patients),
            and `image`, the same by image where there are images.
        training: learner → class → auroc, n_patients, source (resubstitution, or out of fold),
            optimism: AUROC of the training part less the held-out one, both over one score a
            patient and network. Only of learners that predicted their training part.
        curves: learner → class → `held_out` and, where there is one, `training` → `roc`.
    """

    figures: dict[str, Any]
    training: dict[str, Any]
    curves: dict[str, Any]


def by_class(
    predictions: pd.DataFrame,
    config: Settings,
    done: Evaluation,
    training: pd.DataFrame | None = None,
) -> ByClass:
    """Figures of every learner for every class against the rest, by patient and by image.

    Args:
        predictions: as for `osteon.measures.evaluator.evaluate`; config: resampling.
        done: what `evaluate` made of the same predictions: the figures of the last class.
        training: what networks say of the samples they were fitted on; see `evaluate`.
    """
    classes = classes_of(predictions)
    figures: dict[str, Any] = {name: {} for name in done.metrics["learners"]}
    held_out: dict[str, Any] = {name: {} for name in figures}
    for one in classes[:-1]:
        for name, entry, curve in one_class(predictions, one, config, training):
            figures[name][one], held_out[name][one] = entry, curve
    for name, levels in done.metrics["learners"].items():
        figures[name][classes[-1]] = with_images(levels)
        held_out[name][classes[-1]] = done.curves["learners"][name]["patient"]["roc"]
    known = usable(training, predictions)
    parts, drawn = training_parts(known, list(figures), classes, config)
    for name, found in parts.items():
        for one, entry in found.items():
            entry["optimism"] = less(entry["auroc"], figures[name][one]["auroc"]["value"])
    curves = {
        name: {
            one: {"held_out": {"roc": curve}, **drawn.get(name, {}).get(one, {})}
            for one, curve in found.items()
        }
        for name, found in held_out.items()
    }
    return ByClass(plain(figures), plain(parts), plain(curves, CURVE_DIGITS))


def one_class(
    predictions: pd.DataFrame, one: str, config: Settings, training: pd.DataFrame | None
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any] | None]]:
    """(learner, figures, ROC) of one class against the rest."""
    frame = checked(one_vs_rest(predictions, one))
    known = usable(binary(usable(training, predictions), one), frame)
    resamples = drawn_alike(predictions, config)
    folds = {int(fold) for fold in frame["fold"].unique()}
    for name, rows in frame.groupby("learner", sort=False):
        part = part_of(known, rows)
        levels: dict[str, Any] = {}
        for level in [one for one in LEVELS if one in levels_of(frame)]:
            result = judge(rows, level, config, resamples, part)
            levels[level] = report(result, config, folds)
            if level == "patient":
                curve = roc(result.judged, resamples.of(result.judged).by_class)
        yield str(name), with_images(levels), curve


def binary(training: pd.DataFrame, one: str) -> pd.DataFrame:
    """The training part with one class against the rest."""
    return one_vs_rest(training.drop(columns=["score", "positive"]), one)


def drawn_alike(predictions: pd.DataFrame, config: Settings) -> Resamples:
    """Resamples for one class against the rest.

    Of two classes each has the AUROC of the other, but for ties by rounding: the draws of the
    positive class serve both, so that they share its interval, too. With more classes the strata
    differ.
    """
    resamples = Resamples(config.rounds, config.seed)
    if len(classes_of(predictions)) == 2:
        for _, rows in checked(predictions).groupby("learner", sort=False):
            resamples.of(at_level(rows, "patient"))
    return resamples


def with_images(levels: Mapping[str, Any]) -> dict[str, Any]:
    """Patients' figures with the AUROC in front, and those by image, if any, under `image`."""
    found = {
        level: {key: value for key, value in levels[level].items() if key not in LEFT_OUT}
        for level in LEVELS
        if level in levels
    }
    own = found.pop("patient")
    return {"auroc": own[SCORES]["auroc"], **own, **found}


def training_parts(
    known: pd.DataFrame, learners: list[str], classes: list[str], config: Settings
) -> tuple[dict[str, Any], dict[str, Any]]:
    """AUROC and ROC of what each learner says of patients it was fitted on, class by class.

    A patient has one score for each network that was fitted on it, the mean over its images: a mean
    over several networks would be an ensemble's, better than any of them, where a held-out score is
    one network's. The band of the curve draws patients, each with all its scores.
    """
    figures: dict[str, Any] = {}
    drawn: dict[str, Any] = {}
    for name in learners:
        rows = known[known["learner"] == name]
        if rows.empty:
            continue
        figures[name], drawn[name] = {}, {}
        for one in classes:
            part = usable(binary(rows, one), one_vs_rest(rows, one))
            judged = of_networks(part)
            both = 0 < judged.label.sum() < len(judged.label)
            auroc = delong.components(judged.label, judged.score[None])[0][0] if both else None
            figures[name][one] = {"auroc": auroc, "n_patients": len(judged.patients)}
            figures[name][one]["source"] = OUT_OF_FOLD if inner(rows) else RESUBSTITUTION
            weights = Resamples(config.rounds, config.seed).of(judged).by_class
            drawn[name][one] = {"training": {"roc": roc(judged, weights)}}
    return figures, drawn


def of_networks(part: pd.DataFrame) -> Judged:
    """Rows of one learner's training part as one score a patient and fold; patients are drawn.

    Args:
        part: of `usable`.
    """
    network = part["fold"].astype(str) + "/" + part["patient_id"]
    return at_level(numbered(part.assign(**{SEQUENCE: network}))[0], "sequence")


def less(first: float | None, second: float | None) -> float | None:
    """first - second; None where one of them is not defined."""
    return None if first is None or second is None else first - second
