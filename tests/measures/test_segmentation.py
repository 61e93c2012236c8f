"""Overlap by hand and by law; the tidy table, its rule for empty masks and its errors."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from osteon.measures.segmentation import (
    Case,
    SegmentationError,
    count,
    count_patches,
    overlap,
    score,
)
from osteon.measures.surfaces import MaskError
from osteon.schemas import segmentations

SHAPES = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6)
laws = settings(max_examples=60, deadline=None)


@st.composite
def pairs(draw):
    shape = draw(SHAPES)
    return draw(arrays(bool, shape)), draw(arrays(bool, shape))


def scores(prediction, reference):
    counts = count(prediction, reference)
    found = overlap(*(np.array([counts[name]]) for name in ("tp", "fp", "fn")))
    return {name: float(value[0]) for name, value in found.items()}


def mask(*pixels, shape=(6, 6)):
    made = np.zeros(shape, int)
    for pixel in pixels:
        made[pixel] = 1
    return made


def case(prediction, reference, patient="P1", learner="unet", fold=0, spacing=None):
    spacing = spacing or (1.0,) * np.ndim(prediction)
    return Case("penn", learner, patient, fold, "cv", prediction, reference, spacing)


def test_a_worked_example():
    # 3 predicted, 4 true, 2 shared: Dice 4/7, IoU 2/5, precision 2/3, recall 2/4.
    said, true = mask((0, 0), (0, 1), (0, 2)), mask((0, 1), (0, 2), (0, 3), (0, 4))
    assert count(said, true) == {"tp": 2, "fp": 1, "fn": 2, "tn": 31}
    assert scores(said, true) == pytest.approx(
        {"dice": 4 / 7, "iou": 2 / 5, "precision": 2 / 3, "recall": 1 / 2}
    )


@laws
@given(pairs())
def test_dice_and_iou_are_symmetric_and_one_gives_the_other(pair):
    here, there = scores(*pair), scores(*pair[::-1])
    np.testing.assert_equal(here["dice"], there["dice"])
    np.testing.assert_equal(here["iou"], there["iou"])
    if pair[0].any() and pair[1].any():
        assert here["precision"] == pytest.approx(there["recall"])
    if pair[0].any() or pair[1].any():
        assert here["iou"] == pytest.approx(here["dice"] / (2 - here["dice"]))


@laws
@given(pairs())
def test_a_mask_overlaps_itself_wholly_wherever_it_lies(pair):
    if pair[0].any():
        assert set(scores(pair[0], pair[0]).values()) == {1.0}
    np.testing.assert_equal(scores(*pair), scores(*(np.pad(one, 2) for one in pair)))


@pytest.mark.parametrize(
    ("said", "true", "empty", "expected"),
    [
        # dice, iou, precision, recall, nsd, hd95: the diagonal of 6 x 6 mm where one is empty
        (mask(), mask(), "both", [np.nan] * 6),
        (mask((1, 1)), mask(), "reference", [0, 0, 0, np.nan, 0, np.sqrt(72)]),
        (mask(), mask((1, 1)), "prediction", [0, 0, np.nan, 0, 0, np.sqrt(72)]),
        (mask((1, 1)), mask((1, 1)), "neither", [1, 1, 1, 1, 1, 0]),
    ],
)
def test_the_rule_for_empty_masks(said, true, empty, expected):
    row = score([case(said, true)], 1.0).iloc[0]
    assert row["empty"] == empty
    names = ["dice", "iou", "precision", "recall", "nsd", "hd95_mm"]
    np.testing.assert_allclose(row[names].to_numpy(float), expected)


def test_a_patient_s_images_are_judged_as_one():
    # Slice 1: all 4 found; slice 2: none of 1. Pooled 8/9, the mean of slices would be 0.5.
    whole = mask((0, 0), (0, 1), (1, 0), (1, 1))
    table = score([case(whole, whole), case(mask(), mask((3, 3)))], 1.0)
    row = table.iloc[0]
    assert len(table) == 1 and row["images"] == 2 and row["empty"] == "neither"
    assert row["dice"] == pytest.approx(8 / 9)
    assert row["nsd"] == pytest.approx(8 / 9)
    assert row["tp"] + row["fp"] + row["fn"] + row["tn"] == 72


def test_one_row_a_learner_and_patient_that_the_schema_takes():
    some, none = mask((1, 1), (2, 2)), mask()
    volume = np.zeros((3, 4, 5))
    volume[1, 1:3, 1:3] = 1
    cases = [
        case(some, some, "P2", "unet"),
        case(some, mask((1, 1)), "P2", "penn"),
        case(none, none, "P1", "unet"),
        case(none, some, "P3", "unet", 1),
        case(some, none, "P4", "unet", 1),
        case(volume, np.roll(volume, 1, 2), "P5", "unet", 1, (3.0, 0.68, 0.68)),
    ]
    table = score(iter(cases), 2.0)
    assert list(table["patient_id"]) == ["P2", "P2", "P1", "P3", "P4", "P5"]
    checked = segmentations.schema.validate(table, lazy=True)
    assert list(checked["dice"].isna()) == [False, False, True, False, False, False]
    assert table["hd95_mm"].iloc[5] == pytest.approx(0.68)


def test_a_case_that_cannot_be_judged_names_patient_and_learner():
    with pytest.raises(MaskError, match=r"patient P1, learner unet: prediction: shape \(2, 3\)"):
        score([case(np.zeros((2, 3)), mask())], 1.0)
    with pytest.raises(MaskError, match="patient P1, learner unet: spacing"):
        score([case(mask(), mask(), spacing=(1.0,))], 1.0)
    with pytest.raises(MaskError, match="tolerance"):
        score([case(mask((1, 1)), mask())], -1.0)
    with pytest.raises(SegmentationError, match="cases: none found"):
        score([], 1.0)


def test_patches_are_counted_by_learner_and_patient():
    patches = pd.DataFrame(
        {
            "learner": ["a"] * 5 + ["b"],
            "patient_id": ["P2", "P2", "P2", "P1", "P1", "P2"],
            "fold": [0, 0, 0, 1, 1, 0],
            "label": [1, 1, 0, 0, 0, 1],
            "called": [1, 0, 1, 0, 0, 1],
        }
    )
    counted = count_patches(patches)
    segmentations.patch_schema.validate(counted, lazy=True)
    assert counted.to_numpy().tolist() == [
        ["a", "P2", 0, 1, 1, 1, 0],
        ["a", "P1", 1, 0, 0, 0, 2],
        ["b", "P2", 0, 1, 0, 0, 0],
    ]
    with pytest.raises(SegmentationError, match=r"column label: 0.5 found, 0 or 1 allowed"):
        count_patches(patches.assign(label=0.5))
    with pytest.raises(SegmentationError, match=r"without columns \['called'\]"):
        count_patches(patches.drop(columns="called"))
