"""What the weighted fusion framework adds up: D of an image, M of a sequence, A of a patient.

Liu et al. 2022 (Insights Imaging 13:87), Eq. 1: the probability of malignant by the detector (D),
by the sequence model (M) and by the age table (A). All three may be absent (NaN): no box on an
image, no tube of a sequence, no age of a patient.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.measures.discrimination import Bools, Floats, Ints
from osteon.measures.thresholds import FIXED

Names = NDArray[np.str_]
NoBox = Literal["skip", "uniform"]
# Weighted sums are rounded: 0.45 × 0.3 + 0.45 × 0.7 over 0.9 is a tie, whatever the last bit says.
MALIGNANT = FIXED - 1e-12
# Scores that are equal but for rounding are equal, for thresholds and ranks alike.
DECIMALS = 12
COLUMNS = {
    "images": ("sample_id", "sequence_id", "patient_id", "d"),
    "sequences": ("sequence_id", "patient_id", "m", "sequence"),
    "patients": ("patient_id", "a", "label"),
}
SHOWN = 5


@dataclass(frozen=True)
class Terms:
    """Probabilities of malignant at the three levels, as flat arrays.

    Images are contiguous by sequence, sequences by patient; each sequence has an image and each
    patient a sequence.

    Attributes:
        d: (images,) float64 0..1, NaN for no box; sequence: (images,) int64, place of its sequence.
        m: (sequences,) float64 0..1 or NaN; patient: (sequences,) int64, place of its patient.
        a: (patients,) float64 0..1 or NaN; label: (patients,) int64, 1 for malignant.
        image_ids, sequence_ids, patient_ids: names at each level; kinds: (sequences,) T1WI, ...

    Raises:
        ValueError: lengths differ, places are not sorted or leave one out, a value lies outside
            0..1, a label is neither 0 nor 1, or there is no image.
    """

    d: Floats
    sequence: Ints
    m: Floats
    patient: Ints
    a: Floats
    label: Ints
    image_ids: Names
    sequence_ids: Names
    patient_ids: Names
    kinds: Names

    def __post_init__(self) -> None:
        levels = (
            ("d", ("sequence", "image_ids")),
            ("m", ("patient", "sequence_ids", "kinds")),
            ("a", ("label", "patient_ids")),
        )
        for name, others in levels:
            values = np.asarray(getattr(self, name))
            for other in others:
                if len(getattr(self, other)) != len(values):
                    raise ValueError(
                        f"{other}: length {len(getattr(self, other))} found, {len(values)} needed "
                        f"as {name} has"
                    )
            refuse_probabilities(name, values)
        refuse_places("sequence", self.sequence, len(self.m))
        refuse_places("patient", self.patient, len(self.a))
        if not np.isin(self.label, (0, 1)).all():
            found = np.unique(self.label)[:SHOWN].tolist()
            raise ValueError(f"label: {found} found, 0 (benign) and 1 (malignant) allowed")


def refuse_probabilities(name: str, values: Floats) -> None:
    """Raise ValueError unless each of `values` lies in 0..1 or is NaN."""
    bad = values[~(np.isnan(values) | ((values >= 0) & (values <= 1)))]
    if len(bad):
        raise ValueError(f"{name}: {float(bad[0])} found, probabilities 0 to 1 or NaN allowed")


def refuse_places(name: str, places: Ints, size: int) -> None:
    """Raise ValueError unless `places` are whole numbers that rise from 0 to size - 1, no gap."""
    if not len(places) or not size:
        raise ValueError(
            f"{name}: {len(places)} places of {size} found, at least one of each needed"
        )
    whole = np.issubdtype(np.asarray(places).dtype, np.integer)
    steps = np.diff(places)
    if not whole or places[0] != 0 or places[-1] != size - 1 or not np.isin(steps, (0, 1)).all():
        raise ValueError(
            f"{name}: places that are unsorted, no whole numbers or leave one out found, 0 to"
            f" {size - 1} in rising order needed"
        )


def terms_of(images: pd.DataFrame, sequences: pd.DataFrame, patients: pd.DataFrame) -> Terms:
    """The terms of Eq. 1 from three tables, rows in any order.

    Args:
        images: sample_id, sequence_id, patient_id, d (0..1, NaN: no box).
        sequences: sequence_id, patient_id, m (0..1 or NaN), sequence (T1WI, ..., "": unknown).
        patients: patient_id, a (0..1 or NaN), label (0 or 1).

    Returns:
        patients, their sequences and the images of these in the order of their tables.

    Raises:
        ValueError: a column is missing, a name is absent or there twice, a sequence belongs to two
            patients, stands in one table only, has no image, a patient has no sequence, or as for
            `Terms`.
    """
    for name, table in (("images", images), ("sequences", sequences), ("patients", patients)):
        refuse_table(name, table)
    order = place_of("sequences", sequences["patient_id"], "patients", patients["patient_id"])
    sequences = sequences.iloc[np.argsort(order, kind="stable")]
    place = place_of("images", images["sequence_id"], "sequences", sequences["sequence_id"])
    claimed = sequences["patient_id"].to_numpy()[place]
    if (apart := (images["patient_id"].to_numpy() != claimed)).any():
        k = int(np.argmax(apart))
        raise ValueError(
            f"images: sequence {images['sequence_id'].iloc[k]} of two patients found "
            f"({images['patient_id'].iloc[k]} and {claimed[k]}), one needed"
        )
    by_sequence = np.argsort(place, kind="stable")
    images = images.iloc[by_sequence]
    return Terms(
        d=floats(images["d"]),
        sequence=place[by_sequence],
        m=floats(sequences["m"]),
        patient=np.sort(order),
        a=floats(patients["a"]),
        label=labels(patients["label"]),
        image_ids=names(images["sample_id"]),
        sequence_ids=names(sequences["sequence_id"]),
        patient_ids=names(patients["patient_id"]),
        kinds=names(sequences["sequence"].fillna("")),
    )


def refuse_table(name: str, table: pd.DataFrame) -> None:
    """Raise ValueError unless the columns are there and each row has its own name."""
    if absent := [column for column in COLUMNS[name] if column not in table]:
        raise ValueError(f"{name}: no columns {absent} found, {list(COLUMNS[name])} needed")
    keys = [column for column in COLUMNS[name] if column.endswith("_id")]
    if (bare := table[keys].isna().any(axis=1)).any():
        raise ValueError(
            f"{name}: {int(bare.sum())} rows without {' or '.join(keys)} found, 0 allowed"
        )
    if (twice := table[keys[0]].duplicated()).any():
        first = table.loc[twice, keys[0]].iloc[0]
        if len(keys) > 1 and table.loc[table[keys[0]] == first, "patient_id"].nunique() > 1:
            raise ValueError(f"{name}: {first} of two patients found, one needed")
        raise ValueError(f"{name}: {first} found twice, one row each needed")


def place_of(name: str, wanted: pd.Series, owner: str, listed: pd.Series) -> Ints:
    """The row of `listed` that each of `wanted` names; both must name the same things."""
    place = pd.Index(listed).get_indexer(pd.Index(wanted)).astype(np.int64)
    if (place < 0).any():
        lost = wanted.iloc[int(np.argmax(place < 0))]
        raise ValueError(f"{name}: {listed.name} {lost} found that is not in {owner}")
    counts = np.bincount(place, minlength=len(listed))
    if (counts == 0).any():
        bare = listed.iloc[int(np.argmin(counts))]
        raise ValueError(f"{owner}: {bare} without rows in {name} found, at least one needed")
    return place


def floats(column: pd.Series) -> Floats:
    """A column as float64, absent values as NaN."""
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def labels(column: pd.Series) -> Ints:
    """A column as int64; ValueError where a label is absent or no number."""
    known = pd.to_numeric(column, errors="coerce")
    if known.isna().any():
        first = column[known.isna()].iloc[0]
        raise ValueError(f"label: {first!r} found, 0 (benign) and 1 (malignant) allowed")
    return known.to_numpy(dtype=np.int64)


def names(column: pd.Series) -> Names:
    """A column as an array of text."""
    return column.to_numpy(dtype=object).astype(np.str_)


def subset(terms: Terms, keep: Bools) -> Terms:
    """The terms of some sequences; patients that lose all of theirs are left out.

    Args:
        keep: (sequences,) bool.

    Raises:
        ValueError: `keep` has another length or type, or keeps nothing.
    """
    refuse_mask(keep, len(terms.m), "sequences")
    images = keep[terms.sequence]
    patients = np.bincount(terms.patient[keep], minlength=len(terms.a)) > 0
    return Terms(
        d=terms.d[images],
        sequence=(np.cumsum(keep) - 1)[terms.sequence[images]],
        m=terms.m[keep],
        patient=(np.cumsum(patients) - 1)[terms.patient[keep]],
        a=terms.a[patients],
        label=terms.label[patients],
        image_ids=terms.image_ids[images],
        sequence_ids=terms.sequence_ids[keep],
        patient_ids=terms.patient_ids[patients],
        kinds=terms.kinds[keep],
    )


def of_patients(terms: Terms, keep: Bools) -> Terms:
    """The terms of some patients with all of their sequences; `keep`: (patients,) bool.

    Raises:
        ValueError: `keep` has another length or type, or keeps nothing.
    """
    refuse_mask(keep, len(terms.a), "patients")
    return subset(terms, keep[terms.patient])


def refuse_mask(keep: Bools, size: int, what: str) -> None:
    """Raise ValueError unless `keep` is (size,) bool and keeps something."""
    if np.shape(keep) != (size,) or np.asarray(keep).dtype != np.bool_:
        raise ValueError(
            f"keep: shape {np.shape(keep)} of {np.asarray(keep).dtype} found, ({size},) bool "
            f"needed, one for each of the {what}"
        )
    if not keep.any():
        raise ValueError(f"keep: none of {size} {what} kept, at least one needed")


def normalised(lambdas: Floats) -> Floats:
    """(L, 3) weights, each row divided by its sum; ValueError as for `votes`."""
    given = np.asarray(lambdas, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] != 3 or not len(given):
        raise ValueError(f"lambdas: shape {given.shape} found, (L, 3) with L of 1 or more needed")
    if not (np.isfinite(given) & (given >= 0)).all():
        bad = given[~(np.isfinite(given) & (given >= 0)).all(axis=1)][0]
        raise ValueError(f"lambdas: {bad.tolist()} found, finite values of 0 or more allowed")
    total = given.sum(axis=1, keepdims=True)
    if (total == 0).any():
        raise ValueError("lambdas: [0, 0, 0] found, at least one of the three above 0 needed")
    return np.asarray(given / total)


def filled(terms: Terms, no_box: NoBox) -> Floats:
    """(images,) D as it counts: under `uniform` 0.5 where there is no box."""
    if no_box not in get_args(NoBox):
        raise ValueError(f"no_box: {no_box!r} found, {' or '.join(get_args(NoBox))} allowed")
    return np.where(np.isnan(terms.d), FIXED, terms.d) if no_box == "uniform" else terms.d
