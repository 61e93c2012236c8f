"""What a report shows of a study: parts of the page, and the values that are configured now."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from osteon.reporting.figures.spec import Chart


def tuned_parts(
    result: Mapping[str, Any] | None,
    trials: pd.DataFrame | None,
    pictures: Sequence[Mapping[str, Any]] | None,
    recipe: Any,
    learner: Any,
) -> tuple[dict[str, Any], dict[str, Chart]]:
    """Parts of `ReportParts` on tuning, and its charts; both empty without a result.

    Args:
        result: of the study; None = none was made.
        trials: one row each.
        pictures: descriptions of charts.
        recipe, learner: the blocks of the learner under test as configured; None = not known.
    """
    if result is None:
        return {}, {}
    from osteon.reporting.figures.tuning_charts import tuning_charts

    values = configured(result.get("chosen") or {}, recipe, learner)
    parts = {"tuning": result, "tuning_trials": trials, "tuning_in_use": values}
    return parts, tuning_charts(pictures or ())


def configured(paths: Mapping[str, Any], recipe: Any, learner: Any) -> dict[str, Any]:
    """Path → value of the complete recipe and of what only its learner has; others are absent."""
    if recipe is None or learner is None:
        return {}
    from osteon.recipes.tuning import full_recipe
    from osteon.reporting.page.tuned import value_at

    both = learner.model_dump(mode="json") | full_recipe(recipe, learner).model_dump(mode="json")
    found = {path: value_at(both, path) for path in paths}
    return {path: value for path, (known, value) in found.items() if known}
