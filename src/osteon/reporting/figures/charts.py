"""Every chart of a report, from what evaluation, training and explanation left."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from osteon.reporting.contents import SEGMENTATION
from osteon.reporting.figures import count_charts, curve_charts, grid_charts, row_charts
from osteon.reporting.figures.cast import Cast, cast
from osteon.reporting.figures.outline_charts import outline_charts
from osteon.reporting.figures.spec import Chart, Column, Rule, Series
from osteon.reporting.printed import Printed

__all__ = ["Cast", "Chart", "Column", "Rule", "Series", "build_charts", "cast"]

LOGIT_METHODS = {"grad_x_input": "gradient × input", "integrated": "integrated gradients"}
GRADIENT = {"gradient": "gradient"}
LOGITS = "Mean absolute attribution (logits of {})"
SLOPES = "Mean absolute gradient (logits of {} for one unit of scaled input)"


def build_charts(
    metrics: Mapping[str, Any],
    curves: Mapping[str, Any] | None,
    comparison: pd.DataFrame | None,
    histories: Mapping[str, pd.DataFrame] | None,
    explanation_summary: Mapping[str, Any] | None = None,
    published: Mapping[str, Printed] | None = None,
    predictions: pd.DataFrame | None = None,
    headline: str | None = None,
    paper_figures: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Chart]:
    """The charts whose data exist, in the order of a report.

    Args:
        metrics: `Evaluation.metrics`, with the run's `controls`; curves: `Evaluation.curves`;
            comparison: one row a learner, see `osteon.measures.comparison`.
        histories: learner → columns epoch, loss, fold; explanation_summary: attributions to the
            clinical inputs; published: learner → printed values, see
            `osteon.reporting.printed.printed_values`.
        predictions: the predictions' table, for the distribution of scores.
        headline: the learner in front; `osteon.reporting.figures.cast.cast` has the rule without
            it.
        paper_figures: cells, lines, bars and triangles of the paper's own, see
            `osteon.reporting.figures.grid_charts.paper_figures`.

    Returns:
        name → chart: forest, forest_auroc, bars (and bars_<family> for each further family of
        learners), roc, precision_recall, confusion, confusion_reference, scores, confusion_classes,
        roc_class_<class>, reliability, calibration, decision, subgroups, age_matched,
        learning_curves, attributions, gradients, paper_<name>; those without data are absent. Of
        learners that outline forest, forest_dice, dice_by_patient, cut, learning_curves,
        pretraining and paper_<name>.

    Raises:
        ValueError: `headline` is no learner of the metrics.
    """
    who = cast(metrics, headline)
    curves = curves or {}
    found: list[Chart | None] = []
    if metrics.get("task") == SEGMENTATION:
        found += outline_charts(who, metrics, curves, histories or {})
        found += grid_charts.paper_figures(paper_figures)
        return {chart.name: chart for chart in found if chart is not None}
    if comparison is not None:
        found += [row_charts.differences(who, comparison), row_charts.aurocs(who, comparison)]
    found += [
        count_charts.bars(who, metrics, learners, name, published or {})
        for name, learners in families(list(metrics["learners"]), who)
    ]
    found += _curves(who, metrics, curves, predictions)
    found += [row_charts.subgroups(who, metrics), row_charts.age_matched(who, metrics)]
    found.append(curve_charts.learning_curves(who, histories or {}))
    explained = explanation_summary or {}
    found += [
        row_charts.attributions(who, explained, "attributions", LOGIT_METHODS, LOGITS),
        row_charts.attributions(who, explained, "gradients", GRADIENT, SLOPES),
    ]
    found += grid_charts.paper_figures(paper_figures)
    return {chart.name: chart for chart in found if chart is not None}


def families(learners: list[str], who: Cast) -> Iterator[tuple[str, list[str]]]:
    """(`bars`, the reference's family), (`bars_<family>`, a further one)...

    A family shares the name's first word; those alone in theirs are together `others`. Learners
    of images alone are not told apart by inputs and stand together.
    """
    if not who.inputs:
        yield "bars", learners
        return
    count = Counter(name.split("_")[0] for name in learners)
    groups: dict[str, list[str]] = {}
    for name in learners:
        first = name.split("_")[0]
        groups.setdefault(first if count[first] > 1 else "others", []).append(name)
    main = next((key for key, group in groups.items() if who.reference in group), None)
    for place, key in enumerate(sorted(groups, key=lambda key: key != main)):
        yield ("bars" if place == 0 else f"bars_{key}"), groups[key]


def _curves(
    who: Cast,
    metrics: Mapping[str, Any],
    curves: Mapping[str, Any],
    predictions: pd.DataFrame | None,
) -> list[Chart | None]:
    """Discrimination first, then calibration and use."""
    found = [
        curve_charts.roc(who, curves, metrics),
        curve_charts.precision_recall(who, curves, metrics),
    ]
    if who.headline:
        found.append(count_charts.confusion(who, curves, who.headline, "confusion", metrics))
    if who.reference and who.reference != who.headline:
        drawn = count_charts.confusion(who, curves, who.reference, "confusion_reference", metrics)
        found.append(drawn)
    column = f"prob_{metrics['settings'].get('positive_class')}"
    if predictions is not None and column in predictions.columns:
        own = predictions[predictions["learner"] == who.headline]
        found.append(count_charts.scores(who, own, column, metrics.get("classes")))
    found.append(grid_charts.class_confusion(who, metrics))
    for name in metrics.get("by_class", {}).get(who.headline) or ():
        found.append(curve_charts.class_roc(who, curves, metrics, name))
    return [
        *found,
        curve_charts.reliability(who, curves),
        row_charts.calibration(who, metrics),
        curve_charts.decision(who, curves),
    ]
