"""Charts of counts: the metrics as bars, the confusion matrix, the distribution of scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from osteon.reporting.figures.cast import Cast
from osteon.reporting.figures.spec import Chart, Rule, Series, defined, figure_of
from osteon.reporting.figures.style import CYCLE, Role, readable
from osteon.reporting.printed import Printed

# Name in print → name in the metrics, group "at_0.5"; the order of the paper's Fig. 6.
METRICS = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "sensitivity",
    "f1": "f1",
}

LONGEST = 18
"""Letters of a class's name that fit into a cell of the confusion matrix."""


def bars(
    cast: Cast,
    metrics: Mapping[str, Any],
    learners: list[str],
    name: str,
    published: Mapping[str, Printed],
) -> Chart | None:
    """Accuracy, precision, recall and F1 at 0.5 for each learner, printed values as markers.

    At the level of the printed values, else by image where there is one; with intervals over
    patients.
    """
    found = metrics["learners"]
    level = "image" if all("image" in found[one] for one in learners) else cast.level
    printed_at = next((published[one]["level"] for one in learners if one in published), level)
    level = printed_at if all(printed_at in found[one] for one in learners) else level
    width = 0.8 / len(METRICS)
    series, printed = [], []
    for place, (metric, own_name) in enumerate(METRICS.items()):
        shift = (place - (len(METRICS) - 1) / 2) * width
        x = tuple(index + shift for index in range(len(learners)))
        values = [
            figure_of(found[one].get(level, {}).get("at_0.5", {}).get(own_name)) for one in learners
        ]
        title = metric if metric != "f1" else "F1"
        value, lo, hi = (tuple(column) for column in zip(*values, strict=True))
        series.append(
            Series(title, metric, x, value, lo, hi, "bars", CYCLE[place], width=0.92 * width)
        )
        printed += [
            (at, published[one]["values"][own_name], f"{title}, {cast.label(one)}")
            for at, one in zip(x, learners, strict=True)
            if one in published and own_name in published[one]["values"]
        ]
    if not any(defined(one.y) for one in series):
        return None
    family = sorted({one.split("_")[0] for one in learners})
    alike = len(family) == 1 and bool(cast.inputs)
    if printed:
        x, y, text = (tuple(column) for column in zip(*printed, strict=True))
        series.append(Series("printed in the paper", "printed", x, y, None, None, "points",
                             "printed", text))  # fmt: skip
    return Chart(
        name,
        f"Accuracy, precision, recall and F1 by {'input' if cast.inputs else 'learner'}"
        + (f": {family[0]}" if alike and not cast.prefix else ""),
        "",
        f"Value by {level}, {decided(found, learners, level)}",
        tuple(series),
        (-0.6, len(learners) - 0.4),
        (0.0, 1.04),
        x_labels=tuple(cast.short(one) if alike else cast.label(one) for one in learners),
        note="Bars: 95 % intervals over patients.",
    )


def decided(found: Mapping[str, Any], learners: Sequence[str], level: str) -> str:
    """How learners of the metrics call a patient positive: by their votes, or at 0.5."""
    ways = {(found.get(one) or {}).get(level, {}).get("called_by") == "vote" for one in learners}
    if ways == {True}:
        return "called by vote"
    return "called by vote or at 0.5" if True in ways else "threshold 0.5"


def confusion(
    cast: Cast,
    curves: Mapping[str, Any],
    learner: str,
    name: str,
    metrics: Mapping[str, Any] | None = None,
) -> Chart | None:
    """One learner's four counts at 0.5 or by its vote, with the share of each true class."""
    own = (curves.get("learners") or {}).get(learner, {}).get(cast.level) or {}
    counts = (own.get("confusion") or {}).get("at_0.5")
    if not counts:
        return None
    grid = np.array(
        [
            [counts["true_positive"], counts["false_negative"]],
            [counts["false_positive"], counts["true_negative"]],
        ],
        dtype=float,
    )
    totals = grid.sum(axis=1, keepdims=True)
    shares = np.divide(grid, totals, out=np.full_like(grid, np.nan), where=totals > 0)
    words = (cast.positive, cast.negative)
    short = [word if len(word) <= LONGEST else "these" for word in words]
    text = [
        f"{int(grid[row, column])}\n"
        + (
            f"{100 * shares[row, column]:.0f} % of {short[row]}"
            if totals[row, 0]
            else "none in the data"
        )
        for row in (0, 1)
        for column in (0, 1)
    ]
    way = decided((metrics or {}).get("learners") or {}, [learner], cast.level)
    cells = Series(
        cast.label(learner),
        learner,
        (0.0, 1.0, 0.0, 1.0),
        (0.0, 0.0, 1.0, 1.0),
        lo=tuple(shares.ravel()),
        kind="cells",
        role=cast.role(learner),
        text=tuple(text),
    )
    return Chart(
        name,
        f"Confusion matrix: {cast.label(learner)}",
        "Predicted",
        "Truth",
        (cells,),
        square=True,
        x_labels=words,
        y_labels=words,
        note=f"{cast.counted} {way[:1].upper()}{way[1:]}.",
    )


def scores(
    cast: Cast, predictions: pd.DataFrame, column: str, classes: Sequence[str] | None = None
) -> Chart | None:
    """Distribution of a learner's probabilities over the patients of each class.

    Args:
        predictions: rows of the headline learner; column: the positive class's probability.
        classes: names by label, the positive one last; without them the two of the cast.
    """
    names = [readable(name) for name in classes or ()] or [cast.negative, cast.positive]
    by = predictions.groupby("patient_id").agg({"label": "max", column: "mean"})
    edges = np.linspace(0, 1, 21)
    lines = []
    looks: tuple[Role, ...] = ("reference", "control", "context")
    for label, word in enumerate(names):
        role: Role = "headline" if label == len(names) - 1 else looks[min(label, 2)]
        values = by.loc[by["label"] == label, column].dropna().to_numpy(dtype=float)
        if len(values):
            share = np.histogram(values, edges)[0] / len(values)
            lines.append(
                Series(
                    word,
                    f"class_{label}",
                    tuple(edges),
                    (*share, share[-1]),
                    kind="step",
                    role=role,
                    detail=f"{len(values)} patients",
                )
            )
    if not lines or cast.headline is None:
        return None
    return Chart(
        "scores",
        f"Probabilities by class: {cast.label(cast.headline)}",
        f"Predicted probability of {cast.positive}",
        "Share of the class's patients",
        tuple(lines),
        (0.0, 1.0),
        (0.0, 1.08 * max(max(one.y) for one in lines)),
        rules=(Rule(0.5, "x", "threshold 0.5"),),
        note="A patient's score is the mean over its images."
        if predictions["patient_id"].duplicated().any()
        else "One score a patient.",
    )
