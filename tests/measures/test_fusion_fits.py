"""Weights and age tables are fitted on the training part, fold by fold on the other folds."""

import numpy as np
import pytest

from osteon.measures.age_table import fit_age_table
from osteon.measures.fusion import grid, terms_of
from osteon.measures.fusion_fits import fit_age, fit_age_by_fold, fit_lambdas
from osteon.measures.fusion_search import choose, search
from osteon.measures.fusion_tracing import traced_age
from tests.measures.fusion_cohorts import divided


@pytest.fixture
def tables():
    return divided()


def fitted_on(rows, **options):
    age, label = rows["age"].to_numpy(), rows["label"].to_numpy()
    return fit_age_table(age, label, **options).as_json()


def test_age_tables_are_those_of_the_rows_they_may_see(tables) -> None:
    patients = tables[2]
    train = patients[patients["split"] != "test"]
    assert fit_age(patients, least=3).as_json() == fitted_on(train, least=3)
    found = fit_age_by_fold(patients, smoothing="logistic")
    assert sorted(found) == [0, 1, 2]
    for fold, table in found.items():
        assert table.as_json() == fitted_on(train[train["fold"] != fold], smoothing="logistic")


def test_honest_weights_are_those_of_the_training_part(tables) -> None:
    images, sequences, patients = tables
    kept = patients[patients["split"] != "test"]
    own = [one[one["patient_id"].isin(kept["patient_id"])] for one in (images, sequences)]
    assert fit_lambdas(*tables) == choose(search(terms_of(*own, kept), grid()))
    assert fit_lambdas(*tables, lambdas=np.array([[1.0, 0, 0]]), interior=False) == (1, 0, 0)


def test_tables_without_a_training_part_or_split_are_refused(tables) -> None:
    patients = tables[2]
    with pytest.raises(ValueError, match="patients: 0 of 90 in the training part"):
        fit_age(patients.assign(split="test"))
    with pytest.raises(ValueError, match="patients: no column split found"):
        fit_lambdas(*tables[:2], patients.drop(columns="split"))
    with pytest.raises(ValueError, match="patients: split 'held out' found"):
        traced_age(fit_age, patients.assign(split="held out"))
    with pytest.raises(ValueError, match=r"patients: no columns \['fold'\]"):
        fit_age_by_fold(patients.drop(columns="fold"))
