"""Terms from tables, parts of them, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from osteon.measures.fusion import Terms, of_patients, subset, terms_of, votes
from tests.measures.fusion_cohorts import LAMBDAS, random_terms, tables_of


def test_tables_in_any_order_give_the_terms() -> None:
    terms = random_terms(50, seed=2)
    images, sequences, patients = tables_of(terms)
    mixed = terms_of(
        images.sample(frac=1, random_state=0), sequences.sample(frac=1, random_state=1), patients
    )
    assert mixed.patient_ids.tolist() == terms.patient_ids.tolist()
    found, wanted = votes(mixed, LAMBDAS), votes(terms, LAMBDAS)
    np.testing.assert_array_equal(found.vote, wanted.vote)
    np.testing.assert_allclose(found.score, wanted.score, 0, 2e-12)
    kept = dict(zip(mixed.image_ids, mixed.d, strict=True))
    np.testing.assert_array_equal([kept[name] for name in terms.image_ids], terms.d)
    same = terms_of(images, sequences, patients)
    for name in Terms.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(same, name), getattr(terms, name))


def test_a_subset_is_what_the_tables_without_the_rest_give() -> None:
    terms = random_terms(80, seed=5)
    images, sequences, patients = tables_of(terms)
    keep = terms.kinds == "T1WI"
    sequences = sequences[sequences["sequence"] == "T1WI"]
    images = images[images["sequence_id"].isin(sequences["sequence_id"])]
    some = patients["patient_id"].isin(sequences["patient_id"])
    assert 0 < some.sum() < len(patients)
    wanted, found = terms_of(images, sequences, patients[some]), subset(terms, keep)
    for name in Terms.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    few = of_patients(terms, np.arange(80) % 2 == 0)
    whole = votes(terms, LAMBDAS)
    np.testing.assert_array_equal(votes(few, LAMBDAS).score, whole.score[:, ::2])
    for keep in (np.ones(80), np.ones(3, dtype=bool)):
        with pytest.raises(ValueError, match=r"keep: shape .* found, .* bool needed"):
            of_patients(terms, keep)
    with pytest.raises(ValueError, match="keep: none of 80 patients kept"):
        of_patients(terms, np.zeros(80, dtype=bool))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: {"d": t.d + 1}, "d: .* found, probabilities 0 to 1"),
        (lambda t: {"m": -t.m - 0.1}, "m: .* found, probabilities 0 to 1"),
        (lambda t: {"a": np.full(len(t.a), np.inf)}, "a: inf found, probabilities 0 to 1"),
        (lambda t: {"sequence": t.sequence[::-1]}, "sequence: places that are unsorted"),
        (lambda t: {"patient": t.patient + 1}, "patient: places that are unsorted"),
        (lambda t: {"patient": 2 * t.patient}, "patient: places .* leave one out found, 0 to 4"),
        (lambda t: {"patient": t.patient * 1.0}, "patient: .* no whole numbers"),
        (lambda t: {"label": t.label + 1}, r"label: \[.*2\] found, 0 \(benign\)"),
        (lambda t: {"label": t.label[:3]}, "label: length 3 found, 5 needed as a has"),
        (lambda t: {"kinds": t.kinds[:1]}, "kinds: length 1 found"),
        (
            lambda t: {"d": t.d[:0], "sequence": t.sequence[:0], "image_ids": t.image_ids[:0]},
            "sequence: 0 places of",
        ),
    ],
)
def test_terms_that_make_no_sense_are_refused(change, said) -> None:
    terms = random_terms(5, seed=1)
    with pytest.raises(ValueError, match=said):
        replace(terms, **change(terms))


def twice(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table, table.iloc[:1]])


@pytest.mark.parametrize(
    ("which", "change", "said"),
    [
        (0, lambda t: t.drop(columns="d"), r"images: no columns \['d'\]"),
        (1, lambda t: t.drop(columns="sequence"), r"sequences: no columns \['sequence'\]"),
        (0, twice, "images: I0 found twice"),
        (1, twice, "sequences: S0 found twice"),
        (1, lambda t: pd.concat([t, t.iloc[:1].assign(patient_id="P1")]), "S0 of two patients"),
        (2, twice, "patients: P0 found twice"),
        (0, lambda t: t.assign(patient_id="P1"), "images: sequence S0 of two patients found"),
        (0, lambda t: t[t["sequence_id"] != "S0"], "sequences: S0 without rows in images"),
        (0, lambda t: t.assign(sequence_id="X"), "images: sequence_id X found that is not in"),
        (2, lambda t: t[t["patient_id"] != "P0"], "sequences: patient_id P0 found that is not in"),
        (0, lambda t: t.assign(sample_id=None), "images: .* rows without sample_id"),
        (2, lambda t: t.assign(label=[None, *t["label"][1:]]), "label: .* found, 0"),
        (2, lambda t: t.assign(a=1.5), "a: 1.5 found, probabilities"),
    ],
)
def test_tables_that_do_not_fit_together_are_refused(which, change, said) -> None:
    tables = list(tables_of(random_terms(5, seed=1)))
    tables[which] = change(tables[which])
    with pytest.raises(ValueError, match=said):
        terms_of(*tables)


def test_a_patient_without_a_sequence_is_refused() -> None:
    images, sequences, patients = tables_of(random_terms(5, seed=1))
    with pytest.raises(ValueError, match="patients: P0 without rows in sequences"):
        terms_of(
            images[images["patient_id"] != "P0"],
            sequences[sequences["patient_id"] != "P0"],
            patients,
        )
