"""The charts of a run, from what its steps left."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from osteon.reporting.figures.charts import Chart, build_charts


def charts_of_run(
    metrics: Mapping[str, Any],
    curves: Mapping[str, Any],
    comparison: pd.DataFrame,
    explanations: Mapping[str, Any],
    predictions: pd.DataFrame | None,
    histories: Mapping[str, pd.DataFrame],
    paper_figures: Sequence[Mapping[str, Any]] = (),
    under_test: str | None = None,
) -> dict[str, Chart]:
    """Every chart that has data, printed numbers of the paper beside ours.

    Args:
        metrics, curves, comparison: of the evaluation.
        explanations: their summary.
        predictions: of the learner under test; None where learners outline.
        histories: learning curves of each learner.
        paper_figures: the paper's own grids of cells.
        under_test: the learner under test, where there are no predictions to tell it.
    """
    from osteon.claims.published import read_published
    from osteon.reporting.printed import printed_values

    published = read_published(metrics["data"]["paper"])
    theirs = published["protocol"].get("classes")
    # Printed values of two classes beside figures of three would invite a comparison.
    same = theirs is None or theirs == len(metrics.get("classes") or ()) or "classes" not in metrics
    return build_charts(
        metrics,
        curves,
        comparison,
        histories,
        explanations,
        printed_values(published) if same else {},
        predictions,
        learner_of(predictions, metrics, under_test),
        paper_figures,
    )


def learner_of(
    predictions: pd.DataFrame | None, metrics: Mapping[str, Any], under_test: str | None = None
) -> str | None:
    """The learner whose predictions these are, or without any the named one.

    None if it was not judged.
    """
    if predictions is None:
        return under_test if under_test in metrics["learners"] else None
    names = list(predictions["learner"].unique()) if "learner" in predictions else []
    return str(names[0]) if len(names) == 1 and names[0] in metrics["learners"] else None


def absent(name: str) -> Chart:
    """What stands for a chart without data."""
    return Chart(name, f"{name.replace('_', ' ')}: no data in this run", "", "", ())
