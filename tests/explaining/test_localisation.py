import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.explaining.localisation import boxes_to_mask, localise


def test_scores_of_a_worked_example() -> None:
    saliency = np.zeros((10, 10))
    saliency[0, :5] = [5, 4, 3, 2, 1]
    lesion = np.zeros((10, 10), bool)
    lesion[0, :3] = True
    lesion[9, :1] = True
    found = localise(saliency, lesion, top_share=0.05)
    assert found.pointing == 1 and found.lesion_share == 0.04
    assert found.energy == pytest.approx(12 / 15)
    assert found.iou == pytest.approx(3 / (5 + 4 - 3))


def test_perfect_and_wrong_maps() -> None:
    lesion = np.zeros((20, 20), bool)
    lesion[:6, :10] = True  # 15 % of the image
    right, wrong = localise(lesion * 1.0, lesion), localise(~lesion * 1.0, lesion)
    assert (right.pointing, right.energy, right.iou) == (1, 1, 1)
    assert (wrong.pointing, wrong.energy, wrong.iou) == (0, 0, 0)


def test_a_flat_map_scores_chance() -> None:
    lesion = np.zeros((20, 20), bool)
    lesion[5:9, 5:15] = True
    found = localise(np.full((20, 20), 0.3), lesion)
    assert (found.pointing, found.energy, found.lesion_share) == pytest.approx((0.1, 0.1, 0.1))
    assert found.iou == pytest.approx(0.015 / (0.15 + 0.1 - 0.015))


def test_an_empty_map_is_a_miss_and_no_lesion_is_not_a_number() -> None:
    lesion = np.ones((4, 4), bool)
    empty = localise(np.zeros((4, 4)), lesion)
    assert (empty.pointing, empty.energy, empty.iou, empty.lesion_share) == (0, 0, 0, 1)
    negative = localise(-np.ones((4, 4)), lesion)
    assert negative.energy == 0
    none = localise(np.ones((4, 4)), np.zeros((4, 4), bool))
    assert np.isnan([none.pointing, none.energy, none.iou, none.lesion_share]).all()


@given(st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_scores_lie_in_0_to_1_and_do_not_depend_on_order_or_scale(seed: int) -> None:
    rng = np.random.default_rng(seed)
    saliency, lesion = rng.integers(-2, 4, (9, 7)) / 2, rng.random((9, 7)) < 0.3
    lesion[0, 0] = True
    found = localise(saliency, lesion)
    assert all(0 <= v <= 1 for v in vars(found).values())
    order = rng.permutation(63)
    again = localise(7 * saliency.ravel()[order].reshape(9, 7), lesion.ravel()[order].reshape(9, 7))
    np.testing.assert_allclose(list(vars(found).values()), list(vars(again).values()))


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="shape"):
        localise(np.ones((2, 2)), np.ones((3, 3), bool))
    with pytest.raises(ValueError, match="finite"):
        localise(np.full((2, 2), np.nan), np.ones((2, 2), bool))
    with pytest.raises(ValueError, match=r"top_share is 1\.0"):
        localise(np.ones((2, 2)), np.ones((2, 2), bool), top_share=1.0)


def test_boxes_become_a_mask() -> None:
    mask = boxes_to_mask([[1.0, 2.0, 3.0, 4.0, "osteosarcoma"], [-5, -5, 1, 1, "x"]], (5, 6))
    wanted = np.zeros((5, 6), bool)
    wanted[2:4, 1:3] = True
    wanted[0, 0] = True
    np.testing.assert_array_equal(mask, wanted)
