"""Random cohorts for the tests and the benchmark of the fusion."""

import numpy as np
import pandas as pd

from osteon.measures.fusion import Terms

NONE = np.nan
ROWS = {
    "det": (0.45, 0, 0),
    "det_age": (0.45, 0, 0.1),
    "seq": (0, 0.45, 0),
    "seq_age": (0, 0.45, 0.1),
    "det_seq": (0.45, 0.45, 0),
    "det_seq_age": (0.45, 0.45, 0.1),
    "age": (0, 0, 1),
    "other": (0.25, 0.35, 0.4),
}
LAMBDAS = np.array(list(ROWS.values()))
KINDS = np.array(["T1WI", "T2WI", "FS-T2WI"])


def named(letter: str, size: int) -> np.ndarray:
    return np.char.add(letter, np.arange(size).astype(np.str_))


def random_terms(
    patients: int,
    seed: int = 0,
    decimals: int | None = 1,
    images: tuple[int, int] = (1, 6),
    sequences: tuple[int, int] = (1, 5),
) -> Terms:
    """Terms that know the label a little; numbers of images and sequences from the ranges.

    With one decimal ties abound. A third of the boxes, and all boxes of a quarter of the sequences
    are missing, as are a fifth of M and of A.
    """
    generator = np.random.default_rng(seed)
    label = generator.integers(0, 2, patients)
    patient = np.repeat(
        np.arange(patients), generator.integers(*sequences, patients, endpoint=True)
    )
    each = generator.integers(*images, len(patient), endpoint=True)
    sequence = np.repeat(np.arange(len(patient)), each)
    bare = generator.random(len(patient)) < 0.25

    def draw(owner: np.ndarray, absent: float) -> np.ndarray:
        values = np.clip(generator.random(len(owner)) + 0.2 * (owner - 0.5), 0, 1)
        values = values if decimals is None else np.round(values, decimals)
        return np.where(generator.random(len(owner)) < absent, np.nan, values)

    return Terms(
        d=np.where(bare[sequence], np.nan, draw(label[patient[sequence]], 0.33)),
        sequence=sequence,
        m=draw(label[patient], 0.2),
        patient=patient,
        a=draw(label, 0.2),
        label=label,
        image_ids=named("I", len(sequence)),
        sequence_ids=named("S", len(patient)),
        patient_ids=named("P", patients),
        kinds=KINDS[generator.integers(0, 3, len(patient))],
    )


def tables_of(terms: Terms) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The three tables that `terms_of` makes these terms from."""
    owner = terms.patient[terms.sequence]
    images = pd.DataFrame(
        {
            "sample_id": terms.image_ids,
            "sequence_id": terms.sequence_ids[terms.sequence],
            "patient_id": terms.patient_ids[owner],
            "d": terms.d,
        }
    )
    sequences = pd.DataFrame(
        {
            "sequence_id": terms.sequence_ids,
            "patient_id": terms.patient_ids[terms.patient],
            "m": terms.m,
            "sequence": terms.kinds,
        }
    )
    patients = {"patient_id": terms.patient_ids, "a": terms.a, "label": terms.label}
    return images, sequences, pd.DataFrame(patients)


def cohort(patients, label=1) -> Terms:
    """Terms of patients given as (A, [(M, [D, ...]), ...])."""
    series = [(p, m, d) for p, (_, own) in enumerate(patients) for m, d in own]
    images = [(s, d) for s, (_, _, own) in enumerate(series) for d in own]
    return Terms(
        d=np.array([d for _, d in images], dtype=np.float64),
        sequence=np.array([s for s, _ in images]),
        m=np.array([m for _, m, _ in series], dtype=np.float64),
        patient=np.array([p for p, _, _ in series]),
        a=np.array([a for a, _ in patients], dtype=np.float64),
        label=np.full(len(patients), label),
        image_ids=np.array([f"I{k}" for k in range(len(images))]),
        sequence_ids=np.array([f"S{k}" for k in range(len(series))]),
        patient_ids=np.array([f"P{k}" for k in range(len(patients))]),
        kinds=np.array(["T1WI", "T2WI"])[np.arange(len(series)) % 2],
    )


def divided() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Images, sequences and patients: 60 in three inner folds, 30 in the test part, mixed up."""
    images, sequences, patients = tables_of(random_terms(90, seed=3))
    test = np.arange(90) % 3 == 1
    age = np.random.default_rng(0).integers(4, 83, 90).astype(float)
    age[::11] = np.nan
    fold = np.where(test, 0, np.arange(90) // 3 % 3)
    split = np.where(test, "test", "cv")
    return images, sequences, patients.assign(split=split, fold=fold, age=age)
