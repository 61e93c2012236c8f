"""What may be judged, and patients as means over their images."""

import numpy as np
import pytest

from osteon.measures.levels import DIVIDED, PredictionsError, at_level, checked, restrict


def one(predictions, level):
    frame = checked(predictions)
    return at_level(frame[frame["learner"] == "resnet18_all"], level)


def test_a_patient_is_the_mean_of_the_images(predictions):
    judged = one(predictions, "patient")
    rows = predictions[predictions["learner"] == "resnet18_all"]
    expected = rows.groupby("patient_id")["prob_osteosarcoma"].mean()
    np.testing.assert_allclose(judged.score, expected.loc[list(judged.patients)])
    labels = rows.groupby("patient_id")["label"].first()
    np.testing.assert_array_equal(judged.strata, labels.loc[list(judged.patients)])
    assert judged.images.sum() == len(rows)


def test_row_order_does_not_matter(predictions):
    shuffled = predictions.sample(frac=1, random_state=0)
    for level in ("image", "patient"):
        first, second = one(predictions, level), one(shuffled, level)
        np.testing.assert_allclose(first.score, second.score)
        np.testing.assert_array_equal(first.unit, second.unit)


def test_a_patient_in_two_folds_is_marked(predictions):
    predictions["fold"] = np.arange(len(predictions)) % 5
    judged = one(predictions, "patient")
    assert judged.divided and (judged.fold == DIVIDED).any()
    assert not one(predictions, "image").divided


def test_restrict_keeps_rows_and_places_together(predictions):
    whole = one(predictions, "image")
    part = restrict(whole, whole.patients[10:20])
    assert part.patients == whole.patients[10:20]
    for place, name in enumerate(part.patients):
        old = whole.patients.index(name)
        np.testing.assert_array_equal(
            part.score[part.unit == place], whole.score[whole.unit == old]
        )
    assert part.images.sum() == len(part.label)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("prob_osteosarcoma", np.nan, "not a number"),
        ("prob_osteosarcoma", 1.7, "outside 0 to 1"),
        ("prob_osteosarcoma", 0.123456, "do not sum to 1"),
        ("fold", None, "no sample_id or"),
        ("label", 2, "a label outside"),
        ("sample_id", "S0000", "second prediction"),
        ("split", "train", "training part"),
        ("patient_id", "P0001", "more than one label"),
    ],
)
def test_bad_rows_are_refused_by_name(predictions, column, value, said):
    row = predictions.index[predictions["patient_id"] == "P0002"][0]
    name = "S0000" if column == "sample_id" else predictions.loc[row, "sample_id"]
    predictions.loc[row, column] = value
    with pytest.raises(PredictionsError, match=said) as caught:
        checked(predictions)
    assert "resnet18_baseline" in str(caught.value)
    if column != "patient_id":
        assert name in str(caught.value)


def test_a_missing_column_and_an_empty_table_are_refused(predictions):
    with pytest.raises(PredictionsError, match="fold"):
        checked(predictions.drop(columns="fold"))
    with pytest.raises(PredictionsError, match="no row"):
        checked(predictions.iloc[:0])
