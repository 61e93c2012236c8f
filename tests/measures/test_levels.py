"""What may be judged, and patients as means over their images."""

import numpy as np
import pandas as pd
import pytest

from osteon.measures.levels import (
    DIVIDED,
    PredictionsError,
    at_level,
    checked,
    numbered,
    restrict,
)


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


def test_row_order_changes_the_order_of_patients_only(predictions):
    shuffled = predictions.sample(frac=1, random_state=0)
    first, second = one(predictions, "patient"), one(shuffled, "patient")
    assert first.patients != second.patients
    score = dict(zip(first.patients, first.score, strict=True))
    np.testing.assert_allclose(second.score, [score[name] for name in second.patients])


def test_patients_stand_as_in_the_whole_table_whatever_their_names(predictions):
    """Also for a learner that judged fewer of them, and in another order of its own."""
    names = sorted(set(predictions["patient_id"]), reverse=True)
    predictions["patient_id"] = predictions["patient_id"].map(
        dict(zip(sorted(names), names, strict=True))
    )
    expected = tuple(dict.fromkeys(predictions["patient_id"]))
    assert expected[0] > expected[1]
    mine = predictions["learner"] == "resnet18_all"
    gone = predictions["patient_id"] == expected[3]
    table = pd.concat([predictions[~mine], predictions[mine & ~gone].iloc[::-1]])
    for level in ("image", "patient"):
        judged = one(table, level)
        assert judged.patients == (*expected[:3], *expected[4:])
        rows = table[(table["learner"] == "resnet18_all")]
        images = rows["patient_id"].value_counts()
        np.testing.assert_array_equal(judged.images, images[list(judged.patients)])


def test_tables_numbered_together_share_one_order(predictions):
    first = checked(predictions)
    second = checked(predictions[predictions["patient_id"] != "P0005"].iloc[::-1])
    assert second["patient_order"].iloc[-1] > second["patient_order"].iloc[0] == 0
    both = pd.concat(numbered(first, second)).groupby("patient_id")["patient_order"]
    assert (both.nunique() == 1).all() and both.first().nunique() == 60


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
