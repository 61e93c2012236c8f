"""Random choices between patients: held-back ones for early stopping, permuted labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def permute_labels(
    labels: NDArray[np.int64],
    patients: NDArray[Any],
    seed: int,
    parts: Sequence[NDArray[np.int64]] = (),
) -> NDArray[np.int64]:
    """Shuffle the labels between patients of the whole cohort; a patient's images stay together.

    A learner trained on these must be judged on these: against the true labels a permutation that
    happens to agree with them would look like skill. Where every patient lies in one of `parts`,
    labels change places within a part only, so that each fold keeps its class balance: otherwise a
    fold with many positives meets a training set with few, and the pooled AUROC falls below 0.5.

    Args:
        labels: N labels, equal for all images of a patient.
        patients: N patient ids.
        seed: of the shuffle.
        parts: positions of each fold's test cases.

    Raises:
        ValueError: a patient has two labels.
    """
    _, first, which = np.unique(patients, return_index=True, return_inverse=True)
    own = labels[first]
    if (own[which] != labels).any():
        raise ValueError(
            "labels cannot be permuted between patients: one has images of two classes"
        )
    rng = np.random.default_rng([seed, 0x9E37])
    owners = [np.unique(which[part]) for part in parts]
    if sum(map(len, owners)) != len(np.unique(np.concatenate([*owners, []]))):
        owners = []  # the image-level audit: patients lie in several parts
    rest = np.setdiff1d(np.arange(len(first)), np.concatenate([*owners, []]))
    shuffled = own.copy()
    for group in [*owners, rest]:
        shuffled[group] = own[rng.permutation(group)]
    return shuffled[which]


def hold_back_patients(
    patients: NDArray[Any],
    labels: NDArray[np.int64],
    train: NDArray[np.int64],
    fraction: float,
    seed: Sequence[int],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide training cases by patient into those that are fitted and those held back.

    Args:
        patients: N patient ids.
        labels: N labels; a patient counts to the highest of its images.
        train: positions of the training cases. No other case is looked at.
        fraction: share of the patients of each class to hold back, at least one. Where images of
            a patient differ, as slices with and without a lesion do, the only patient of a lower
            class is fitted.
        seed: for instance (seed, fold).

    Returns:
        positions to fit, positions held back.

    Raises:
        ValueError: a class has fewer than two training patients; where images of a patient differ,
            the highest class has.
    """
    rng = np.random.default_rng([*seed, 0x51])
    names, which = np.unique(patients[train], return_inverse=True)
    classes = np.full(len(names), np.iinfo(np.int64).min)
    np.maximum.at(classes, which, labels[train])
    differ = (classes[which] != labels[train]).any()
    chosen: list[Any] = []
    for label in np.unique(classes):
        own = names[classes == label]
        if len(own) < 2 and differ and label < classes.max():
            continue
        if len(own) < 2:
            raise ValueError(
                f"early_stop: class {label} has {len(own)} training patient(s), needs 2"
            )
        count = min(max(1, round(fraction * len(own))), len(own) - 1)
        chosen.extend(rng.permutation(own)[:count])
    held = np.isin(patients[train], chosen)
    return train[~held], train[held]
