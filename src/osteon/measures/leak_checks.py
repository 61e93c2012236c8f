"""The single checks of the leak certificate, each on tables of a run; each names its pairs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

from osteon.measures.columns import ALWAYS_TRAIN

Unit = Literal["patient", "image"]
SHOWN = 20
BY_DESIGN = "failed by design: this is the image-level audit"
NONE_DERIVED = "no image is derived from another: no sample has a `parent`"
NO_PARENTS = "samples have no column `parent`, so that no image says what it was derived from"
NO_HASHES = "samples have no column `content_hash`, so that pixels were not compared"
NO_SEARCH = "no search for near-duplicates was handed over"
NO_COPIES = "no search for mirrored or turned copies was handed over"
NO_STATISTICS = "no record of what thresholds and temperatures were fitted on"
TRIED = "found by changing the predictions of one fold at a time, which is a search, not a proof"
NONE_FITTED = "nothing is chosen or fitted after the learners: there is no statistic to check"
NOT_NESTED = (
    "; the models behind the predictions of the other folds were trained on the judged fold's "
    "patients"
)
ON_TRAINING = "; under one hold-out they come from predictions of the training part"
COPIES_LIMIT = (
    "sought by a perceptual hash, which has its limits: some copies with clipped brightness, "
    "another contrast or gamma, or turned by 1 or 2 degrees, and most that are shifted, cropped or "
    "turned further, are not found"
)
Pairs = pd.DataFrame | Iterable[Sequence[Any]]
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
    says what a passed check is worth, `remedy` what to do about a failed one. `lacking` is why
    nothing could be checked: such a check has neither passed nor failed.
    """

    name: str
    statement: str
    checked: int
    found: int
    pairs: list[list[str]] = field(default_factory=list)
    audit: bool = False
    note: str = ""
    remedy: str = ""
    lacking: str = ""

    @property
    def passed(self) -> bool:
        """Whether it was made and nothing was found."""
        return not self.lacking and self.found == 0

    @property
    def status(self) -> str:
        """`passed`, `failed`, `failed by design` or `not checked`."""
        if self.lacking:
            return "not checked"
        return "passed" if self.passed else "failed by design" if self.audit else "failed"

    def demand(self) -> None:
        """Raise LeakFound, naming the pairs, unless passed or expected of an audit."""
        if self.status != "failed":
            return
        raise LeakFound(f"leak ({self.name}): {told(self.report())}")

    def report(self) -> dict[str, Any]:
        """As it stands in the certificate; a note on a failed check marks an audit only."""
        return {
            "name": self.name,
            "statement": self.statement,
            "passed": self.passed,
            "status": self.status,
            "note": self.note if self.passed else BY_DESIGN if self.audit else "",
            "remedy": "" if self.passed or self.audit else self.remedy,
            "checked": self.checked,
            "found": self.found,
            "pairs": self.pairs,
        }


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
    splits: pd.DataFrame, near_duplicates: Pairs | None, unit: Unit = "patient"
) -> Check:
    """No two images that look the same (perceptual hash) lie in different parts.

    Pairs with a sample that is in no part, for instance one left out of the cohort, are not judged.
    None stands for no search, an empty table for a search that found nothing.
    """
    statement = "no two images found to be near-duplicates lie in different parts"
    return check_pairs("near_duplicates", statement, splits, near_duplicates, unit, NO_SEARCH)


def check_altered(splits: pd.DataFrame, altered: Pairs | None, unit: Unit = "patient") -> Check:
    """No mirrored, turned or recoloured copy lies in another part than its original, by content.

    Pairs as `osteon.measures.copies.altered_copies` finds them; None stands for no search.
    """
    statement = (
        "no two images of which one was found to be the other mirrored, turned by a quarter or a "
        "half, inverted or with other grey levels lie in different parts"
    )
    return check_pairs("altered_copies", statement, splits, altered, unit, NO_COPIES)


def check_pairs(
    name: str, statement: str, splits: pd.DataFrame, listed: Pairs | None, unit: Unit, lacking: str
) -> Check:
    """No pair of a search lies in different parts."""
    if listed is None:
        return replace(make(name, statement, 0, []), lacking=lacking)
    part = dict(zip(splits["sample_id"], splits["fold"], strict=True))
    pairs = [
        [str(a), str(b)]
        for a, b in two_names(listed)
        if a in part and b in part and part[a] != part[b]
    ]
    check = make(name, statement, len(splits), pairs, audit=unit == "image")
    return replace(check, remedy=way_out(splits), note=COPIES_LIMIT)


def two_names(listed: Pairs) -> list[list[Any]]:
    """The pairs of a frame (`sample_a`, `sample_b` or its first two columns) or of tuples."""
    if not isinstance(listed, pd.DataFrame):
        return [list(pair[:2]) for pair in listed]
    names = ["sample_a", "sample_b"]
    if not set(names) <= set(listed.columns):
        names = list(listed.columns[:2])
    return [list(pair) for pair in zip(listed[names[0]], listed[names[1]], strict=True)]


