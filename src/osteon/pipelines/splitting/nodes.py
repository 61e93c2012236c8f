"""Steps of splitting."""

import numpy as np
import pandas as pd

from osteon.cohorts.errors import CohortError
from osteon.measures.columns import ALWAYS_TRAIN
from osteon.recipes.splitting import SplittingConfig

UNCHANGED = "none"


def find_near_duplicates(images: pd.DataFrame) -> pd.DataFrame:
    """Pairs of images that show the same picture, as it is, mirrored or turned.

    Args:
        images: the archive's index, with `sample_id`, `phash` and `thumbnail`.

    Returns:
        one row a pair: `sample_a`, `sample_b`, and `change`, what was done to the second one
        (`none` for a copy as it is).
    """
    from osteon.imaging.fingerprints import near_duplicates
    from osteon.measures.copies import altered_copies

    pairs = near_duplicates(images["phash"].tolist(), images["thumbnail"].tolist())
    names = images["sample_id"].to_numpy(str)
    alike = pd.DataFrame({"sample_a": names[pairs[:, 0]], "sample_b": names[pairs[:, 1]]})
    found = pd.concat([alike.assign(change=UNCHANGED), altered_copies(images)], ignore_index=True)
    return found.astype("str")


def split_patients(
    samples: pd.DataFrame, near_duplicates: pd.DataFrame, splitting: SplittingConfig
) -> pd.DataFrame:
    """Stratified folds that never divide a patient, or the cohort's own train and test parts.

    Args:
        samples: one row a sample; `sample_id`, `patient_id`, `label`, `split`.
        near_duplicates: pairs from `find_near_duplicates`.
        splitting: protocol, number of folds or test share, seed, what to do about near-duplicates.

    Returns:
        one row a sample: `sample_id`, `patient_id`, `fold`, `split`. A sample is judged in its
        fold; fold -1 is never judged, only trained on. A hold-out reads like a split that the
        cohort fixed.

    Raises:
        CohortError: fewer patients of a class than folds.
        LeakFound: a near-duplicate pair lies in two folds, and `near_duplicates` is `fail`.
    """
    from osteon.measures.leaks import check_near_duplicates

    groups = samples["patient_id"]
    if splitting.near_duplicates == "group":
        groups = merge_groups(samples, near_duplicates)
    if samples["split"].isna().all() and splitting.protocol == "holdout":
        samples = samples.assign(split=_hold_out(samples["label"], groups, splitting))
    if samples["split"].notna().any():
        fold = _fixed_folds(samples)
    else:
        fold = _grouped_folds(samples["label"], groups, splitting)
    splits = _table(samples, fold)
    check_near_duplicates(splits, near_duplicates).demand()
    return splits


def split_images(samples: pd.DataFrame, splitting: SplittingConfig) -> pd.DataFrame:
    """Stratified folds over single images: patients are divided, on purpose, for the audit.

    Args:
        samples: as for `split_patients`.
        splitting: number of folds and seed.

    Returns:
        as `split_patients`.
    """
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(splitting.folds, shuffle=True, random_state=splitting.seed)
    fold = np.empty(len(samples), np.int64)
    for k, (_, judged) in enumerate(splitter.split(samples, samples["label"])):
        fold[judged] = k
    return _table(samples.assign(split=None), fold)


