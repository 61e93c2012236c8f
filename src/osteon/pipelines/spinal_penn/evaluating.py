"""How well the learners of the row outline: figures, comparison, strata; no model is read."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.pipelines.evaluation.learners import RECORD, find_reference
from osteon.pipelines.evaluation.nodes import STATEMENTS
from osteon.pipelines.spinal_penn.judging import grid_of
from osteon.pipelines.spinal_penn.training import segmentation
from osteon.recipes import Recipe
from osteon.recipes.evaluation import EvaluationConfig
from osteon.recipes.spinal_penn import SegmentationRecipe

logger = logging.getLogger(__name__)

SEGMENTATIONS, PATCHES, THRESHOLDS = "__segmentations", "__patches", "__thresholds"
"""Endings of the arguments that hold a learner's tables, as `outlining.outline` makes them."""


def evaluate_segmenters(
    config: EvaluationConfig,
    cohort: CohortConfig,
    flow: dict[str, Any],
    certificate: dict[str, Any],
    lesions: pd.DataFrame,
    recipe: Recipe,
    **learners: Any,
) -> tuple[dict[str, Any], dict[str, Any], pd.DataFrame]:
    """Judge all learners on the same patients and pixels, each against the reference.

    Args:
        config: resampling, shares of positives, and the ending of the reference learner's name.
        cohort: where the images came from; the last class is the target.
        flow: received → read → kept.
        certificate: the leak certificate, so that no figure exists without one.
        lesions: size and level of each patient's target, of `outlining.measure_lesions`.
        recipe: of the row: post-processing, and the grid of patches.
        learners: of each learner `<name>__segmentations`, `<name>__patches`, `<name>__thresholds`
            (of `outlining.outline`) and `<name>__record`, its training record.

    Returns:
        metrics, curves (`dice_by_patient`: learner → Dice of each patient, sorted, without names;
        `cut`: Dice and IoU of the first learner at each threshold) and the comparison, one row a
        learner.

    Raises:
        CohortError: no learner was trained. SegmentationError: tables that cannot be judged.
    """
    from osteon.measures.segmentation_comparison import summary, tabulate
    from osteon.measures.segmentation_evaluator import evaluate

    table = _joined(learners, SEGMENTATIONS)
    if table is None:
        raise CohortError("learners: none was trained, so that there is nothing to judge")
    names = [str(name) for name in table["learner"].drop_duplicates()]
    reference = find_reference(names, config.reference)
    patches = _joined(learners, PATCHES)
    found = evaluate(table, config, reference, patches)
    found["settings"] |= _said(config, cohort, segmentation(recipe))
    found["ablations"] = _ablations(table, config)
    records = {n.removesuffix(RECORD): one for n, one in learners.items() if n.endswith(RECORD)}
    skipped = {name: one["reason"] for name, one in records.items() if one["status"] == "skipped"}
    metrics: dict[str, Any] = {"task": "segmentation", **found, "skipped": skipped}
    metrics["strata"] = _strata(table, lesions, config)
    metrics["lesions"] = _lesions(table, patches, lesions, segmentation(recipe))
    metrics["data"] = {
        "paper": str(table["paper"].iloc[0]),
        "source": cohort.source,
        "statement": STATEMENTS[cohort.source],
        "flow": flow,
        "leak_certificate_passed": certificate["passed"],
    }
    metrics["training"] = records
    comparison = tabulate(metrics)
    logger.info("%s\n%s", STATEMENTS[cohort.source], summary(comparison))
    return metrics, _curves(table, learners, names), comparison


def _ablations(table: pd.DataFrame, config: EvaluationConfig) -> dict[str, Any]:
    """PENN's ablations against PENN itself, a family of tests of their own; empty without any."""
    from osteon.measures.penn_part_tables import ABLATED
    from osteon.measures.segmentation_evaluator import compare_all

    own = table[table["learner"].isin(ABLATED)]
    if ABLATED[0] not in set(own["learner"]) or own["learner"].nunique() < 2:
        return {}
    return {"reference": ABLATED[0], "comparisons": compare_all(own, config, ABLATED[0])}


