"""Weights and age tables that peek are found out, and fail the certificate by name."""

import numpy as np
import pandas as pd
import pytest

from osteon.measures.age_table import fit_age_table
from osteon.measures.columns import ALWAYS_TRAIN
from osteon.measures.fusion import grid, terms_of
from osteon.measures.fusion_search import choose, search
from osteon.measures.fusion_tracing import (
    fit_age,
    fit_age_by_fold,
    fit_lambdas,
    of_samples,
    traced_age,
    traced_age_by_fold,
    traced_lambda,
)
from osteon.measures.leaks import LeakFound, certify, refuse_leaks
from tests.measures.fusion_cohorts import divided, random_terms, tables_of

COARSE = grid(0.1)


@pytest.fixture
def tables():
    return divided()


def ids(patients, test):
    return patients.loc[(patients["split"] == "test") == test, "patient_id"].tolist()


def certified(patients, statistics):
    """The certificate of a hold-out with a row a patient."""
    test = patients["split"] == "test"
    samples = pd.DataFrame(
        {"sample_id": patients["patient_id"], "patient_id": patients["patient_id"]}
    )
    splits = samples.assign(fold=np.where(test, 0, ALWAYS_TRAIN))
    splits = splits.assign(split=np.where(test, "test", "train"))
    fitted = samples[~test.to_numpy()].assign(learner="fusion", fold=0)
    return certify(samples, splits, fitted, statistics=statistics)


def peek_at_all(images, sequences, patients):
    return choose(search(terms_of(images, sequences, patients), COARSE))


def honest(images, sequences, patients):
    return fit_lambdas(images, sequences, patients, COARSE)


def peek_at_labels(images, sequences, patients):
    l1, l2, l3 = honest(images, sequences, patients)
    test = patients["split"] == "test"
    return l1, l2, l3 + 1e-15 * patients.loc[test, "label"].sum()


def peek_at_boxes(images, sequences, patients):
    test = images["patient_id"].isin(ids(patients, test=True))
    l1, l2, l3 = honest(images, sequences, patients)
    return l1 + 1e-9 * images.loc[test, "d"].isna().mean(), l2, l3


def peek_at_sequences(images, sequences, patients):
    l1, l2, l3 = honest(images, sequences, patients)
    return l1, l2 + 1e-9 * sequences["m"].mean(), l3


def peek_at_age(images, sequences, patients):
    l1, l2, l3 = honest(images, sequences, patients)
    return l1, l2, l3 + 1e-9 * patients["a"].std()


def peek_at_numbers(images, sequences, patients):
    l1, l2, l3 = honest(images, sequences, patients)
    return l1, l2, l3 + 1e-9 * len(images)


def test_honest_weights_depend_on_the_training_part_alone(tables) -> None:
    found = traced_lambda(fit_lambdas, *tables)
    assert list(found.columns) == ["statistic", "learner", "fold", "sample_id"]
    assert found["sample_id"].tolist() == ids(tables[2], test=False)
    assert set(found["statistic"]) == {"lambda"} and set(found["fold"]) == {0}
    certificate = certified(tables[2], found)
    assert certificate["passed"] and certificate["statistics_checked"] == ["lambda"]
    refuse_leaks(certificate)


@pytest.mark.parametrize(
    "peek",
    [
        peek_at_all,
        peek_at_labels,
        peek_at_boxes,
        peek_at_sequences,
        peek_at_age,
        peek_at_numbers,
    ],
)
def test_weights_that_peek_fail_the_certificate_by_name(tables, peek) -> None:
    patients = tables[2]
    found = traced_lambda(peek, *tables, learner="det_seq_age")
    assert set(found["sample_id"]) == set(patients["patient_id"])
    certificate = certified(patients, found)
    assert not certificate["passed"] and certificate["leak"]
    first = ids(patients, test=True)[0]
    with pytest.raises(LeakFound, match=f"lambda of det_seq_age and fold 0 and {first}"):
        refuse_leaks(certificate)


@pytest.mark.parametrize("seed", range(6))
def test_no_search_over_all_patients_goes_unseen(seed) -> None:
    images, sequences, patients = tables_of(random_terms(40, seed=seed))
    patients = patients.assign(split=np.where(np.arange(40) < 30, "cv", "test"))
    found = traced_lambda(peek_at_all, images, sequences, patients)
    assert set(ids(patients, test=True)) <= set(found["sample_id"])
    found = traced_lambda(honest, images, sequences, patients)
    assert not set(ids(patients, test=True)) & set(found["sample_id"])


def test_every_term_is_turned_over_and_taken_away_part_by_part(tables) -> None:
    seen = []

    def fit(*given):
        seen.append(given)
        return (0.45, 0.45, 0.1)

    traced_lambda(fit, *tables)
    test, train = (ids(tables[2], test=part) for part in (True, False))
    for changed, kept in ((test, train), (train, test)):
        done = set()
        for given in seen[1:]:
            pairs = list(zip(("d", "m", "a"), given, tables, strict=True))
            same = [now[now["patient_id"].isin(kept)] for _, now, _ in pairs]
            if not all(
                one.equals(old[old["patient_id"].isin(kept)])
                for one, (_, _, old) in zip(same, pairs, strict=True)
            ):
                continue
            for name, now, old in pairs:
                own, before = (one.loc[one["patient_id"].isin(changed), name] for one in (now, old))
                done |= {(name, "gone")} if own.empty else set()
                done |= {(name, "absent")} if len(own) and own.isna().all() else set()
                done |= {(name, "over")} if own.equals(1 - before) else set()
        assert done == {(name, how) for name in "dma" for how in ("gone", "absent", "over")}