def way_out(splits: pd.DataFrame) -> str:
    """What to do about a copy: grouping makes folds, but moves nobody out of a fixed part."""
    given = "split" in splits.columns and bool((splits["split"] == "test").any())
    return ONE_PART if given else GROUP


def check_identical(samples: pd.DataFrame, splits: pd.DataFrame, unit: Unit = "patient") -> Check:
    """No two samples with the same pixels lie in different parts: copies made before the split.

    Compared by `content_hash`, whatever a sample says of its `parent`.
    """
    name, statement = (
        "identical_images",
        "no two images with the same pixels lie in different parts",
    )
    if "content_hash" not in samples:
        return replace(make(name, statement, 0, []), lacking=NO_HASHES)
    known = samples[samples["content_hash"].notna()]
    rows = known[["sample_id", "content_hash"]].merge(splits[["sample_id", "fold"]], on="sample_id")
    divided = rows.groupby("content_hash")["fold"].transform("nunique") > 1
    pairs = []
    for _, group in rows[divided].groupby("content_hash", sort=False):
        first = group.iloc[0]
        other = group[group["fold"] != first["fold"]].iloc[0]
        pairs.append([str(first["sample_id"]), str(other["sample_id"])])
    check = make(name, statement, len(known), pairs, audit=unit == "image")
    return replace(check, remedy=way_out(splits))


def check_fitted(
    splits: pd.DataFrame, fitted: pd.DataFrame, by: Unit, audit: bool = False
) -> Check:
    """Nothing was fitted on what the same fold judges, compared by patient or by image."""
    checked, pairs = seen_and_judged(splits, fitted, by)
    statement = (
        f"no learner was fitted on {'a patient' if by == 'patient' else 'an image'} it judges"
    )
    return make(f"fitted_apart_by_{by}", statement, checked, pairs, audit)


def check_statistics(
    splits: pd.DataFrame, statistics: pd.DataFrame | None, unit: Unit = "patient"
) -> Check:
    """No recorded statistic was fitted on what it is used to judge.

    Args:
        splits: as for `certify`; unit: what the split keeps whole, compared by patient or by image.
        statistics: statistic, learner, fold, sample_id, optionally level: what the statistic that
            serves to judge a fold was fitted on, as `osteon.measures.tracing` finds out; None: no
            record.
    """
    name, what = "statistics_apart", "a patient" if unit == "patient" else "an image"
    if statistics is None:
        statement = f"no threshold or temperature was fitted on {what} that it judges"
        return replace(make(name, statement, 0, []), lacking=NO_STATISTICS)
    recorded = ", ".join(sorted(set(statistics["statistic"].astype(str)))) or "none recorded"
    statement = f"no statistic ({recorded}) was fitted on {what} that it judges"
    labels = statistics["statistic"].astype(str) + " of " + statistics["learner"].astype(str)
    if "level" in statistics:
        labels += " at " + statistics["level"].astype(str) + " level"
    checked, pairs = seen_and_judged(splits, statistics.assign(learner=labels), unit)
    folds = splits.loc[splits["fold"] != ALWAYS_TRAIN, "fold"].nunique()
    note = TRIED + (NOT_NESTED if folds > 1 else ON_TRAINING) if len(statistics) else NONE_FITTED
    return replace(make(name, statement, checked, pairs), note=note)


def seen_and_judged(
    splits: pd.DataFrame, fitted: pd.DataFrame, by: Unit
) -> tuple[int, list[list[str]]]:
    """How many patients or images were fitted on, and those that the same fold judges."""
    key = "patient_id" if by == "patient" else "sample_id"
    patient = dict(zip(splits["sample_id"], splits["patient_id"], strict=True))
    seen = fitted.assign(patient_id=fitted["sample_id"].map(patient))
    unknown = seen[seen["patient_id"].isna()]
    seen = seen.drop_duplicates(["learner", "fold", key])
    judged = splits[splits["fold"] != ALWAYS_TRAIN].drop_duplicates(["fold", key])
    both = seen.merge(judged[["fold", key]], on=["fold", key])
    pairs = [
        [str(row.learner), f"fold {row.fold}", str(getattr(row, key))] for row in both.itertuples()
    ]
    pairs += [
        [str(row.learner), f"fold {row.fold}", f"{row.sample_id} (in no part)"]
        for row in unknown.itertuples()
    ]
    return len(seen), pairs


def check_derived(samples: pd.DataFrame, splits: pd.DataFrame) -> Check:
    """An image derived from another (augmented, cropped) lies in the part of its parent."""
    statement = "no image derived from another lies in a different part"
    if "parent" not in samples:
        check = make("no_augmentation_before_split", statement, 0, [])
        return replace(check, lacking=NO_PARENTS)
    derived = samples[samples["parent"].notna()]
    if derived.empty:
        check = make("no_augmentation_before_split", statement, len(samples), [])
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
