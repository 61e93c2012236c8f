"""What may be judged, and patients as means over their images."""

import numpy as np
import pandas as pd
import pytest

from osteon.measures.levels import (
    DIVIDED,
    PredictionsError,
    at_level,
    checked,
    levels_of,
    numbered,
    one_vs_rest,
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


@pytest.fixture
def series(predictions):
    """Images of a patient in sequences of two."""
    number = predictions.groupby(["learner", "patient_id"]).cumcount() // 2
    return predictions.assign(sequence_id=predictions["patient_id"] + "-" + number.astype(str))


def test_a_sequence_is_the_mean_of_its_images_and_stays_with_its_patient(series):
    judged = one(series, "sequence")
    rows = series[series["learner"] == "resnet18_all"]
    expected = rows.groupby("sequence_id", sort=False)["prob_osteosarcoma"].mean()
    np.testing.assert_allclose(judged.score, expected)
    owners = rows.drop_duplicates("sequence_id")["patient_id"]
    assert [judged.patients[place] for place in judged.unit] == owners.tolist()
    np.testing.assert_array_equal(judged.label, judged.strata[judged.unit])
    assert judged.images.sum() == len(rows) and not judged.divided
    patient = one(series, "patient")
    np.testing.assert_allclose(
        patient.score, rows.groupby("patient_id")["prob_osteosarcoma"].mean()
    )


def test_sequences_are_a_level_only_if_every_row_has_one_or_can_be_given_one(series):
    assert levels_of(checked(series)) == ("patient", "sequence", "image")
    assert levels_of(checked(series.drop(columns="sequence_id"))) == ("patient", "image")
    assert levels_of(checked(series.assign(sequence_id=None))) == ("patient", "image")
    # A control names none, but judges the same samples.
    base = series["learner"] == "resnet18_baseline"
    control = series.assign(sequence_id=series["sequence_id"].mask(base))
    filled = checked(control)
    assert levels_of(filled) == ("patient", "sequence", "image")
    assert filled["sequence_id"].tolist() == series["sequence_id"].tolist()
    missing = series.assign(sequence_id=series["sequence_id"].mask(series["sample_id"] == "S0000"))
    assert levels_of(checked(missing)) == ("patient", "image")


def test_a_sequence_of_two_patients_is_refused(series):
    with pytest.raises(PredictionsError, match="a sequence of more than one patient"):
        checked(series.assign(sequence_id="one"))


def test_one_vs_rest_makes_any_class_the_positive_one(predictions):
    three = predictions.rename(columns={"prob_non_tumour": "prob_a", "prob_osteosarcoma": "prob_c"})
    three["prob_b"], three["prob_a"] = three["prob_a"] * 0.75, three["prob_a"] * 0.25
    three = three[[*[c for c in three if not c.startswith("prob")], "prob_a", "prob_b", "prob_c"]]
    three["label"] = np.where(three["label"] == 1, 2, three["patient_id"].str[-2:].eq("01"))
    made = checked(one_vs_rest(three, "b"))
    np.testing.assert_array_equal(made["positive"], three["label"] == 1)
    np.testing.assert_allclose(made["score"], three["prob_b"])
    assert [c for c in made if c.startswith("prob")] == ["prob_rest", "prob_b"]
    last = checked(one_vs_rest(three, "c"))
    np.testing.assert_array_equal(last["score"], checked(three)["score"])
    np.testing.assert_array_equal(last["positive"], checked(three)["positive"])
    with pytest.raises(PredictionsError, match="'d' found, one of"):
        one_vs_rest(three, "d")