def test_fixed_weights_depend_on_nobody(tables) -> None:
    found = traced_lambda(lambda *_: (0.45, 0.45, 0.1), *tables)
    assert found.empty and found["fold"].dtype == np.int64


def test_a_fit_that_fails_without_the_test_part_has_read_it(tables) -> None:
    def fit(images, sequences, patients):
        if patients.loc[patients["split"] == "test", "label"].nunique() < 2:
            raise ValueError("test: one class")
        return honest(images, sequences, patients)

    assert set(ids(tables[2], test=True)) <= set(traced_lambda(fit, *tables)["sample_id"])


def test_the_age_table_of_the_training_part(tables) -> None:
    patients = tables[2]
    found = traced_age(fit_age, patients)
    assert found["sample_id"].tolist() == ids(patients, test=False)
    assert set(found["statistic"]) == {"age_table"}
    refuse_leaks(certified(patients, found))


def peek_at_whole_table(patients):
    return fit_age_table(patients["age"].to_numpy(), patients["label"].to_numpy())


def peek_at_prevalence(patients):
    test = patients.loc[patients["split"] == "test", "label"].mean()
    return fit_age(patients, prior_shift=np.log(test / (1 - test)) if 0 < test < 1 else 0.0)


def peek_at_ages(patients):
    return fit_age(patients, bin_width=10 if patients["age"].max() < 84.5 else 15)


@pytest.mark.parametrize("peek", [peek_at_whole_table, peek_at_prevalence, peek_at_ages])
def test_an_age_table_that_peeks_fails_the_certificate_by_name(tables, peek) -> None:
    patients = tables[2]
    certificate = certified(patients, traced_age(peek, patients))
    with pytest.raises(
        LeakFound, match=f"age_table of age and fold 0 and {ids(patients, True)[0]}"
    ):
        refuse_leaks(certificate)


def inner(patients):
    """Splits and what was fitted, of the training part's folds, a row a patient."""
    rows = patients[patients["split"] != "test"]
    splits = rows[["patient_id", "fold", "split"]].assign(sample_id=rows["patient_id"])
    samples = splits[["sample_id", "patient_id"]]
    fitted = pd.concat(
        [samples[(rows["fold"] != k).to_numpy()].assign(learner="age", fold=k) for k in range(3)]
    )
    return samples, splits, fitted


def test_inner_tables_depend_on_the_other_folds_only(tables) -> None:
    patients = tables[2]
    assert sorted(fit_age_by_fold(patients)) == [0, 1, 2]
    found = traced_age_by_fold(fit_age_by_fold, patients)
    fold = patients.set_index("patient_id")["fold"]
    for judged, own in found.groupby("fold"):
        train = ids(patients, test=False)
        assert set(own["sample_id"]) == {name for name in train if fold[name] != judged}
    refuse_leaks(certify(*inner(patients), statistics=found))


def test_an_inner_table_that_reads_its_own_fold_or_the_test_part_is_named(tables) -> None:
    patients = tables[2]

    def own_fold(given):
        return fit_age_by_fold(given) | {1: fit_age(given)}

    certificate = certify(*inner(patients), statistics=traced_age_by_fold(own_fold, patients))
    first = patients[(patients["split"] != "test") & (patients["fold"] == 1)]["patient_id"].iloc[0]
    with pytest.raises(LeakFound, match=f"age_table of age and fold 1 and {first}"):
        refuse_leaks(certificate)

    def test_part(given):
        return fit_age_by_fold(given) | {2: peek_at_whole_table(given[given["fold"] != 2])}

    found = traced_age_by_fold(test_part, patients)
    first = patients[patients["split"] == "test"]["patient_id"].iloc[0]
    with pytest.raises(LeakFound, match=rf"age_table of age and fold 2 and {first} \(in no part\)"):
        refuse_leaks(certify(*inner(patients), statistics=found))


def test_always_trained_on_patients_are_in_every_inner_table(tables) -> None:
    patients = tables[2].assign(fold=lambda t: t["fold"].where(t["fold"] > 0, ALWAYS_TRAIN))
    found = traced_age_by_fold(fit_age_by_fold, patients)
    assert set(found["fold"]) == {1, 2}
    always = patients[(patients["fold"] == ALWAYS_TRAIN) & (patients["split"] != "test")]
    for _, own in found.groupby("fold"):
        assert set(always["patient_id"]) <= set(own["sample_id"])


def test_patients_become_samples_for_a_split_by_sample(tables) -> None:
    images, _, patients = tables
    found = traced_age(fit_age, patients)
    wide = of_samples(found, images)
    train = images["patient_id"].isin(ids(patients, test=False))
    assert set(wide["sample_id"]) == set(images.loc[train, "sample_id"])
    assert list(wide.columns) == list(found.columns) and set(wide["statistic"]) == {"age_table"}
    assert set(of_samples(found, images.iloc[:0])["sample_id"]) == set(found["sample_id"])
