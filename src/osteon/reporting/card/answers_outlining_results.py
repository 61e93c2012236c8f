"""Answers on the results of runs whose learners outline; see `answers_outlining`."""

from collections.abc import Mapping
from typing import Any

from osteon.reporting.card.answers_outlining import target
from osteon.reporting.card.facts import CardFacts, figure, outlining
from osteon.reporting.cells import RARE

PIXEL, PATCH = "pixel", "patch"
MEASURES = (
    "by patient, pixels of all of a patient's slices together: Dice, IoU, precision, recall, "
    "normalised surface Dice (NSD), 95 % Hausdorff distance (HD95); the first four on pooled "
    "pixels too; patches as samples of a classifier, apart: accuracy, precision, recall, F1, "
    "specificity, and what they would be at other shares of positives"
)


@outlining
def measures(facts: CardFacts) -> str | None:
    """Names of what was measured."""
    return MEASURES if facts.learners else None


@outlining
def statistics(facts: CardFacts) -> str | None:
    """Intervals, tests, adjustment, empty masks."""
    one = (facts.metrics or {})["settings"]
    return (
        f"{100 * one['confidence']:.0f} % intervals: bootstrap ({one['interval']}, {one['rounds']} "
        f"rounds, seed {one['seed']}) over {one['resampling'].rstrip('.')}. Against "
        f"{one['reference']}: paired bootstrap. Holm: {one['holm']}. Empty masks: "
        f"{one['empty_masks']}"
    )


@outlining
def performance(facts: CardFacts) -> str | None:
    """Dice of every learner."""
    return each(facts, PIXEL, "dice", "Dice of pixels by patient, 95 % interval")


@outlining
def diagnostic(facts: CardFacts) -> str | None:
    """The other measures of pixels, and those of patches."""
    said = [
        each(facts, PIXEL, "iou", "IoU"),
        each(facts, PIXEL, "nsd", "NSD"),
        each(facts, PIXEL, "hd95_mm", "HD95, mm", 1),
        each(facts, PATCH, "precision", "precision of patches"),
        each(facts, PATCH, "recall", "recall of patches"),
        each(facts, PATCH, "f1", "F1 of patches, which is no Dice"),
    ]
    return ". ".join(one for one in said if one) or None


@outlining
def calibration(facts: CardFacts) -> str | None:
    """Not judged."""
    return "not judged: outlines are called at one given threshold, and no probability is reported"


@outlining
def failures(facts: CardFacts) -> str | None:
    """Patients in whom nothing was outlined."""
    said = [
        f"{name}: {empty['prediction']} of {levels['patient']['n_patients']}"
        for name, levels in facts.learners.items()
        if (empty := levels["patient"].get("empty"))
    ]
    if not said:
        return None
    return (
        f"patients with {target(facts)} in whom nothing was outlined: {'; '.join(said)}; galleries "
        "of the worst slices are in the report"
    )


@outlining
def robustness(facts: CardFacts) -> str | None:
    """Strata; there are no controls without an image for outlines."""
    found = (facts.metrics or {}).get("strata") or {}
    if not found:
        return None
    text = f"by stratum: {', '.join(found).replace('_', ' ')}, in the report; here only those of "
    return f"{text}{RARE} patients or more"


@outlining
def performance_by_subgroup(facts: CardFacts) -> str | None:
    """Dice of every learner, and where the strata stand."""
    strata = robustness(facts)
    return f"{performance(facts)}. {strata[:1].upper()}{strata[1:]}" if strata else None


@outlining
def fairness(facts: CardFacts) -> str | None:
    """Strata are of the lesion, not of persons."""
    return "strata are of lesions (size, level); groups of persons were not compared"


@outlining
def clusters_method(facts: CardFacts) -> str | None:
    """Folds only."""
    if facts.one_network:
        return "one hold-out: no spread over folds"
    return "spread over folds is shown with every figure"


@outlining
def clusters(facts: CardFacts) -> str | None:
    """Spread of the reference's Dice over the folds."""
    name = (facts.metrics or {})["settings"].get("reference")
    found = facts.learners.get(name, {}).get("patient", {}).get(PIXEL, {}).get("dice", {})
    folds = found.get("folds") or {}
    if folds.get("sd") is None:
        return None
    return (
        f"Dice by patient of {name}: folds: mean {folds['mean']:.3f}, SD {folds['sd']:.3f}, n "
        f"{folds['n']}"
    )


def each(facts: CardFacts, group: str, metric: str, title: str, digits: int = 3) -> str | None:
    """One measure of every learner."""
    said = [
        f"{name} {figure(levels['patient'][group][metric], digits)}"
        for name, levels in facts.learners.items()
        if metric in levels["patient"].get(group, {})
    ]
    return f"{title}: {'; '.join(said)}" if said else None


def outlined_table(learners: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a learner: numbers of patients and the headline figures as text."""
    shown = {"dice": 3, "iou": 3, "precision": 3, "recall": 3, "nsd": 3, "hd95_mm": 1}
    return [
        {
            "learner": name,
            "n_patients": levels["patient"]["n_patients"],
            **{
                key: figure(levels["patient"][PIXEL].get(key), digits)
                for key, digits in shown.items()
            },
            "patch_f1": figure((levels["patient"].get(PATCH) or {}).get("f1")),
            "warnings": [*levels["patient"].get("warnings", [])],
        }
        for name, levels in learners.items()
    ]


def strata_table(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a learner and stratum; a card is passed on, and what few patients have is theirs."""
    return [
        {
            "learner": row["learner"],
            "subgroup": f"{variable.replace('_', ' ')}: {row['stratum']}",
            "n_patients": row["n_patients"],
            "dice": figure(row.get("dice")),
            "hd95_mm": figure(row.get("hd95_mm"), 1),
        }
        for variable, rows in (metrics.get("strata") or {}).items()
        for row in rows
        if row["n_patients"] >= RARE
    ]
