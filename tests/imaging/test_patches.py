"""Patches on a stride, what they are called against counting by hand, and which of them stay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.imaging.patches import (
    grid_shape,
    least_pixels,
    patch_labels,
    positions,
    undersample,
)

SIDES = st.integers(1, 24)


def by_hand(mask: np.ndarray, patch: int, stride: int, tissue: tuple[int, ...]) -> np.ndarray:
    """Pixels of a patch that hold one of some values, patch by patch."""
    tops, lefts = (range(0, side - patch + 1, stride) for side in mask.shape)
    return np.array(
        [[np.isin(mask[y : y + patch, x : x + patch], tissue).sum() for x in lefts] for y in tops]
    )


@given(SIDES, SIDES, st.integers(1, 12), st.integers(1, 9))
def test_positions_are_all_the_patches_inside_row_by_row(rows, columns, patch, stride):
    if min(rows, columns) < patch:
        with pytest.raises(ValueError, match=f"{rows} x {columns} px .* smaller than a patch of"):
            positions(rows, columns, patch, stride)
        return
    found = positions(rows, columns, patch, stride)
    wanted = [
        (y, x)
        for y in range(0, rows, stride)
        for x in range(0, columns, stride)
        if y + patch <= rows and x + patch <= columns
    ]
    assert found.dtype == np.int32 and found.shape == (len(wanted), 2)
    assert list(map(tuple, found.tolist())) == wanted
    assert np.prod(grid_shape(rows, columns, patch, stride)) == len(wanted)


@pytest.mark.parametrize(("patch", "stride"), [(0, 1), (4, 0), (-1, 1)])
def test_a_patch_and_a_stride_have_a_pixel(patch, stride):
    with pytest.raises(ValueError, match="patch, stride: "):
        positions(10, 10, patch, stride)


def test_an_image_as_large_as_a_patch_has_one():
    assert positions(32, 32, 32, 4).tolist() == [[0, 0]]


def test_sixty_per_cent_of_1024_pixels_are_615():
    assert least_pixels(32, 0.6) == 615
    mask = np.zeros((32, 32), np.uint8)
    for pixels, label in ((614, 0), (615, 1)):
        mask.flat[:pixels] = 7
        assert patch_labels(mask, 32, 8, target=7).tolist() == [[label]]


@pytest.mark.parametrize(
    ("patch", "fraction", "least"),
    [(10, 0.55, 55), (10, 0.07, 7), (5, 0.6, 15), (2, 0.5, 2), (3, 1, 9), (32, 1e-6, 1)],
)
def test_a_share_is_taken_as_written(patch, fraction, least):
    assert least_pixels(patch, fraction) == least


@given(st.data())
@settings(max_examples=80)
def test_labels_are_those_of_counting_by_hand(data):
    patch, stride = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 7))
    rows, columns = (data.draw(st.integers(patch, 22)) for _ in range(2))
    mask = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 4, (rows, columns))
    fraction = data.draw(st.sampled_from([0.2, 0.25, 0.5, 0.6, 1.0]))
    target, others = 1, (2, 3)
    found = patch_labels(
        mask, patch, stride, target=target, others=others, fraction=fraction, classes=3
    )
    need = fraction * patch * patch - 1e-9
    hit = by_hand(mask, patch, stride, (target,)) >= need
    bone = by_hand(mask, patch, stride, (target, *others)) >= need
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found, np.where(hit, 1, np.where(bone, 2, 0)))
    two = patch_labels(mask, patch, stride, target=target, others=others, fraction=fraction)
    np.testing.assert_array_equal(two, hit)


@pytest.mark.parametrize("patch", [1, 4, 5, 32])
@pytest.mark.parametrize("stride", [1, 3, 8])
def test_the_centre_is_the_lower_right_of_the_middle_four(patch, stride):
    mask = np.random.default_rng(patch).integers(0, 3, (40, 37)).astype(np.uint8)
    found = patch_labels(mask, patch, stride, target=2, others=(1,), rule="centre", classes=3)
    at = positions(40, 37, patch, stride) + patch // 2
    values = mask[at[:, 0], at[:, 1]]
    np.testing.assert_array_equal(found.ravel(), np.choose(values, [0, 2, 1]))
    even = np.zeros((4, 4), np.uint8)
    even[2, 2] = 1
    assert patch_labels(even, 4, 1, target=1, rule="centre").tolist() == [[1]]


def test_vertebra_around_a_small_lesion_stays_vertebra():
    mask = np.zeros((10, 10), np.uint8)
    mask[:5] = 2  # half vertebra
    mask[5:7] = 1  # a fifth tumour: together 70 %
    arguments = {"target": 1, "others": (2,), "classes": 3}
    assert patch_labels(mask, 10, 1, **arguments).tolist() == [[2]]
    mask[6:] = 0
    assert patch_labels(mask, 10, 1, **arguments).tolist() == [[2]]
    mask[5:] = 0
    assert patch_labels(mask, 10, 1, **arguments).tolist() == [[0]]


def test_a_tumour_on_the_border_has_its_patches():
    mask = np.zeros((20, 20), np.uint8)
    mask[12:, 15:] = 1
    found = patch_labels(mask, 4, 4, target=1)
    assert np.argwhere(found).tolist() == [[3, 4], [4, 4]]
    # at x = 12 only one column of four is tumour; the rows from 18 belong to the last patches
    assert patch_labels(mask, 4, 4, target=1, fraction=0.25)[3:, 3:].all()


def test_a_small_lesion_never_has_a_patch_under_the_60_per_cent_rule():
    y, x = np.indices((64, 64)) - 32
    mask = (y**2 + x**2 <= 13.5**2).astype(np.uint8)  # 18.3 mm across at 0.677 mm/px
    assert not patch_labels(mask, 32, 1, target=1).any()
    assert patch_labels(mask, 32, 1, target=1, rule="centre").sum() == mask.sum()


def test_an_empty_mask_has_no_target():
    assert not patch_labels(np.zeros((40, 50), bool), 16, 8, target=1).any()


def test_sums_over_unsigned_integers_stay_exact():
    mask = np.ones((300, 300), np.uint8)
    assert patch_labels(mask, 299, 1, target=1, fraction=1).all()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rule": "corner"}, "rule: 'corner'"),
        ({"fraction": 0}, "fraction: 0"),
        ({"fraction": 1.01}, "fraction: 1.01"),
        ({"fraction": float("nan")}, "fraction: nan"),
        ({"classes": 4}, "classes: 4"),
        ({"classes": 3}, "others: none"),
        ({"others": (1, 2)}, r"others: \(1, 2\)"),
        ({"patch": 9}, "8 x 8 px .* smaller than a patch of 9 x 9"),
        ({"mask": np.zeros((8, 8))}, "mask: dtype float64"),
        ({"mask": np.zeros((8, 8, 1), int)}, r"shape \(8, 8, 1\)"),
    ],
)
def test_errors_name_the_argument(changes, named):
    arguments = {"mask": np.zeros((8, 8), int), "patch": 4, "stride": 2, "target": 1} | changes
    with pytest.raises(ValueError, match=named):
        patch_labels(**arguments)


@given(st.integers(1, 60), st.integers(0, 900), st.floats(0.05, 0.95), st.integers(0, 9))
def test_all_of_the_target_stays_and_the_rest_makes_its_share(few, many, share, seed):
    labels = np.random.default_rng(seed).permutation([1] * few + [0] * many)
    labels[labels == 0] = np.random.default_rng(seed).choice([0, 2], many)
    kept = undersample(labels, share, np.random.default_rng(seed))
    assert kept.dtype == np.int64 and (np.diff(kept) > 0).all()
    assert (labels[kept] == 1).sum() == few
    rest = len(kept) - few
    assert rest == min(many, round(few * share / (1 - share)))
    again = undersample(labels, share, np.random.default_rng(seed))
    np.testing.assert_array_equal(kept, again)


def test_the_paper_s_balance():
    labels = np.repeat([0, 1], [9400, 600])
    kept = undersample(labels, 0.6, np.random.default_rng(0))
    assert len(kept) == 1500 and (kept < 9400).sum() == 900
    other = undersample(labels, 0.6, np.random.default_rng(1))
    assert (kept != other).any()


def test_the_rest_is_drawn_evenly_from_all_of_it():
    labels = np.repeat([0, 1], [1000, 250])
    hits = np.zeros(1000)
    for seed in range(200):
        kept = undersample(labels, 0.5, np.random.default_rng(seed))
        hits[kept[kept < 1000]] += 1
    assert hits.sum() == 200 * 250
    # 50 hits expected of each; about five standard deviations either way
    assert hits.min() > 18 and hits.max() < 82
    assert abs(hits[:500].mean() - hits[500:].mean()) < 2


def test_what_is_balanced_already_is_left_alone():
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    assert undersample([1, 0, 1, 1], 0.6, rng).tolist() == [0, 1, 2, 3]
    assert undersample([], 0.6, rng).tolist() == []
    assert rng.bit_generator.state == before


@pytest.mark.parametrize(
    ("labels", "share", "named"),
    [([0, 1], 1, "share: 1"), ([0, 1], 0, "share: 0"), ([[0, 1]], 0.5, "labels: shape"),
     ([0, 2, 0], 0.5, "labels: no 1 among 3")],
)  # fmt: skip
def test_what_cannot_be_balanced_is_refused(labels, share, named):
    with pytest.raises(ValueError, match=named):
        undersample(labels, share, np.random.default_rng(0))
