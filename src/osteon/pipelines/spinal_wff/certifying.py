"""Who is judged, and the proof that nothing of the framework was fitted on them."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.pipelines.evaluation.learners import FITTED, PREDICTIONS
from osteon.pipelines.spinal_wff import fusing, parts
from osteon.pipelines.spinal_wff.detecting import wff
from osteon.pipelines.splitting.nodes import UNCHANGED, split_patients
from osteon.recipes import Recipe
from osteon.recipes.splitting import SplittingConfig

NETWORK = "__seen"
"""Ending of the argument that holds what a network's folds were fitted on."""


def split_training_part(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    near_duplicates: pd.DataFrame,
    inner: SplittingConfig,
) -> pd.DataFrame:
    """Folds of the training part, on which λ, age table and thresholds are chosen.

    Args:
        samples: one row a slice.
        splits: one part that is trained on and one that is judged.
        near_duplicates: pairs of the same picture.
        inner: number of folds (the paper has four) and seed.

    Returns:
        one row a slice of the training part, like `splits`.

    Raises:
        CohortError: `splits` holds folds, not a training and a test part.
    """
    if set(splits["split"]) != {"train", parts.TEST}:
        raise CohortError(
            f"splitting.protocol: parts {sorted(set(splits['split']))} found; this row needs a "
            "training and a test part: protocol holdout, or a column split in patients.csv"
        )
    training = splits.loc[splits["split"] == "train", "sample_id"]
    own = samples[samples["sample_id"].isin(training)].assign(split=None)
    return split_patients(own.reset_index(drop=True), near_duplicates, inner)


def gather_patients(
    samples: pd.DataFrame, splits: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is judged in this row: patients, not slices.

    Args:
        samples: one row a slice; splits: train and test part.

    Returns:
        one row a patient, `sample_id` being the patient's, in the form of samples and of splits.
    """
    cases = samples.drop_duplicates("patient_id").reset_index(drop=True)
    parts_of = splits.drop_duplicates("patient_id").reset_index(drop=True)
    return (
        cases.assign(sample_id=cases["patient_id"]),
        parts_of.assign(sample_id=parts_of["patient_id"]),
    )


def certify_framework(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    inner_splits: pd.DataFrame,
    near_duplicates: pd.DataFrame,
    detections: pd.DataFrame,
    sequence_scores: pd.DataFrame,
    age_scores: pd.DataFrame,
    lambdas: dict[str, Any],
    cohort: CohortConfig,
    recipe: Recipe,
    **seen: pd.DataFrame,
) -> dict[str, Any]:
    """The leak certificate of the row: test part and, within the training part, inner folds.

    λ and the age table are traced: their functions are called again with the rows of a part
    changed, and what moves them was read. What was in use must be what these functions give.

    Args:
        samples: one row a slice.
        splits: train and test part.
        inner_splits: folds of the training part.
        near_duplicates: pairs of images that show the same picture, as it is or altered.
        detections: found boxes.
        sequence_scores: of the sequence model that λ was chosen with.
        age_scores: what age says.
        lambdas: what the rows weigh their terms with.
        cohort: the classes.
        recipe: the framework's.
        seen: of learners and controls `<name>__fitted` and `<name>__predictions`, rows of patients;
            of networks `<name>__seen`, rows of slices.

    Returns:
        the certificate of the test part, with that of the inner folds under `inner`.

    Raises:
        LeakFound: something judged was seen before, or λ or the age term are not those traced.
    """
    from osteon.measures.fusion_tracing import of_samples
    from osteon.measures.leaks import certify, refuse_leaks
    from osteon.measures.tracing import evaluated

    networks = _joined(seen, NETWORK)
    fitted, predictions = _joined(seen, FITTED), _joined(seen, PREDICTIONS)
    full = wff(recipe)
    frames = fusing.opinions(samples, detections, sequence_scores, age_scores, cohort.classes, full)
    statistics, inner_statistics = _traced(*frames, recipe)
    of_patients = pd.concat([evaluated(predictions, fitted), statistics], ignore_index=True)
    altered = near_duplicates["change"] != UNCHANGED
    certified = partial(
        certify,
        near_duplicates=near_duplicates[~altered],
        altered=near_duplicates[altered],
        networks=_networks(seen, recipe),
    )
    judged = [_slices(fitted, samples), networks[networks["split"] == parts.TEST]]
    used = of_samples(of_patients, samples).drop_duplicates()
    certificate = certified(samples, splits, pd.concat(judged), statistics=used)
    certificate["inner"] = certified(
        samples[samples["sample_id"].isin(inner_splits["sample_id"])],
        inner_splits,
        networks[networks["split"] == parts.INNER],
        statistics=of_samples(inner_statistics, samples),
    )
    refuse_leaks(certificate["inner"])
    refuse_leaks(certificate)
    _refuse_others(*frames, lambdas, recipe)
    return certificate


def _networks(seen: dict[str, pd.DataFrame], recipe: Recipe) -> list[str]:
    """Networks that take part; of an earlier run's detector nothing is known here, and told so."""
    earlier = wff(recipe).boxes == "artefact"
    given = {n.removesuffix(NETWORK): one for n, one in seen.items() if n.endswith(NETWORK)}
    return [name for name, one in given.items() if len(one) or earlier]


def _refuse_others(
    images: pd.DataFrame,
    series: pd.DataFrame,
    people: pd.DataFrame,
    lambdas: dict[str, Any],
    recipe: Recipe,
) -> None:
    """Raise LeakFound unless λ and the age term in use are those of the traced functions."""
    from osteon.measures.leaks import LeakFound

    full = wff(recipe)
    chosen = fusing.chosen_on(images, series, people, full)[0]["chosen"]
    if list(chosen) != list(lambdas["chosen"]):
        raise LeakFound(
            f"leak: lambda: {lambdas['chosen']} in use, {chosen} chosen on the training part"
        )
    said = fusing.age_opinions(people, full.age)
    given = people["a"].to_numpy(dtype=np.float64)
    if others := people["patient_id"][~np.isclose(given, said, rtol=0, equal_nan=True)].tolist():
        raise LeakFound(
            f"leak: age_table: of {len(others)} patient(s) age says something else than the table "
            f"of the training part, {others[0]} among them"
        )


def _joined(seen: dict[str, pd.DataFrame], ending: str) -> pd.DataFrame:
    found = [table for name, table in seen.items() if name.endswith(ending) and len(table)]
    return pd.concat(found, ignore_index=True)


def _slices(fitted: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """What was fitted on patients, as all of their slices."""
    of_patient = samples[["patient_id", "sample_id"]]
    return fitted[["learner", "fold", "patient_id"]].merge(of_patient, on="patient_id")


def _traced(
    images: pd.DataFrame, series: pd.DataFrame, people: pd.DataFrame, recipe: Recipe
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What λ and the age tables depend on: those for the test part, those for inner folds."""
    from osteon.measures.fusion_tracing import traced_age, traced_age_by_fold, traced_lambda

    full = wff(recipe)

    def chosen(one: pd.DataFrame, two: pd.DataFrame, three: pd.DataFrame) -> Any:
        return fusing.chosen_on(one, two, three, full)[0]["chosen"]

    final = [
        traced_lambda(chosen, images, series, people),
        traced_age(lambda rows: fusing.age_table(rows, full.age), people),
    ]
    inner = traced_age_by_fold(lambda rows: fusing.age_tables(rows, full.age), people)
    return pd.concat(final, ignore_index=True), inner