def _joined(given: Mapping[str, Any], ending: str) -> pd.DataFrame | None:
    """The rows of all learners of one kind of table; None where there are none."""
    found = [one for name, one in given.items() if name.endswith(ending) and len(one)]
    return pd.concat(found, ignore_index=True) if found else None


def _said(
    config: EvaluationConfig, cohort: CohortConfig, recipe: SegmentationRecipe
) -> dict[str, Any]:
    """What the figures were made with, beside what the evaluator says itself."""
    from dataclasses import asdict

    grid = grid_of(recipe)
    return {
        "level": "patient",
        "alpha": config.alpha,
        "positive_class": cohort.classes[-1],
        "negative_classes": list(cohort.classes[:-1]),
        "postprocess": recipe.postprocess.model_dump(mode="json"),
        "threshold": "given, chosen on no data",
        "patch_grid": asdict(grid) if grid is not None else None,
    }


def _strata(
    table: pd.DataFrame, lesions: pd.DataFrame, config: EvaluationConfig
) -> dict[str, list[dict[str, Any]]]:
    """Every learner by size of the largest target, by level, and where the paper found it hard.

    Divisions without a group of enough patients are left out.
    """
    from osteon.measures import lesion_sizes, spine_levels
    from osteon.measures.segmentation_strata import by_stratum

    sizes = lesions[["patient_id", "band"]].rename(columns={"band": "stratum"})
    found = {"size": by_stratum(table, sizes, lesion_sizes.ORDERED, config)}
    for name, grouped, order in (
        ("level", spine_levels.level_groups, spine_levels.LEVEL_ORDER),
        ("hard_levels", spine_levels.hard_groups, spine_levels.HARD_ORDER),
    ):
        groups = grouped(lesions)
        if set(groups["stratum"]) - {spine_levels.UNKNOWN}:
            found[name] = by_stratum(table, groups, order, config)
    return {name: rows for name, rows in found.items() if rows}


def _lesions(
    table: pd.DataFrame,
    patches: pd.DataFrame | None,
    lesions: pd.DataFrame,
    recipe: SegmentationRecipe,
) -> dict[str, Any]:
    """Sizes of the judged targets, the size below which no patch is one, natural prevalences."""
    from osteon.measures.describing import plain
    from osteon.measures.lesion_sizes import floor_mm

    judged = lesions[lesions["patient_id"].isin(table["patient_id"])]
    fine, sizes = float(judged["prepared_mm"].median()), judged["largest_mm"]
    grid, floor = grid_of(recipe), float("nan")
    if grid is not None and grid.rule == "fraction" and fine > 0:
        floor = floor_mm(grid.patch, grid.fraction, fine)
    described = {
        "patients": len(judged),
        "with_target": int((judged["with_target"] > 0).sum()),
        "prepared_mm": fine,
        "smallest_mm": float(sizes.min()),
        "median_mm": float(sizes.median()),
        "largest_mm": float(sizes.max()),
        "floor_mm": floor,
        "below_floor": None if np.isnan(floor) else int((sizes < floor).sum()),
        "positive_pixels": _positive(table),
        "positive_patches": None if patches is None else _positive(patches),
    }
    return dict(plain(described))


def _positive(table: pd.DataFrame) -> float:
    """Share of the positives in the counts of one learner: it is the same for all."""
    own = table[table["learner"] == table["learner"].iloc[0]]
    return float((own["tp"] + own["fn"]).sum() / own[["tp", "fp", "fn", "tn"]].to_numpy().sum())


def _curves(table: pd.DataFrame, learners: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    from osteon.measures.describing import plain
    from osteon.measures.evaluator import CURVE_DIGITS
    from osteon.measures.thresholds_of_maps import curve

    dice = {
        str(name): sorted(own["dice"].dropna())
        for name, own in table.groupby("learner", sort=False)
    }
    counts = learners.get(f"{names[0]}{THRESHOLDS}")
    cut = {} if counts is None else {"learner": names[0], **curve(counts)}
    return dict(plain({"dice_by_patient": dice, "cut": cut}, CURVE_DIGITS))
