"""What boxes say of an image, and which of them speak."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.measures.opinions import image_opinions

CLASSES = ("benign", "malignant")
SAMPLES = pd.DataFrame({"sample_id": ["C", "A", "B"], "patient_id": "P"})


def boxes(*rows: tuple[str, float, float]) -> pd.DataFrame:
    """Sample, probability of benign, of malignant; the score is the larger one."""
    table = pd.DataFrame(rows, columns=["sample_id", "prob_benign", "prob_malignant"])
    return table.assign(score=table[["prob_benign", "prob_malignant"]].max(axis=1))


def opinions(found: pd.DataFrame, **options) -> list[float]:
    return image_opinions(found, SAMPLES, CLASSES, **options)["d"].tolist()


TWO = boxes(("A", 0.1, 0.3), ("A", 0.6, 0.2), ("B", 0.0, 0.5))


def test_the_surest_box_speaks_with_its_share_of_the_foreground() -> None:
    found = opinions(TWO)
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([0.2 / 0.8, 1.0])


def test_all_boxes_speak_by_their_mean_or_as_independent_witnesses() -> None:
    assert opinions(TWO, aggregate="mean")[1] == pytest.approx(0.25 / (0.25 + 0.35))
    malignant, benign = 1 - 0.7 * 0.8, 1 - 0.9 * 0.4
    assert opinions(TWO, aggregate="noisy_or")[1] == pytest.approx(malignant / (malignant + benign))


@pytest.mark.parametrize("aggregate", ["max", "mean", "noisy_or"])
def test_one_box_says_the_same_in_every_way(aggregate) -> None:
    found = opinions(boxes(("A", 0.2, 0.6), ("C", 1.0, 0.0), ("B", 0.0, 1.0)), aggregate=aggregate)
    assert found == pytest.approx([0.0, 0.75, 1.0])


@pytest.mark.parametrize("aggregate", ["max", "mean", "noisy_or"])
def test_boxes_below_the_score_are_not_looked_at(aggregate) -> None:
    one = opinions(TWO[TWO["score"] >= 0.5], aggregate=aggregate)
    np.testing.assert_array_equal(opinions(TWO, score=0.5, aggregate=aggregate), one)
    assert np.isnan(opinions(TWO, score=0.61, aggregate=aggregate)).all()
    assert not np.isnan(opinions(TWO, score=0.6, aggregate=aggregate)[1])  # the bound belongs to it


def test_samples_keep_order_columns_and_boxes_of_others_are_no_matter() -> None:
    found = image_opinions(pd.concat([TWO, boxes(("other", 0.1, 0.9))]), SAMPLES, CLASSES)
    pd.testing.assert_frame_equal(found[["sample_id", "patient_id"]], SAMPLES)
    assert "d" not in SAMPLES


@pytest.mark.parametrize("aggregate", ["max", "mean", "noisy_or"])
def test_without_any_box_nothing_is_said(aggregate) -> None:
    found = image_opinions(TWO.iloc[:0], SAMPLES, CLASSES, aggregate=aggregate)["d"]
    assert found.isna().all() and found.dtype == np.float64


def test_the_first_of_equally_sure_boxes_speaks() -> None:
    assert opinions(boxes(("A", 0.5, 0.1), ("A", 0.1, 0.5)))[1] == pytest.approx(1 / 6)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.floats(0.01, 0.5), st.floats(0.01, 0.5)), min_size=1, max_size=6),
    st.sampled_from(["max", "mean", "noisy_or"]),
)
def test_the_classes_share_one_opinion(pairs, aggregate) -> None:
    found = boxes(*(("A", *pair) for pair in pairs))
    one = opinions(found, aggregate=aggregate)[1]
    names = {"prob_benign": "prob_malignant", "prob_malignant": "prob_benign"}
    other = opinions(found.rename(columns=names), aggregate=aggregate)[1]
    assert one + other == pytest.approx(1) and 0 < one < 1


def test_another_aggregate_is_refused() -> None:
    with pytest.raises(ValueError, match="aggregate: 'min' found; allowed are max, mean, noisy_or"):
        opinions(TWO, aggregate="min")
