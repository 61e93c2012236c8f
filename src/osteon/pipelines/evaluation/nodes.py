"""Steps of evaluation: tables in, numbers out."""

import logging
from typing import Any, Literal

import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.pipelines.evaluation.learners import (
    FITTED,
    PREDICTIONS,
    find_reference,
    judge_learners,
    sorted_out,
    summary,
)
from osteon.pipelines.splitting.nodes import UNCHANGED
from osteon.recipes.evaluation import EvaluationConfig

logger = logging.getLogger(__name__)

STATEMENTS = {
    "phantom": "Synthetic patients. These figures show that the software works, never that a "
    "clinical claim holds.",
    "folder": "A user's own cohort. Figures hold for these patients and this protocol only.",
    "btxrd": "BTXRD (Yao et al. 2025), a public data set without patient identifiers: patients are "
    "surrogate groups, and the figures are only as honest as these groups.",
    "vertebral_bodies": "Real lumbar MR with vertebral bodies outlined, no tumours: how well "
    "vertebral bodies are outlined says nothing of tumours. One volume counts as one patient.",
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
            fitted on, and `<name>__predictions`. Thresholds and temperatures are fitted on these
            predictions, or under one hold-out on what `<name>__fitted` says of the training part.

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
        evaluated(predictions, fitted),
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
    controls__fitted: pd.DataFrame,
    **learners: Any,
) -> tuple[dict[str, Any], dict[str, Any], pd.DataFrame]:
    """Judge all learners on the same patients, each against the image-only reference.

    Args:
        config: resampling, thresholds, and the ending of the reference learner's name.
        cohort: where the samples came from.
        flow: received → read → kept.
        certificate: the leak certificate, so that no figure exists without one.
        controls: predictions of the controls.
        controls__fitted: what each control was fitted on, and what it says of that.
        learners: of each learner `<name>` predictions, `<name>__record` training record and
            `<name>__fitted`, what each fold was fitted on and, if it was asked, says of that; of a
            network that learners share and that calls nobody by itself `<name>__network`, its
            record.

    Returns:
        metrics, curves, and the comparison, one row a learner (`kind`: learner, control or
        permuted).
    """
    run = sorted_out(learners, controls, controls__fitted)
    reference = find_reference(run.predictions or run.records, config.reference)
    metrics, curves, tables = judge_learners(run, config, reference)
    comparison = pd.concat([table.assign(kind=kind) for kind, table in tables], ignore_index=True)
    metrics["data"] = {
        "paper": str(run.honest[0]["paper"].iloc[0]),
        "source": cohort.source,
        "statement": STATEMENTS[cohort.source],
        "flow": flow,
        "leak_certificate_passed": certificate["passed"],
    }
    metrics["training"] = {**run.records, **run.networks}
    logger.info("%s\n%s", STATEMENTS[cohort.source], summary(comparison))
    return metrics, curves, comparison


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
