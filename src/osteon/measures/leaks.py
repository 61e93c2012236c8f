"""The leak certificate: nothing judged was seen before, checked on the tables of a run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

Unit = Literal["patient", "image"]
SHOWN = 20
TRAIN_ONLY = -1
BY_DESIGN = "failed by design: this is the image-level audit"
NONE_DERIVED = "not applicable: no derived images in this cohort (no sample has a `parent`)"
GROUP = (
    "set splitting.near_duplicates: group to keep these patients in one fold, or remove the copy"
)
ONE_PART = "put these patients in one part (column split of patients.csv), or remove the copy"


class LeakFound(ValueError):
    """Something judged was seen in training; names the offending pairs (pseudonyms only)."""


@dataclass(frozen=True)
class Check:
    """One check: `pairs` are the first offending pairs, `found` how many there are in all.

    `audit` marks a check that an image-level split fails by design: reported, never raised. `note`
    says what a passed check is worth, `remedy` what to do about a failed one.
    """

    name: str
    statement: str
    checked: int
    found: int
    pairs: list[list[str]] = field(default_factory=list)
    audit: bool = False
    note: str = ""
    remedy: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return self.found == 0

    def demand(self) -> None:
        """Raise LeakFound, naming the pairs, unless passed or expected of an audit."""
        if self.passed or self.audit:
            return
        raise LeakFound(f"leak ({self.name}): {told(self.report())}")

    def report(self) -> dict[str, Any]:
        """As it stands in the certificate; a note on a failed check marks an audit only."""
        return {
            "name": self.name,
            "statement": self.statement,
            "passed": self.passed,
            "note": self.note if self.passed else BY_DESIGN if self.audit else "",
            "remedy": "" if self.passed or self.audit else self.remedy,
            "checked": self.checked,
            "found": self.found,
            "pairs": self.pairs,
        }


def certify(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    fitted: pd.DataFrame,
    unit: Unit = "patient",
    near_duplicates: pd.DataFrame | Iterable[Sequence[Any]] = (),
) -> dict[str, Any]:
    """All checks, as the content of `leak_certificate.json`; raises nothing about leaks.

    Args:
        samples: sample_id, patient_id, optionally `parent` (sample_id an image was derived from).
        splits: sample_id, patient_id, fold (-1: only trained on), optionally split.
        fitted: learner, fold, sample_id: all that a learner's fold was fitted on, early stopping
            and controls included. Thresholds are not: 0.5 is fitted on nothing; Youden's of a fold
            is chosen on the other folds' held-out predictions, by models that were trained on the
            judged fold's patients and their labels: cross-fitted, not nested.
        unit: what the split keeps whole; `image` is the audit.
        near_duplicates: frame with `sample_a`, `sample_b` (or the first two columns), or tuples.

    Returns:
        `passed` (also False for an audit), `leak` (a failure not by design; `refuse_leaks` raises).
    """
    checks = [
        check_samples(samples, splits),
        check_patients(splits, unit),
        check_near_duplicates(splits, near_duplicates, unit),
        check_fitted(splits, fitted, "patient", audit=unit == "image"),
        check_fitted(splits, fitted, "image"),
        check_derived(samples, splits),
    ]
    return {
        "passed": all(check.passed for check in checks),
        "leak": any(not check.passed and not check.audit for check in checks),
        "unit": unit,
        "samples": len(samples),
        "patients": int(samples["patient_id"].nunique()),
        "folds": sorted(int(fold) for fold in splits["fold"].unique() if fold != TRAIN_ONLY),
        "learners_checked": sorted(str(name) for name in fitted["learner"].unique()),
        "checks": [check.report() for check in checks],
    }


def refuse_leaks(certificate: dict[str, Any]) -> None:
    """Raise LeakFound naming the pairs of every failed check, unless expected of an audit."""
    failed = [one for one in certificate["checks"] if not one["passed"] and not one["note"]]
    if failed:
        raise LeakFound("leak: " + " | ".join(f"{one['name']}: {told(one)}" for one in failed))


def told(report: Mapping[str, Any]) -> str:
    """A failed check in one sentence: what, how many, the first pairs and the way out."""
    pairs = "; ".join(" and ".join(pair) for pair in report["pairs"][:5])
    way_out = f". To go on: {report['remedy']}" if report.get("remedy") else ""
    return f"{report['statement']}; {report['found']} found: {pairs}{way_out}"


def check_samples(samples: pd.DataFrame, splits: pd.DataFrame) -> Check:
    """Every sample is in one part and once only: copies made before the split would repeat."""
    problems = [[str(name), "twice in samples"] for name in repeated(samples["sample_id"])]
    problems += [[str(name), "twice in splits"] for name in repeated(splits["sample_id"])]
    have, placed = set(samples["sample_id"]), set(splits["sample_id"])
    problems += [[str(name), "in no part"] for name in sorted(have - placed)]
    problems += [[str(name), "in splits, not in samples"] for name in sorted(placed - have)]
    statement = "every sample lies in exactly one part, once"
    return make("one_part_a_sample", statement, len(samples), problems)


def repeated(names: pd.Series) -> list[Any]:
    """Values that occur more than once, sorted."""
    return sorted(names[names.duplicated()].unique())


def check_patients(splits: pd.DataFrame, unit: Unit = "patient") -> Check:
    """No patient lies in two parts."""
    folds = splits.groupby("patient_id")["fold"].nunique()
    divided = folds.index[folds > 1]
    rows = splits[splits["patient_id"].isin(divided)].drop_duplicates(["patient_id", "fold"])
    pairs = [
        [str(patient), *(f"fold {fold}" for fold in sorted(group["fold"]))]
        for patient, group in rows.groupby("patient_id")
    ]
    statement = "no patient lies in two parts"
    return make("patients_whole", statement, len(folds), pairs, audit=unit == "image")


def check_near_duplicates(
    splits: pd.DataFrame,
    near_duplicates: pd.DataFrame | Iterable[Sequence[Any]],
    unit: Unit = "patient",
) -> Check:
    """No two images that look the same (perceptual hash) lie in different parts.

    Pairs with a sample that is in no part, for instance one left out of the cohort, are not judged.
    """
    if isinstance(near_duplicates, pd.DataFrame):
        names = ["sample_a", "sample_b"]
        if not set(names) <= set(near_duplicates.columns):
            names = list(near_duplicates.columns[:2])
        listed = near_duplicates[names].to_numpy().tolist() if len(near_duplicates) else []
    else:
        listed = [list(pair[:2]) for pair in near_duplicates]
    part = dict(zip(splits["sample_id"], splits["fold"], strict=True))
    pairs = [[str(a), str(b)] for a, b in listed if a in part and b in part and part[a] != part[b]]
    statement = "no two near-duplicate images lie in different parts"
    check = make("near_duplicates", statement, len(listed), pairs, audit=unit == "image")
    given = "split" in splits.columns and bool((splits["split"] == "test").any())
    return replace(check, remedy=ONE_PART if given else GROUP)


def check_fitted(
    splits: pd.DataFrame, fitted: pd.DataFrame, by: Unit, audit: bool = False
) -> Check:
    """Nothing was fitted on what the same fold judges, compared by patient or by image."""
    key = "patient_id" if by == "patient" else "sample_id"
    patient = dict(zip(splits["sample_id"], splits["patient_id"], strict=True))
    seen = fitted.assign(patient_id=fitted["sample_id"].map(patient))
    unknown = seen[seen["patient_id"].isna()]
    seen = seen.drop_duplicates(["learner", "fold", key])
    judged = splits[splits["fold"] != TRAIN_ONLY].drop_duplicates(["fold", key])
    both = seen.merge(judged[["fold", key]], on=["fold", key])
    pairs = [
        [str(row.learner), f"fold {row.fold}", str(getattr(row, key))] for row in both.itertuples()
    ]
    pairs += [
        [str(row.learner), f"fold {row.fold}", f"{row.sample_id} (in no part)"]
        for row in unknown.itertuples()
    ]
    statement = (
        f"no learner was fitted on {'a patient' if by == 'patient' else 'an image'} it judges"
    )
    return make(f"fitted_apart_by_{by}", statement, len(seen), pairs, audit)


def check_derived(samples: pd.DataFrame, splits: pd.DataFrame) -> Check:
    """An image derived from another (augmented, cropped) lies in the part of its parent."""
    statement = "no image derived from another lies in a different part"
    derived = samples[samples["parent"].notna()] if "parent" in samples else samples.iloc[:0]
    if derived.empty:
        check = make("no_augmentation_before_split", statement, 0, [])
        return replace(check, note=NONE_DERIVED)
    part = dict(zip(splits["sample_id"], splits["fold"], strict=True))
    pairs = [
        [str(child), str(parent)]
        for child, parent in zip(derived["sample_id"], derived["parent"], strict=True)
        if part.get(child) != part.get(parent)
    ]
    return make("no_augmentation_before_split", statement, len(derived), pairs)


def make(
    name: str, statement: str, checked: int, pairs: list[list[str]], audit: bool = False
) -> Check:
    """A check that keeps the first pairs and the number of all."""
    return Check(name, statement, checked, len(pairs), pairs[:SHOWN], audit)
