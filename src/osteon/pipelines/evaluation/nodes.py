"""Steps of evaluation: tables in, numbers out."""

import logging
from typing import Any, Literal

import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.pipelines.splitting.nodes import UNCHANGED
from osteon.recipes.evaluation import EvaluationConfig

logger = logging.getLogger(__name__)

PERMUTED = "permuted"
RECORD, FITTED, PREDICTIONS = "__record", "__fitted", "__predictions"
STATEMENTS = {
    "phantom": "Synthetic patients. These figures show that the software works, never that a "
    "clinical claim holds.",
    "folder": "A user's own cohort. Figures hold for these patients and this protocol only.",
    "btxrd": "BTXRD (Yao et al. 2025), a public data set without patient identifiers: patients are "
    "surrogate groups, and the figures are only as honest as these groups.",
}


def predict_controls(
    samples: pd.DataFrame, splits: pd.DataFrame, cohort: CohortConfig
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What no image is needed for: prevalence, age alone, clinical values alone.

    Args:
        samples: one row a sample with its normalised clinical values.
        splits: the folds of the learners that are to be compared.
        cohort: the classes.

    Returns:
        predictions of the controls, and the samples that each control's fold was fitted on.
    """
    from osteon.measures.controls import controls

    made = controls(samples, splits, cohort.classes)
    for name, reason in made.skipped.items():
        logger.warning("%s skipped: %s", name, reason)
    return made.predictions, made.fitted


def certify_no_leak(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    near_duplicates: pd.DataFrame,
    **learners: pd.DataFrame,
) -> dict[str, Any]:
    """The leak certificate of a report; a leak stops the run and names the pair.

    Args:
        samples: one row a sample.
        splits: which fold judges which sample.
        near_duplicates: pairs of images that show the same picture, as it is or altered.
        learners: for each learner and for the controls `<name>__fitted`, what each fold was truly
            fitted on, and `<name>__predictions`, on which thresholds and temperatures are fitted.

    Raises:
        LeakFound: something judged was seen in training.
    """
    return _certify("patient", samples, splits, near_duplicates, learners)


def certify_audit(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    near_duplicates: pd.DataFrame,
    **learners: pd.DataFrame,
) -> dict[str, Any]:
    """The certificate of the image-level audit: what fails by design is written down as such.

    Args:
        samples: one row a sample.
        splits: the image-level folds.
        near_duplicates: as for `certify_no_leak`.
        learners: as for `certify_no_leak`, of each audited learner.

    Raises:
        LeakFound: an image itself was judged by a network that had seen it.
    """
    return _certify("image", samples, splits, near_duplicates, learners)


def _certify(
    unit: Literal["patient", "image"],
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    near_duplicates: pd.DataFrame,
    learners: dict[str, pd.DataFrame],
) -> dict[str, Any]:
    from osteon.measures.leaks import certify, refuse_leaks
    from osteon.measures.tracing import evaluated

    fitted, predictions = (
        pd.concat([t for name, t in learners.items() if name.endswith(end)], ignore_index=True)
        for end in (FITTED, PREDICTIONS)
    )
    altered = near_duplicates["change"] != UNCHANGED
    certificate = certify(
        samples,
        splits,
        fitted,
        unit,
        near_duplicates[~altered],
        evaluated(predictions),
        near_duplicates[altered],
    )
    refuse_leaks(certificate)
    return certificate


def evaluate_learners(
    config: EvaluationConfig,
    cohort: CohortConfig,
    flow: dict[str, Any],
    certificate: dict[str, Any],
    controls: pd.DataFrame,
    **learners: Any,
) -> tuple[dict[str, Any], dict[str, Any], pd.DataFrame]:
    """Judge all learners on the same patients, each against the image-only reference.

    Args:
        config: resampling, thresholds, and the ending of the reference learner's name.
        cohort: where the samples came from.
        flow: received → read → kept.
        certificate: the leak certificate, so that no figure exists without one.
        controls: predictions of the controls.
        learners: `<name>` predictions and `<name>__record` training record of each learner.

    Returns:
        metrics, curves, and the comparison, one row a learner (`kind`: learner, control or
        permuted).
    """
    from osteon.measures.evaluator import evaluate

    records = {
        name.removesuffix(RECORD): r for name, r in learners.items() if name.endswith(RECORD)
    }
    skipped = {name: r["reason"] for name, r in records.items() if r["status"] == "skipped"}
    trained = [name for name in records if name not in skipped]
    permuted = [name for name in trained if records[name]["recipe"]["labels"] == PERMUTED]
    honest = [name for name in trained if name not in permuted]
    reference = find_reference(records, config.reference)
    main = evaluate(pd.concat([learners[n] for n in honest]), config, reference, skipped)
    beside = evaluate(pd.concat([learners[reference], controls]), config, reference)
    parts = [("learner", main.comparison)]
    is_control = beside.comparison["learner"] != reference
    parts.append(("control", beside.comparison[is_control]))
    metrics = {**main.metrics, "controls": beside.metrics}
    curves = {**main.curves, "controls": beside.curves["learners"], "permuted_labels": {}}
    metrics["beyond_clinical"] = all_beyond_clinical(
        [learners[name] for name in honest], controls, config
    )
    for name in permuted:
        shuffled = evaluate(learners[name], config, name)
        metrics["permuted_labels"] = shuffled.metrics
        curves["permuted_labels"] |= shuffled.curves["learners"]
        parts.append(("permuted", shuffled.comparison))
    comparison = pd.concat([table.assign(kind=kind) for kind, table in parts], ignore_index=True)
    metrics["data"] = {
        "paper": str(learners[honest[0]]["paper"].iloc[0]),
        "source": cohort.source,
        "statement": STATEMENTS[cohort.source],
        "flow": flow,
        "leak_certificate_passed": certificate["passed"],
    }
    metrics["training"] = records
    logger.info("%s\n%s", STATEMENTS[cohort.source], summary(comparison))
    return metrics, curves, comparison


def summary(comparison: pd.DataFrame) -> str:
    """The comparison in a few columns, for the end of a run.

    Args:
        comparison: one row a learner.

    Returns:
        a text table: patients, AUROC with interval, difference from the reference with interval.
    """
    rows = []
    for row in comparison.to_dict("records"):
        if isinstance(row.get("skipped"), str):
            rows.append({"learner": row["learner"], "AUROC": f"skipped: {row['skipped']}"})
            continue
        shown = {"learner": row["learner"], "patients": int(row["n_patients"])}
        for title, name in {
            "accuracy": "accuracy",
            "AUROC": "auroc",
            "AUROC - reference": "auroc_difference",
        }.items():
            value, low, high = (row.get(key) for key in (name, f"{name}_lo", f"{name}_hi"))
            if pd.notna(value) and pd.notna(low) and pd.notna(high):
                shown[title] = f"{value:.3f} [{low:.3f}, {high:.3f}]"
        rows.append(shown)
    return pd.DataFrame(rows).fillna("").to_string(index=False)


def clinical_twin(learner: str) -> str:
    """The control with the learner's clinical inputs and no image: same ending of the name."""
    inputs = learner.partition("_")[2]
    return "control_age" if inputs == "age" else f"control_clinical_{inputs}"


def all_beyond_clinical(
    learners: list[pd.DataFrame], controls: pd.DataFrame, config: EvaluationConfig
) -> dict[str, Any]:
    """`beyond_clinical` of every learner that has a control, as one family of tests.

    Args:
        learners: predictions, one table a learner.
        controls: of all controls.
        config: resampling.
    """
    from osteon.measures.comparing import adjust

    names = {str(table["learner"].iloc[0]): table for table in learners}
    found = {
        name: beyond_clinical(table, controls, config)
        for name, table in names.items()
        if clinical_twin(name) in set(controls["learner"])
    }
    adjust(list(found.values()), config.alpha)
    return found


def beyond_clinical(
    predictions: pd.DataFrame, controls: pd.DataFrame, config: EvaluationConfig
) -> dict[str, Any]:
    """Does the network add to its clinical inputs alone? Paired, by patient.

    Args:
        predictions: of one learner.
        controls: of all controls.
        config: resampling.

    Returns:
        differences learner - control with intervals and tests.
    """
    from osteon.measures.evaluator import compare

    name = str(predictions["learner"].iloc[0])
    twin = clinical_twin(name)
    both = pd.concat([controls[controls["learner"] == twin], predictions])
    return {"control": twin, **compare(both, config, twin)[name]["patient"]}


def find_reference(learners: Any, ending: str) -> str:
    """The one learner whose name is `ending` or ends with `_<ending>`.

    Raises:
        ValueError: no learner or more than one.
    """
    found = [name for name in learners if name == ending or name.endswith(f"_{ending}")]
    if len(found) != 1:
        raise ValueError(
            f"evaluation.reference: '{ending}' fits {found or 'no learner'}; "
            f"it must be the ending of exactly one of {sorted(learners)}"
        )
    return found[0]


def audit_image_level(config: EvaluationConfig, **predictions: pd.DataFrame) -> dict[str, Any]:
    """How much higher each learner reads when images of one patient may lie in several folds.

    Args:
        config: resampling.
        predictions: each learner under its own name, and its twin under `<name>_image_level`.

    Returns:
        per learner and metric the audit's figure, the honest one and the gap, with the warning.
    """
    from osteon.measures.audit import split_gap

    twins = {n: p for n, p in predictions.items() if n.endswith("_image_level")}
    honest = pd.concat(p for n, p in predictions.items() if n not in twins)
    audit = pd.concat(p.assign(learner=n.removesuffix("_image_level")) for n, p in twins.items())
    return split_gap(honest, audit, config)