def merge_groups(samples: pd.DataFrame, pairs: pd.DataFrame) -> pd.Series:
    """One group for all patients that near-duplicate images tie together.

    Args:
        samples: `sample_id` and `patient_id`.
        pairs: `sample_a` and `sample_b`.

    Returns:
        a group name for each row of `samples`.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    patients, code = np.unique(samples["patient_id"], return_inverse=True)
    of_sample = dict(zip(samples["sample_id"], code, strict=True))
    known = pairs[pairs["sample_a"].isin(of_sample) & pairs["sample_b"].isin(of_sample)]
    a, b = known["sample_a"].map(of_sample), known["sample_b"].map(of_sample)
    ties = coo_matrix((np.ones(len(known)), (a, b)), shape=(len(patients), len(patients)))
    _, component = connected_components(ties, directed=False)
    return pd.Series(component[code], index=samples.index).map("G{}".format)


def _grouped_folds(label: pd.Series, groups: pd.Series, splitting: SplittingConfig) -> np.ndarray:
    from sklearn.model_selection import StratifiedGroupKFold

    per_class = groups.groupby(label).nunique()
    if per_class.min() < splitting.folds:
        raise CohortError(
            f"splitting.folds: found {splitting.folds} folds, but class {per_class.idxmin()} has "
            f"{per_class.min()} patient(s); allowed is at most that many, so that each fold has one"
        )
    splitter = StratifiedGroupKFold(splitting.folds, shuffle=True, random_state=splitting.seed)
    fold = np.empty(len(label), np.int64)
    # Numbers in order of appearance: folds must not depend on the key of the pseudonyms.
    numbered = pd.factorize(groups)[0]
    for k, (_, judged) in enumerate(splitter.split(label, label, numbered)):
        fold[judged] = k
    for k in range(splitting.folds):
        absent = set(label.unique()) - set(label[fold == k])
        if absent:
            raise CohortError(
                f"splitting: fold {k} has no patient of class {sorted(absent)}; "
                f"use fewer folds than {splitting.folds} or another splitting.seed"
            )
    return fold


def _hold_out(label: pd.Series, groups: pd.Series, splitting: SplittingConfig) -> pd.Series:
    """`train` or `test` for each sample: of each class the asked share of groups is tested.

    A group counts to the class of its first sample (groups of two classes exist only where
    near-duplicates tie patients together).
    """
    rng = np.random.default_rng(splitting.seed)
    # Numbers in order of appearance: the parts must not depend on the key of the pseudonyms.
    numbered = pd.Series(pd.factorize(groups)[0], index=label.index)
    of_group = label.groupby(numbered).first()
    counts = _shares(of_group.value_counts().sort_index(), splitting.test_share)
    tested: list[int] = []
    for value, own in of_group.groupby(of_group):
        count = int(counts[value])
        if not 0 < count < len(own):
            raise CohortError(
                f"splitting.test_share: {splitting.test_share} of the {len(own)} patient(s) of "
                f"class {value} leaves {count} to be judged; both parts need one or more"
            )
        tested.extend(rng.permutation(own.index.to_numpy())[:count])
    return pd.Series(np.where(numbered.isin(tested), "test", "train"), index=label.index)


def _shares(sizes: pd.Series, share: float) -> pd.Series:
    """Whole parts of some sizes that add up to the share of all, by largest remainder."""
    wanted = share * sizes
    counts = wanted.astype("int64")
    missing = round(share * sizes.sum()) - int(counts.sum())
    rest = (wanted - counts).sort_values(ascending=False, kind="stable").index[:missing]
    return counts.add(pd.Series(1, index=rest), fill_value=0).astype("int64")


def _fixed_folds(samples: pd.DataFrame) -> np.ndarray:
    missing = samples["split"].isna()
    if missing.any():
        raise CohortError(
            f"patients.csv, column split: {missing.sum()} sample(s) have none while others do; "
            "allowed are train and test for every patient, or no such column"
        )
    fold = np.where(samples["split"] == "test", 0, ALWAYS_TRAIN)
    for part in ("train", "test"):
        classes = samples.loc[samples["split"] == part, "label"].nunique()
        if classes < samples["label"].nunique():
            raise CohortError(f"split: the {part} part lacks a class; both parts need every class")
    return fold


def _table(samples: pd.DataFrame, fold: np.ndarray) -> pd.DataFrame:
    part = samples["split"].fillna("cv")
    return pd.DataFrame(
        {
            "sample_id": samples["sample_id"],
            "patient_id": samples["patient_id"],
            "fold": fold.astype("int64"),
            "split": part,
        }
    )
