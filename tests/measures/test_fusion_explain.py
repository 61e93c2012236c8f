"""What is explained is what was voted, image by image."""

import numpy as np
import pytest

from osteon.measures.fusion import explain, votes
from tests.measures.fusion_cohorts import LAMBDAS, NONE, ROWS, cohort, random_terms

NO_BOX = ("skip", "uniform")


@pytest.mark.parametrize("no_box", NO_BOX)
def test_what_is_explained_is_what_was_voted(no_box) -> None:
    terms = random_terms(1_000, seed=8)
    for row in LAMBDAS:
        how, found = explain(terms, row, no_box), votes(terms, row[None], no_box)
        assert how.patients["vote"].tolist() == found.vote[0].tolist()
        np.testing.assert_allclose(how.patients["score"], found.score[0], 0, 2e-12)
        images = how.images
        parts = images[["part_det", "part_seq", "part_age"]].sum(axis=1, skipna=False)
        np.testing.assert_allclose(parts, images["p"])
        assert (images["p"].notna() == images["counted"]).all()
        assert not images.loc[~images["counted"], "vote"].any()
        by = images.groupby("sequence_id", sort=False)
        np.testing.assert_array_equal(how.sequences["counted"], by["counted"].sum())
        np.testing.assert_array_equal(how.sequences["malignant"], by["vote"].sum())
        np.testing.assert_allclose(how.sequences["score"], by["p"].mean())
        by = how.sequences.groupby("patient_id", sort=False)
        np.testing.assert_array_equal(how.patients["sequences"], by.size())
        np.testing.assert_array_equal(how.patients["malignant"], by["vote"].sum())


def test_an_explained_patient_by_hand() -> None:
    series = [(0.2, [0.9, NONE, 0.7]), (0.4, [NONE]), (NONE, [NONE, NONE])]
    how = explain(cohort([(0.6, series), (NONE, [(NONE, [NONE])])]), ROWS["det_seq_age"])
    first = how.images.iloc[0]
    assert (first["part_det"], first["part_seq"], first["part_age"]) == pytest.approx(
        (0.405, 0.09, 0.06)
    )
    assert how.images["counted"].tolist() == [True, False, True, True, False, False, False]
    assert how.images["vote"].tolist() == [True, False, False, False, False, False, False]
    assert how.sequences["decided_by"].tolist() == [
        "mean of a tie",
        "sequence model and age: no box",
        "abstains",
        "abstains",
    ]
    assert how.sequences["images"].tolist() == [3, 1, 2, 1]
    assert how.sequences["counted"].tolist() == [2, 1, 0, 0]
    # Images of 0.555 and 0.465, and (0.45 x 0.4 + 0.1 x 0.6) / 0.55 without a box.
    assert how.sequences["score"].tolist() == pytest.approx(
        [0.51, 0.24 / 0.55, NONE, NONE], nan_ok=True
    )
    assert how.sequences["vote"].tolist() == [True, False, False, False]
    assert how.patients["decided_by"].tolist() == ["mean of a tie", "undecided: called malignant"]
    assert how.patients["vote"].tolist() == [False, True]
    assert how.patients["score"].tolist() == pytest.approx([(0.51 + 0.24 / 0.55) / 2, 0.5])
